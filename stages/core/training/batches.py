"""Batches for training: read from the memory map in an order that is a function of (seed, epoch)."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from stages.core.images.packs import Pack
from stages.core.settings.fit_options import Fit
from stages.core.training.augmentation import augmented, draws, shrunk
from stages.core.training.balancing import class_weights, epoch_rows
from stages.core.training.mixing import mixed

BLOCKS_AT_ONCE = 16  # blocks whose rows are mixed: 16 x 512 rows read a cold disk 100 times as fast as single rows
SAMPLE = 2048  # images on which batch norm's statistics are taken anew
AHEAD = 4  # batches that wait: enough for a jitter of the disk, and bounded in memory
Batch = tuple[np.ndarray, ...]


def epoch_order(n_images: int, block: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of range(n_images), int64: a function of its arguments alone.

    With block > 1 whole blocks of neighbouring rows are shuffled, and rows only among 16 blocks at a time.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    if block == 1:
        return rng.permutation(n_images)
    starts = rng.permutation(np.arange(0, n_images, block))
    groups = [starts[at : at + BLOCKS_AT_ONCE] for at in range(0, len(starts), BLOCKS_AT_ONCE)]
    rows = [np.concatenate([np.arange(s, min(s + block, n_images)) for s in group]) for group in groups]
    return np.concatenate([rng.permutation(group) for group in rows])


class Batches(Protocol):
    """A number of batches, each (images uint8 [B, H, W, C], labels float32 [B, K]) or with weights float32 [B]."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Batch: ...


class TrainBatches:
    """Shuffled, augmented batches (images uint8 [B, H, W, C], one-hot labels float32 [B, K]).

    An epoch holds every image once, or as often as fit.balance says; the last batch may be smaller. Where it
    weighs classes, a third item float32 [B] holds the weight of each image's loss.
    """

    def __init__(self, pack: Pack, n_classes: int, fit: Fit) -> None:
        self.pack, self.fit, self.one_hot = pack, fit, np.eye(n_classes, dtype=np.float32)
        self.rows = epoch_rows(pack.labels, fit.balance)
        weights = class_weights(np.bincount(pack.labels, minlength=n_classes), fit.balance)
        self.weights = weights.astype(np.float32) if np.ptp(weights) else None
        self.scale = 1.0
        self.start(0)

    def start(self, epoch: int) -> None:
        """Draw the order and the changes of an epoch (from 0); called before its first batch is taken."""
        self.epoch, self.skipped = epoch, 0
        self.order = epoch_order(len(self.rows), self.fit.shuffle_block, self.fit.seed, epoch)
        # a repeated image gets draws of its own
        self.draws = draws(len(self.rows), self.fit.seed, epoch, self.fit.augment)

    def skip(self, n_batches: int) -> None:
        """Give a single image for each of the first batches: nobody trains on them, and they are to cost nothing."""
        self.blank = tuple(part[:1] for part in self[n_batches]) if n_batches else ()
        self.skipped = n_batches

    def __len__(self) -> int:
        return -(-len(self.rows) // self.fit.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Batch number `index` of the epoch that was started, its images at `scale` of their size."""
        if index < self.skipped:
            return self.blank
        images, labels = self.images(index)
        plain = (shrunk(images, self.scale), self.one_hot[labels])
        batch = plain if self.weights is None else (*plain, self.weights[labels])
        return mixed(batch, self.fit.augment, np.random.default_rng([self.fit.seed, self.epoch, 3, index]))

    def images(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Augmented images uint8 [B, H, W, C] and labels int64 [B] of a batch."""
        size = self.fit.batch_size
        places = np.sort(self.order[index * size : (index + 1) * size])  # sorted rows read the map in one sweep
        rows = self.rows[places]
        return augmented(self.pack.images[rows], self.draws[places], self.fit.augment), self.pack.labels[rows]

    def sample(self) -> Iterator[np.ndarray]:
        """Images uint8 [B, H, W, C] of the first batches of the epoch, SAMPLE or more in all, at their full size."""
        for index in range(min(len(self), -(-SAMPLE // self.fit.batch_size))):
            yield self.images(index)[0]


class PlainBatches:
    """Unshuffled, unchanged batches of a split, for validation and prediction."""

    def __init__(self, pack: Pack, n_classes: int, batch_size: int) -> None:
        self.pack, self.batch_size, self.one_hot = pack, batch_size, np.eye(n_classes, dtype=np.float32)

    def __len__(self) -> int:
        return -(-len(self.pack.labels) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return np.asarray(self.pack.images[rows]), self.one_hot[self.pack.labels[rows]]


def stream(batches: Batches) -> Any:
    """Return batches as a tf.data.Dataset that reads ahead in one thread; each pass over it begins anew.

    Keras' own PyDataset costs 15 us an image more, and tf.data's tuning can stall the end of an epoch.
    """
    import tensorflow as tf

    first = batches[0]
    specs = [tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in first]

    def read(index: Any) -> tuple[Any, ...]:
        parts = tf.numpy_function(lambda at: batches[int(at)], [index], [spec.dtype for spec in specs])
        return tuple(tf.ensure_shape(part, spec.shape) for part, spec in zip(parts, specs, strict=True))

    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return tf.data.Dataset.range(len(batches)).map(read).prefetch(AHEAD).with_options(options)
