"""Near duplicates: what is found, what never pairs, and clusters without chains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.gate import near_duplicates
from stages.core.gate.near_duplicates import (
    Pairs,
    detail,
    difference,
    leaders,
    near_pairs,
    particular,
    projected,
    thinned,
)

LIMITS = {
    "min_contrast": 8.0,
    "min_correlation": 0.84,
    "max_difference": 32.0,
    "min_whitened_correlation": 0.7,
    "max_chance_pairs": 1e-5,
    "neighbours": 32,
}
seeds = st.integers(0, 2**31 - 1)


def pictures(n, seed=1):
    """Smooth random thumbnails of contrast: no two alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3))
    return coarse.repeat(2, axis=1).repeat(2, axis=2).astype(np.uint8)


def copied(thumbnails, seed=2):
    """The same thumbnails, a tenth brighter and with some noise."""
    noise = np.random.default_rng(seed).normal(0, 6, thumbnails.shape)
    return (thumbnails * 1.1 + noise).clip(0, 255).astype(np.uint8)


def luma_contrast(thumbnails):
    return (thumbnails @ np.array([0.299, 0.587, 0.114])).std(axis=(1, 2)).astype(np.float32)


def found(thumbnails, **limits):
    pairs = near_pairs(thumbnails, luma_contrast(thumbnails), **(LIMITS | limits))
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def compared_one_by_one(thumbnails):
    """Every pair, by all measures."""
    n = len(thumbnails)
    first, second = np.triu_indices(n, 1)
    _, _, sample = thinned(thumbnails, np.arange(n), n)
    whitening, limit = particular(thumbnails[sample], n, 0.7, 1e-5)
    points = projected(thumbnails, np.arange(n), whitening).astype(np.float32)
    own = (points[first] * points[second]).sum(axis=1) >= (limit if len(sample) >= 32 else LIMITS["min_correlation"])
    alike = (detail(thumbnails[first]) * detail(thumbnails[second])).sum(axis=1) >= LIMITS["min_correlation"]
    close = difference(thumbnails[first], thumbnails[second]) <= LIMITS["max_difference"]
    able = luma_contrast(thumbnails) >= LIMITS["min_contrast"]
    return set(
        zip(*(rows[own & alike & close & able[first] & able[second]].tolist() for rows in (first, second)), strict=True)
    )


def pairs_of(*edges):
    first, second = np.array(sorted(edges), np.int64).reshape(-1, 2).T
    return Pairs(first, second, np.ones(len(first), np.float32), np.zeros(len(first), np.float32))


def test_a_planted_copy_is_found():
    """A brighter, noisy copy pairs with its original, and with nothing else."""
    originals = pictures(300)

    assert found(np.concatenate([originals, copied(originals[:20])])) == {(i, 300 + i) for i in range(20)}


def test_flat_images_never_pair():
    """Equal images of one grey, with little noise, are no finding."""
    flat = np.random.default_rng(1).integers(100, 104, (50, 16, 16, 3)).astype(np.uint8)
    flat[25:] = flat[0]

    assert found(flat) == set()


def test_another_part_is_another_picture():
    """The same scene with one thing exchanged is no pair, however well the rest agrees."""
    scene = pictures(1)
    other = scene.copy()
    other[:, 4:8, 4:8] = 255 - other[:, 4:8, 4:8]

    assert found(np.concatenate([scene, other]), min_correlation=0.0) == set()


@given(seeds, st.integers(2, 60))
@settings(max_examples=6, deadline=None)
def test_the_search_agrees_with_comparing_each_with_each(seed, n):
    """On small sets the tree finds just the pairs that all comparisons find."""
    images = pictures(n, seed)
    images = np.concatenate([images, copied(images[: n // 2], seed)])

    assert found(images, neighbours=2 * n) == compared_one_by_one(images)


@given(seeds)
@settings(max_examples=4, deadline=None)
def test_the_order_of_rows_changes_no_pair(seed):
    """The same pairs of images, in whatever order they stand."""
    images = np.concatenate([pictures(40, seed), copied(pictures(15, seed), seed)])
    order = np.random.default_rng(seed).permutation(len(images))

    shuffled = {tuple(sorted((int(order[i]), int(order[j])))) for i, j in found(images[order])}

    assert shuffled == found(images)


def test_many_equal_images_stay_bounded():
    """5,000 copies of one image: no more pairs than `neighbours` an image, one cluster holds the first and the surplus."""
    images = pictures(1).repeat(5000, axis=0)
    pairs = near_pairs(images, luma_contrast(images), **LIMITS)

    assert len(pairs.first) <= 5000 * LIMITS["neighbours"]
    assert (leaders(pairs, 5000) == 0).all()


def test_pairs_are_sorted_and_unique_from_a_memory_map(tmp_path, monkeypatch):
    """Each pair once, first < second, the types as promised, the thumbnails read block by block."""
    monkeypatch.setattr(near_duplicates, "BLOCK", 7)
    images = np.concatenate([pictures(30), copied(pictures(30)), copied(pictures(30), 3)])
    np.save(tmp_path / "t.npy", images)
    pairs = near_pairs(np.load(tmp_path / "t.npy", mmap_mode="r"), luma_contrast(images), **LIMITS)

    assert len(pairs.first) == 90
    assert (pairs.first < pairs.second).all()
    assert (np.diff(pairs.first * 90 + pairs.second) > 0).all()
    assert [pairs.first.dtype, pairs.second.dtype, pairs.difference.dtype] == [np.int64, np.int64, np.float32]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_image_is_no_error(n):
    """No image and one image have no pair, two equal ones have one."""
    assert found(pictures(1).repeat(n, axis=0)) == ({(0, 1)} if n == 2 else set())


def test_no_chain():
    """0~1~2~3 in a row: 1 leads its two near ones, 3 is near no leader and stays alone."""
    assert leaders(pairs_of((0, 1), (1, 2), (2, 3)), 5).tolist() == [1, 1, 1, -1, -1]


@given(
    st.integers(1, 25).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_every_member_is_near_its_leader(case):
    """A member and its leader are a pair; a leader leads itself and somebody else; no pairs, no cluster."""
    n, drawn = case
    edges = {tuple(sorted(edge)) for edge in drawn if edge[0] != edge[1]}
    leader = leaders(pairs_of(*edges), n)

    for row, lead in enumerate(leader.tolist()):
        assert lead in (-1, row) or tuple(sorted((row, lead))) in edges
        assert lead == -1 or (leader[lead] == lead and (leader == lead).sum() > 1)


def aligned(n, seed=1):
    """Grey thumbnails of one scene: each has a small part of its own, a twentieth of the scene's contrast."""
    rng = np.random.default_rng(seed)
    scene = rng.integers(40, 216, (1, 8, 8, 1)).repeat(2, axis=1).repeat(2, axis=2)
    own = rng.normal(0, 8, (n, 16, 16, 1))
    return (scene + own).clip(0, 255).astype(np.uint8).repeat(3, axis=3)


def test_what_all_images_share_makes_no_pair():
    """300 pictures of one scene correlate by 0.9 and more, and none is a copy; the planted copies are found."""
    originals = aligned(300)
    first, second = detail(originals[:-1]), detail(originals[1:])
    assert ((first * second).sum(axis=1) > LIMITS["min_correlation"]).all()

    assert found(originals) == set()
    lighter = (originals[:20] * 1.1 + 3).clip(0, 255).astype(np.uint8)
    assert found(np.concatenate([originals, lighter])) == {(i, 300 + i) for i in range(20)}


def test_a_copy_of_every_image_is_no_chance():
    """A set in which each picture stands five times, as augmentation leaves it, is pairs and nothing but these."""
    originals = aligned(60)
    rng = np.random.default_rng(2)
    copies = [(originals * rng.uniform(0.9, 1.1) + rng.normal(0, 1, originals.shape)).clip(0, 255) for _ in range(4)]
    pairs = found(np.concatenate([originals, *copies]).astype(np.uint8))

    assert pairs == {(i + 60 * a, i + 60 * b) for i in range(60) for a in range(5) for b in range(a + 1, 5)}
