"""Batches: a function of (seed, epoch, index), so that epoch k is the same whatever was before."""

import numpy as np
import pytest

from stages.core.images.packs import Pack
from stages.core.layout import PROJECT
from stages.core.settings.fit_options import Fit
from stages.core.settings.params import read_yaml
from stages.core.training.batches import PlainBatches, TrainBatches, stream

WRITTEN = read_yaml(PROJECT / "params.yaml")["models"]["residual"]["fit"]
EVERYTHING = {
    **WRITTEN["augment"],
    "flip": "alternating_dihedral", "shift": 0.2, "cutout": 0.3, "mixup": 0.4, "cutmix": 1.0,
    "randaugment": {"operations": 2, "magnitude": 7.0},
}  # fmt: skip


def pack(n=50):
    rng = np.random.default_rng(1)
    return Pack(rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8), np.arange(n) % 3, [str(i) for i in range(n)])


def batches(**changes):
    return TrainBatches(pack(), 3, Fit.model_validate({**WRITTEN, "batch_size": 16, **changes}))


def taken(of):
    return [of[index] for index in range(len(of))]


def same(one, other):
    return all((a == b).all() for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("block", [1, 8])
def test_an_epoch_does_not_depend_on_those_before(block):
    """Epoch 5 after four others, or alone, backwards or forwards: the same bytes. So a restart is exact."""
    walked, fresh = (batches(augment=EVERYTHING, shuffle_block=block) for _ in range(2))
    for epoch in range(5):
        walked.start(epoch)
        taken(walked)
    walked.start(5)
    fresh.start(5)

    forwards = taken(fresh)
    assert same(taken(walked), forwards)
    assert same([fresh[i] for i in reversed(range(len(fresh)))][::-1], forwards)
    fresh.start(6)
    assert not same(taken(fresh), forwards)


def test_another_seed_gives_other_batches():
    """Order, augmentation and mixing follow fit.seeds."""
    assert not same(taken(batches(augment=EVERYTHING)), taken(batches(augment=EVERYTHING, seeds=[7])))


def test_a_stream_gives_each_batch_once_and_in_order():
    """What TensorFlow reads is what the batches are, on every pass, with the short one at the end."""
    of = batches(augment=EVERYTHING)
    data = stream(of)

    for _ in range(2):
        read = [tuple(part.numpy() for part in batch) for batch in data]
        assert same(read, taken(of))
    assert [len(images) for images, _ in read] == [16, 16, 16, 2]


def test_a_stream_of_validation_holds_every_image_unchanged():
    """In the order of the pack."""
    read = [images.numpy() for images, _ in stream(PlainBatches(pack(), 3, 20))]

    assert (np.concatenate(read) == pack().images).all()


def test_images_shrink_but_labels_do_not_change():
    """At scale 1/2 a batch holds the same labels, and images of half the side."""
    of = batches()
    whole = of[0]
    of.scale = 0.5

    assert of[0][0].shape == (16, 4, 4, 3)
    assert (of[0][1] == whole[1]).all()


def test_the_sample_for_statistics_is_of_full_size_and_unmixed():
    """Batch norm's statistics are taken on images as they will be predicted."""
    of = batches(augment={**EVERYTHING, "randaugment": None, "cutout": 0.0, "shift": 0.0, "flip": "none"})
    of.scale = 0.5
    seen = np.concatenate(list(of.sample()))

    assert sorted(image.tobytes() for image in seen) == sorted(image.tobytes() for image in pack().images)
