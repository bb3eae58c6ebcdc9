"""Augmentation and order: functions of (seed, epoch, index) alone, so that a restart repeats them exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.settings.augment_options import Augment, RandAugment
from stages.core.training import augmentation as a
from stages.core.training.batches import epoch_order

NO_MIX = {"randaugment": None, "mixup": 0.0, "cutmix": 0.0}
OFF = Augment(flip="none", shift=0.0, rotation=0.0, zoom=0.0, brightness=0.0, contrast=0.0, cutout=0.0, **NO_MIX)
ALL = Augment(
    flip="dihedral", shift=0.2, rotation=0.1, zoom=0.2, brightness=0.2, contrast=0.3, cutout=0.3,
    randaugment=RandAugment(operations=2, magnitude=9.0), mixup=0.0, cutmix=0.0,
)  # fmt: skip
options = st.builds(
    Augment,
    flip=st.sampled_from(list(a.N_FLIPS)),
    shift=st.sampled_from([0.0, 0.2]),
    rotation=st.sampled_from([0.0, 0.1]),
    zoom=st.sampled_from([0.0, 0.3]),
    brightness=st.sampled_from([0.0, 0.3]),
    contrast=st.sampled_from([0.0, 0.5]),
    cutout=st.sampled_from([0.0, 0.4]),
    randaugment=st.sampled_from([None, RandAugment(operations=2, magnitude=7.0)]),
    mixup=st.just(0.0),
    cutmix=st.just(0.0),
)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


def images(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def drawn(n_images, **columns):
    """Draws of one half each, but for the named columns."""
    u = np.full((n_images, a.N_DRAWS), 0.5)
    for name, values in columns.items():
        u[:, getattr(a, name)] = values
    return u


def option(**values):
    return OFF.model_copy(update=values)


@given(shapes, options, st.integers(1, 2**31 - 1), st.integers(0, 100), st.data())
def test_an_image_is_changed_alike_in_any_company(shape, chosen, seed, epoch, data):
    """Augmenting some images gives what augmenting all gives: the batch has no say."""
    batch, u = images(shape, seed), a.draws(shape[0], seed, epoch, chosen)
    some = data.draw(st.lists(st.integers(0, shape[0] - 1), min_size=1, unique=True))

    assert (a.augmented(batch[some], u[some], chosen) == a.augmented(batch, u, chosen)[some]).all()


@given(shapes, options)
def test_shape_and_originals_are_kept(shape, chosen):
    """A copy of the same shape and type; the images themselves stay as they were."""
    batch = images(shape)
    before = batch.copy()

    got = a.augmented(batch, a.draws(shape[0], 1, 1, chosen), chosen)

    assert (got.shape, got.dtype) == (batch.shape, np.uint8)
    assert chosen.nothing or not np.shares_memory(got, batch)
    assert (batch == before).all()


@given(shapes, st.integers(0, 50))
def test_all_off_changes_nothing(shape, epoch):
    """Without any change asked for, the images come back."""
    assert (a.augmented(images(shape), a.draws(shape[0], 1, epoch, OFF), OFF) == images(shape)).all()


def test_draws_depend_on_seed_and_epoch():
    """The same arguments draw the same; another seed or epoch draws others; each number is in [0, 1)."""
    first = a.draws(50, 1, 0, OFF)

    assert (a.draws(50, 1, 0, OFF) == first).all()
    assert not (a.draws(50, 2, 0, OFF) == first).any()
    assert not (a.draws(50, 1, 1, OFF) == first).any()
    assert first.min() >= 0
    assert first.max() < 1


def test_draws_of_an_image_do_not_depend_on_how_many_there_are():
    """Row i is what image i gets, of 10 images or of 50."""
    assert (a.draws(10, 1, 3, OFF) == a.draws(50, 1, 3, OFF)[:10]).all()


def symmetries(image):
    """Return the eight symmetries of a square, by rotation and mirror."""
    return [np.rot90(view, k) for view in (image, image[:, ::-1]) for k in range(4)]


def seen(flip, shape=(5, 5, 1)):
    """Every distinct result of flipping one image, as bytes with their shape."""
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    u = drawn(64, FLIP=np.arange(64) / 64)
    return image, {view.tobytes() for view in a.augmented(np.repeat(image[None], 64, 0), u, option(flip=flip))}


def test_dihedral_gives_the_eight_symmetries():
    """All eight, and nothing else."""
    image, views = seen("dihedral")

    assert views == {view.tobytes() for view in symmetries(image)}
    assert len(views) == 8


def test_horizontal_mirrors_left_and_right():
    """The image and its mirror, each for half of the draws."""
    image, views = seen("horizontal")

    assert views == {image.tobytes(), image[:, ::-1].tobytes()}


def test_both_mirrors_both_ways():
    """Four views: as it is, left-right, up-down, both."""
    image, views = seen("both")

    assert views == {image[::y, ::x].tobytes() for y in (1, -1) for x in (1, -1)}


def test_dihedral_of_an_oblong_keeps_its_shape():
    """An image that isn't square can't be turned by 90 degrees: it is mirrored both ways."""
    image, views = seen("dihedral", (3, 5, 1))

    assert views == {image[::y, ::x].tobytes() for y in (1, -1) for x in (1, -1)}


@pytest.mark.parametrize(("flip", "n_views"), [("alternating", 2), ("alternating_dihedral", 8)])
def test_an_alternating_flip_shows_every_view_once_in_turn(flip, n_views):
    """Over as many epochs as there are views an image takes each once; which is first is chance."""
    chosen, batch = option(flip=flip), np.repeat(images((1, 5, 5, 3)), 40, 0)
    epochs = [a.augmented(batch, a.draws(40, 3, epoch, chosen), chosen) for epoch in range(n_views)]

    for i in range(40):
        assert len({epoch[i].tobytes() for epoch in epochs}) == n_views
    assert len({view.tobytes() for view in epochs[0]}) == n_views
    assert (a.augmented(batch, a.draws(40, 3, n_views, chosen), chosen) == epochs[0]).all()


def test_shrinking_averages_areas():
    """Half of 4 x 4 is the mean of each 2 x 2; no rounding of the sides leaves nothing."""
    batch = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 4

    assert a.shrunk(batch, 0.5)[0, ..., 0].tolist() == [[10, 18], [42, 50]]
    assert a.shrunk(batch, 0.1).shape == (1, 1, 1, 1)
    assert a.shrunk(batch, 1.0) is batch


def test_a_shift_mirrors_the_border():
    """By a quarter of 4 pixels: 1 2 3 4 becomes 1 1 2 3, 1 2 3 4 or 2 3 4 4."""
    row = np.array([1, 2, 3, 4], np.uint8)
    batch = np.broadcast_to(row[None, None, :, None], (3, 4, 4, 1))

    got = a.augmented(batch, drawn(3, FLIP=0, RIGHT=[0.0, 0.5, 0.99]), option(shift=0.25))

    assert [view[2, :, 0].tolist() for view in got] == [[1, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 4]]


def test_a_shift_goes_down_as_well():
    """The same along the columns, independent of the rows."""
    batch = np.broadcast_to(np.array([1, 2, 3, 4], np.uint8)[None, :, None, None], (2, 4, 4, 1))

    got = a.augmented(batch, drawn(2, FLIP=0, DOWN=[0.0, 0.99]), option(shift=0.25))

    assert [view[:, 2, 0].tolist() for view in got] == [[1, 1, 2, 3], [2, 3, 4, 4]]


@pytest.mark.parametrize(("turn", "k"), [(0.75, 1), (0.25, -1), (0.0, 2)])
def test_a_right_angle_turns_exactly(turn, k):
    """A draw of 3/4 with rotation 0.5 is a quarter turn, 1/4 the other way, 0 a half turn; to a grey level."""
    batch = images((1, 8, 8, 3))

    got = a.augmented(batch, drawn(1, FLIP=0, TURN=turn), option(rotation=0.5))[0].astype(int)

    assert min(np.abs(got - np.rot90(batch[0], way)).max() for way in {k, -k}) <= 1


def test_opposite_turns_are_opposite():
    """A quarter turn one way and the other are each other's half turn."""
    batch = np.repeat(images((1, 8, 8, 1)), 2, 0)

    one, other = a.augmented(batch, drawn(2, FLIP=0, TURN=[0.75, 0.25]), option(rotation=0.5)).astype(int)

    assert np.abs(one - np.rot90(other, 2)).max() <= 1


def test_zoom_keeps_the_middle_and_moves_the_rest():
    """Around the middle of 9 x 9: a mark in the middle stays there at any scale."""
    batch = np.zeros((3, 9, 9, 1), np.uint8)
    batch[:, 4, 4], batch[:, 4, 8] = 200, 100

    small, same, large = a.augmented(batch, drawn(3, FLIP=0, SCALE=[0.999, 0.5, 0.0]), option(zoom=0.5))[..., 0]

    assert [view[4, 4] for view in (small, same, large)] == pytest.approx([200] * 3, abs=1)
    assert (same == batch[0, ..., 0]).all()
    assert small[4, 8] != 100 != large[4, 8]


def test_brightness_by_hand():
    """Draws of 0 and (nearly) 1 with 0.2 take and add a fifth of 255, and stop at 0 and 255."""
    batch = np.broadcast_to(np.array([10, 100, 250], np.uint8)[None, None, :, None], (2, 1, 3, 1))

    got = a.augmented(batch, drawn(2, FLIP=0, BRIGHT=[0.0, 1.0]), option(brightness=0.2))

    assert got[:, 0, :, 0].tolist() == [[0, 49, 199], [61, 151, 255]]


def test_contrast_by_hand():
    """80, 100, 120 around their mean: halved 90, 100, 110; by one and a half 70, 100, 130."""
    batch = np.broadcast_to(np.array([80, 100, 120], np.uint8)[None, None, :, None], (2, 1, 3, 1))

    got = a.augmented(batch, drawn(2, FLIP=0, CONTRAST=[0.0, 1.0]), option(contrast=0.5))

    assert got[:, 0, :, 0].tolist() == [[90, 100, 110], [70, 100, 130]]


def test_cutout_blanks_a_square_with_the_mean():
    """Half of 8 pixels in the middle: 4 x 4 of the mean, channel by channel; the rest stays."""
    batch = images((1, 8, 8, 3))

    got = a.augmented(batch, drawn(1, FLIP=0), option(cutout=0.5))[0]

    assert (got[2:6, 2:6] == batch[0].mean(axis=(0, 1)).round()).all()
    outside = np.ones((8, 8), bool)
    outside[2:6, 2:6] = False
    assert (got[outside] == batch[0][outside]).all()


def test_one_change_does_not_shift_anothers_draw():
    """Switching brightness on leaves the flips and shifts of all images as they were."""
    batch, u = images((20, 6, 6, 1)) // 4 + 90, a.draws(20, 1, 1, OFF)
    moved = option(flip="dihedral", shift=0.2)

    lit = a.augmented(batch, u, moved.model_copy(update={"brightness": 0.1})).astype(int)
    difference = lit - a.augmented(batch, u, moved)

    assert np.ptp(difference, axis=(1, 2, 3)).max() <= 1
    assert np.abs(difference).max() > 5


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 2**31 - 1), st.integers(0, 100))
def test_an_epoch_holds_every_image_once(n_images, block, seed, epoch):
    """A permutation for every size of block, also one larger than the data."""
    order = epoch_order(n_images, block, seed, epoch)

    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n_images))


@given(st.integers(50, 400), st.sampled_from([1, 4, 32]), st.integers(1, 2**31 - 2), st.integers(0, 100))
def test_the_order_is_a_function_of_its_arguments(n_images, block, seed, epoch):
    """The same again gives the same; another seed or another epoch gives another."""
    order = epoch_order(n_images, block, seed, epoch)

    assert (epoch_order(n_images, block, seed, epoch) == order).all()
    assert (epoch_order(n_images, block, seed + 1, epoch) != order).any()
    assert (epoch_order(n_images, block, seed, epoch + 1) != order).any()


@given(st.integers(1, 20), st.integers(1, 40), st.integers(1, 1000))
def test_blocks_are_read_sixteen_at_a_time(block, n_blocks, seed):
    """The first 16 blocks' worth of rows come from 16 blocks of neighbours, so a cold disk is read in runs."""
    order = epoch_order(n_blocks * (block + 1), block + 1, seed, 0)

    for start in range(0, len(order), 16 * (block + 1)):
        part = order[start : start + 16 * (block + 1)]
        assert len(set((part // (block + 1)).tolist())) <= 16


def test_everything_at_once_repeats():
    """All changes on: the same bytes from the same seed and epoch, others in the next epoch."""
    batch = images((8, 12, 12, 3))

    first = a.augmented(batch, a.draws(8, 5, 2, ALL), ALL)

    assert (a.augmented(batch, a.draws(8, 5, 2, ALL), ALL) == first).all()
    assert (a.augmented(batch, a.draws(8, 5, 3, ALL), ALL) != first).any()
