"""The statistics of drift: by hand, by property, and by chance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.core.revisiting.drift import (
    SHARES,
    compare,
    kolmogorov_smirnov,
    pairs,
    strangeness,
    told_apart,
    total_variation,
)
from stages.core.revisiting.drift_page import Outcome, as_json, as_text, outline, page, plot, summary
from stages.core.settings.drift_options import Drift
from stages.core.training.reference import (
    DIMENSIONS,
    LOOKS,
    POINTS,
    Sample,
    derived,
    evenly,
    order_statistics,
    projected,
)

OPTIONS = Drift.model_validate(
    {
        "level": 0.01,
        "max_distance": {"looks": 0.15, "features": 0.2, "predictions": 0.15, "class_shares": 0.15},
        "min_images": 20,
        "max_images": 5000,
    }
)
CLASSES = ["cat", "dog", "owl"]
VALUES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e3, 1e3, width=32))
IDS = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 2))


def sample(n, seed, light=0.0, shift=0.0, bias=0.0):
    """Random images: looks around `light`, features around `shift`, predictions that favour the first class by `bias`."""
    rng = np.random.default_rng(seed)
    looks = {name: rng.normal(light, 1, n).astype(np.float32) for name in LOOKS}
    logits = rng.normal(0, 1, (n, 3)) + np.array([bias, 0, 0])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Sample(looks, rng.normal(shift, 1, (n, 16)).astype(np.float16), probabilities.astype(np.float32))


def drifted(old, new):
    """Measures that are called."""
    return {one.measure for one in compare(old, new, CLASSES, OPTIONS) if one.drifted}


@given(VALUES)
def test_equal_samples_are_at_distance_0(values):
    """Kolmogorov-Smirnov of a sample with itself is 0, whatever its order."""
    assert kolmogorov_smirnov(values, values[::-1]) == (0, 1)


@given(VALUES, VALUES)
def test_distances_are_symmetric_and_between_0_and_1(old, new):
    """Which of the two is called old makes no difference."""
    there, back = kolmogorov_smirnov(old, new), kolmogorov_smirnov(new, old)

    assert there == pytest.approx(back) and 0 <= there[0] <= 1 and 0 <= there[1] <= 1


@given(VALUES, VALUES, st.integers(0, 3))
def test_only_the_order_of_values_counts(old, new, power):
    """A look may be measured in any unit."""
    scale = 2.0**power

    assert kolmogorov_smirnov(old, new) == kolmogorov_smirnov(old * scale, new * scale)


def test_kolmogorov_smirnov_by_hand():
    """Of [1, 2, 3, 4] all lie below 5, of [3, 4, 5, 6] half: the widest gap is at 2, a half."""
    assert kolmogorov_smirnov(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))[0] == 0.5
    assert kolmogorov_smirnov(np.zeros(50), np.ones(50))[0] == 1


@given(IDS, IDS)
def test_total_variation_is_a_distance(old, new):
    """Symmetric, 0 for the same, at most 1, and its p-value is one."""
    (there, p), (back, _) = total_variation(old, new, 3), total_variation(new, old, 3)

    assert there == pytest.approx(back) and 0 <= there <= 1 and 0 < p <= 1
    assert total_variation(old, old, 3) == (0, 1)


def test_total_variation_by_hand():
    """Half of two classes against one of them only: a half."""
    assert total_variation(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), 2)[0] == 0.5


def test_total_variation_calls_chance_chance():
    """Of 400 pairs of equal distributions about 5 % fall below 0.05."""
    rng = np.random.default_rng(3)
    ps = [total_variation(rng.integers(0, 3, 60), rng.integers(0, 3, 30), 3)[1] for _ in range(400)]

    assert 0.01 < np.mean(np.array(ps) < 0.05) < 0.08


@given(st.integers(0, 5000), st.integers(2, 1200))
def test_evenly_keeps_ends_and_order(n, most):
    """Places are distinct, ascending, and hold the first and the last."""
    places = evenly(n, most)

    assert len(places) == min(n, most) and (np.diff(places) > 0).all()
    assert not n or (places[0], places[-1]) == (0, n - 1)


def test_order_statistics_hardly_move_a_distance():
    """1,001 of 50,000 values stand for all of them within 0.001, also where many are equal."""
    rng = np.random.default_rng(1)
    for values in (rng.normal(size=50_000), rng.integers(0, 5, 50_000).astype(float)):
        kept = order_statistics(values)
        new = rng.choice(values, 300) + 0.1
        exact, thin = kolmogorov_smirnov(values, new)[0], kolmogorov_smirnov(kept.astype(np.float64), new)[0]
        assert len(kept) == POINTS and abs(exact - thin) < 0.0015


def test_derived_looks_by_hand():
    """A 40 x 20 image of 400 bytes."""
    found = derived({"width": np.array([40]), "height": np.array([20]), "n_bytes": np.array([400])})

    assert {name: float(values[0]) for name, values in found.items()} == {"aspect": 2.0, "bytes a pixel": 0.5}


def test_wide_features_keep_their_distances():
    """Two thousand dimensions become DIMENSIONS, with distances within a third; narrow ones stay as they are."""
    features = np.random.default_rng(1).normal(size=(30, 2000))
    few = projected(features).astype(np.float64)
    ratio = np.linalg.norm(few[1:] - few[0], axis=1) / np.linalg.norm(features[1:] - features[0], axis=1)

    assert few.shape == (30, DIMENSIONS) and (abs(ratio - 1) < 0.33).all()
    assert np.array_equal(projected(features[:, :5]), features[:, :5].astype(np.float16))


def test_a_classifier_tells_apart_only_what_differs():
    """Held-out scores are alike for alike features, even with more dimensions than images; apart for others."""
    rng = np.random.default_rng(5)
    old, same, other = (rng.normal(mean, 1, (60, 128)) for mean in (0, 0, 0.5))

    assert kolmogorov_smirnov(*told_apart(old, same))[1] > 0.01
    assert kolmogorov_smirnov(*told_apart(old, other))[0] > 0.8


def test_dead_features_are_no_error():
    """A network whose features are all zero can be compared, and finds nothing."""
    dead = np.zeros((30, 8), np.float16)

    assert kolmogorov_smirnov(*told_apart(dead, dead))[0] == 0
    assert kolmogorov_smirnov(strangeness(dead, dead), strangeness(dead, dead))[0] == 0


def test_the_strangest_image_is_the_one_in_a_new_direction():
    """Distance is to the nearest known images."""
    known = np.random.default_rng(2).normal([5, 0, 0], 0.3, (50, 3))
    new = np.array([[5, 0, 0], [0, 5, 0], [4, 0.2, 0]])

    assert strangeness(known, new).argmax() == 1


@pytest.mark.parametrize("n", [20, 200, 2000])
def test_images_like_those_of_training_are_not_called(n):
    """At most one false alarm in twenty draws at a level of 1 %, few images or many."""
    assert sum(bool(drifted(sample(1000, 100 + seed), sample(n, seed))) for seed in range(20)) <= 1


def test_tests_on_features_are_as_sure_as_they_say():
    """Of 200 pairs of equal distributions about 5 % fall below 0.05, by either test."""
    ps: dict[str, list[float]] = {}
    for seed in range(200):
        old, new = (np.random.default_rng([seed, side]).normal(size=(300, 16)) for side in range(2))
        empty = np.full((300, 3), 1 / 3)
        for _, measure, before, after in pairs(Sample({}, old, empty), Sample({}, new, empty), CLASSES):
            if measure.startswith("features"):
                ps.setdefault(measure, []).append(kolmogorov_smirnov(before, after)[1])

    assert len(ps) == 2 and all(np.mean(np.array(values) < 0.05) < 0.09 for values in ps.values())


def test_what_moved_is_named():
    """Light, features or predictions alone."""
    old = sample(1000, 1)

    assert drifted(old, sample(200, 2, light=1)) == set(LOOKS)
    assert "features, told apart" in drifted(old, sample(200, 2, shift=1))
    assert {SHARES, "probability of cat"} <= drifted(old, sample(200, 2, bias=2)) <= {
        SHARES, "confidence", *(f"probability of {name}" for name in CLASSES)
    }  # fmt: skip


def test_a_shift_that_nobody_minds_is_not_called_however_sure():
    """A hundred thousand images make 0.03 significant, and it stays below the limit."""
    old, new = sample(5000, 1), sample(100_000, 2, light=0.1)
    new = replace(new, features=new.features[:500])
    found = {one.measure: one for one in compare(old, new, CLASSES, OPTIONS)}

    assert found["red"].p < found["red"].level and not any(one.drifted for one in found.values())


def test_a_handful_is_described_and_not_called():
    """Five images, however odd."""
    found = compare(sample(1000, 1), sample(5, 2, light=9), CLASSES, OPTIONS)

    assert found[0].distance == 1 and found[0].verdict == "too few to tell"


def test_the_levels_of_all_tests_add_up_to_the_level():
    """Bonferroni: no more false alarms than asked for."""
    found = compare(sample(100, 1), sample(100, 2), CLASSES, OPTIONS)

    assert sum(one.level for one in found) == pytest.approx(OPTIONS.level)


def test_the_worst_comes_first():
    """What drifted, then by distance beyond the limit."""
    found = compare(sample(1000, 1), sample(100, 2, shift=1), CLASSES, OPTIONS)
    order = [(one.drifted, one.distance - one.limit) for one in found]

    assert order == sorted(order, reverse=True) and found[0].drifted


def outcome(new, unreadable=None):
    found = compare(sample(300, 1), new, CLASSES, OPTIONS)
    n = len(new.probabilities)
    return Outcome("plain", "new.zip", CLASSES, n, n, unreadable or {}, found, [])


def test_table_json_and_page_say_the_same():
    """Every measure is in all three, and what is from data is escaped."""
    found = outcome(sample(100, 2, light=3), {"<b>.png": "the file is empty"})
    measures = {one.measure for one in found.comparisons}
    html = page(found, {})

    assert {row["measure"] for row in as_json(found)["measures"]} == measures
    assert all(measure in as_text(found) and measure in html for measure in measures)
    assert "&lt;b&gt;.png" in html and "<b>.png" not in html
    assert as_json(found)["verdict"] == "drift" and "of 19 measures differ" in summary(found)


def test_a_summary_says_when_images_are_too_few():
    """No verdict is no "no drift"."""
    assert "min_images" in summary(outcome(sample(5, 2)))


def test_an_outline_stands_on_its_feet():
    """From the left foot over each bar to the right foot."""
    assert outline([1.0, 0.5]) == "0.0,72.0 0.0,4.0 130.0,4.0 130.0,38.0 260.0,38.0 260.0,72.0"


def test_a_constant_can_be_drawn():
    """All images are 64 pixels wide."""
    one = next(one for one in outcome(sample(50, 2)).comparisons if one.measure == "width")
    flat = type(one)(**{**vars(one), "old": np.full(9, 64.0), "new": np.full(5, 64.0)})

    assert (plot(flat)["low"], plot(flat)["high"]) == ("63.5", "64.5")
