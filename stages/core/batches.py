"""Batches for training: read from the memory map in an order that is a function of (seed, epoch)."""

import keras
import numpy as np

from stages.core.augmentation import augmented, draws
from stages.core.balancing import class_weights, epoch_rows
from stages.core.fit_options import Fit
from stages.core.packs import Pack

BLOCKS_AT_ONCE = 16  # blocks whose rows are mixed: 16 x 512 rows read a cold disk 100 times as fast as single rows


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


class TrainBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled, augmented batches (images uint8 [B, H, W, C], one-hot labels float32 [B, K]).

    An epoch holds every image once, or as often as fit.balance says; the last batch may be smaller. Where it
    weighs classes, a third item float32 [B] holds the weight of each image's loss.
    """

    def __init__(self, pack: Pack, n_classes: int, fit: Fit) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self.pack, self.fit, self.one_hot = pack, fit, np.eye(n_classes, dtype=np.float32)
        self.rows = epoch_rows(pack.labels, fit.balance)
        weights = class_weights(np.bincount(pack.labels, minlength=n_classes), fit.balance)
        self.weights = weights.astype(np.float32) if np.ptp(weights) else None
        self.start(0)

    def start(self, epoch: int) -> None:
        """Draw the order and the changes of an epoch (from 0); called before its first batch is taken."""
        self.order = epoch_order(len(self.rows), self.fit.shuffle_block, self.fit.seed, epoch)
        self.draws = draws(len(self.rows), self.fit.seed, epoch)  # a repeated image gets draws of its own

    def __len__(self) -> int:
        return -(-len(self.rows) // self.fit.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        size = self.fit.batch_size
        places = np.sort(self.order[index * size : (index + 1) * size])  # sorted rows read the map in one sweep
        rows = self.rows[places]
        images = augmented(self.pack.images[rows], self.draws[places], self.fit.augment)
        labels = self.pack.labels[rows]
        plain = (images, self.one_hot[labels])
        return plain if self.weights is None else (*plain, self.weights[labels])


class PlainBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Unshuffled, unchanged batches of a split, for validation and prediction."""

    def __init__(self, pack: Pack, n_classes: int, batch_size: int) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self.pack, self.batch_size, self.one_hot = pack, batch_size, np.eye(n_classes, dtype=np.float32)

    def __len__(self) -> int:
        return -(-len(self.pack.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return np.asarray(self.pack.images[rows]), self.one_hot[self.pack.labels[rows]]
