"""Resampled intervals: the same as measuring resampled images, repeatable, and honest where that can be simulated."""

import numpy as np
import pytest

from stages.core.evaluating.metrics import measures, prepared
from stages.core.evaluating.resampling import bootstrap, calibration_interval, drawn
from tests.core.evaluating.cases import OPTIONS, answered, changed


def test_sums_give_what_measuring_every_resample_gives():
    """Percentiles of the measures of 50 resamples, each measured as if it were the split."""
    outcome, options = answered(120, signal=1.0), changed(bootstrap=50)
    rng = np.random.default_rng(options.seed)
    table = [measures(outcome, drawn(rng, 120), options) for _ in range(50)]

    got = bootstrap(outcome, options)

    assert set(got) == {"macro_precision", "macro_f1", "weighted_precision", "weighted_f1"}
    for name, bounds in got.items():
        assert bounds == pytest.approx(np.quantile([row[name] for row in table], [0.025, 0.975]))


def test_they_repeat_and_follow_their_seed():
    """The same seed gives the same bounds, another seed others."""
    outcome, other = answered(signal=1.0), changed(seed=2)

    assert bootstrap(outcome, OPTIONS) == bootstrap(outcome, OPTIONS) != bootstrap(outcome, other)
    assert calibration_interval(outcome, 0.05, OPTIONS) == calibration_interval(outcome, 0.05, OPTIONS)


def test_more_images_narrow_an_interval():
    """Sixteen times the images give intervals of about a quarter: less than a half at any rate."""
    few, many = (bootstrap(answered(n, signal=1.0), OPTIONS)["macro_f1"] for n in (100, 1600))

    assert many[1] - many[0] < (few[1] - few[0]) / 2


def error(outcome):
    """Its calibration error."""
    return measures(outcome, np.ones(len(outcome.truth)), OPTIONS)["ece"]


def test_a_calibrated_model_may_have_no_calibration_error():
    """Of 60 models that are as sure as they should be, the interval of nearly all begins at 0."""
    models = [answered(300, seed=seed, signal=1.5) for seed in range(60)]
    lows = [calibration_interval(model, error(model), OPTIONS)[0] for model in models]

    assert sum(low == 0 for low in lows) >= 54


def test_a_model_that_is_too_sure_has_one():
    """Of 60 that are twice too sure, the interval of most holds the error they have on very many images."""
    true = error(answered(200_000, signal=1.5, sureness=2.0))
    models = [answered(1000, seed=seed, signal=1.5, sureness=2.0) for seed in range(60)]
    intervals = [calibration_interval(model, error(model), OPTIONS) for model in models]

    assert sum(low <= true <= high for low, high in intervals) >= 52
    assert all(low > 0 for low, _ in intervals)


def test_the_interval_holds_the_estimate():
    """An upper bound below what was seen would be strange to read."""
    for seed in range(20):
        outcome = prepared(*answered_pair(seed))
        low, high = calibration_interval(outcome, error(outcome), OPTIONS)
        assert low <= error(outcome) <= high


def answered_pair(seed):
    """A few images."""
    outcome = answered(30, seed=seed)
    return outcome.truth, outcome.probabilities
