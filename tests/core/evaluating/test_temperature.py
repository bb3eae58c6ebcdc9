"""The temperature is right, is judged on images it was not fitted on, and is left out where it does not help."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from stages.core.candidates.calibrated import calibrated
from stages.core.evaluating import temperature as t
from stages.core.evaluating.metrics import expected_calibration_error, outcomes, prepared
from tests.core.evaluating.cases import OPTIONS, answered, changed


def table(outcome, split="val"):
    """Predictions as a candidate keeps them."""
    names = [f"p.{k}" for k in range(outcome.probabilities.shape[1])]
    rows = pd.DataFrame(outcome.probabilities.astype(np.float32), columns=names)
    labels = [str(k) for k in outcome.truth]
    return pd.DataFrame({"path": [f"{split}{i}" for i in range(len(rows))], "split": split, "label": labels}).join(rows)


@pytest.mark.parametrize("sureness", [0.5, 1.0, 3.0])
def test_it_undoes_a_wrong_sureness(sureness):
    """Of a calibrated model whose logits were multiplied, the temperature is the factor."""
    outcome = answered(20_000, sureness=sureness)

    assert t.fit(outcome.probabilities, outcome.truth) == pytest.approx(sureness, rel=0.04)


def test_it_is_the_minimum_that_another_search_finds():
    """Newton's method on the same loss, written with scipy's log_softmax, ends at the same place."""
    outcome = answered(400, sureness=2.0)
    logits = np.log(outcome.probabilities)

    def loss(inverse):
        return -log_softmax(inverse[0] * logits, axis=1)[np.arange(400), outcome.truth].mean()

    other = 1 / minimize(loss, [1.0], method="BFGS", options={"gtol": 1e-9}).x[0]

    assert t.fit(outcome.probabilities, outcome.truth) == pytest.approx(other, rel=1e-3)


def test_two_images_by_hand():
    """Two hits and a miss at the odds 9 : 1 are best told as 2 : 1, which is a temperature of log 9 / log 2."""
    probabilities = np.array([[0.9, 0.1]] * 3)

    assert t.fit(probabilities, np.array([0, 0, 1])) == pytest.approx(np.log(9) / np.log(2), rel=1e-3)


def test_images_beyond_its_reach_have_no_say():
    """A true class at probability 0 is lost at any temperature: the others decide."""
    outcome = answered(2000, sureness=2.0)
    lost = np.eye(4)[(outcome.truth[:5] + 1) % 4]
    both = np.concatenate([lost, outcome.probabilities])

    with_lost = t.fit(both, np.concatenate([outcome.truth[:5], outcome.truth]))

    assert with_lost == pytest.approx(t.fit(outcome.probabilities, outcome.truth), rel=1e-3)


def test_validation_images_are_told_without_their_own_say():
    """Changing the label of an image changes nothing in its own probabilities, but in those of other folds."""
    outcome = answered(300, sureness=3.0)
    other = outcome.truth.copy()
    other[0] = (other[0] + 1) % 4

    before, after = (t.out_of_fold(outcome.probabilities, truth, OPTIONS) for truth in (outcome.truth, other))

    assert (before[0] == after[0]).all()
    assert (before != after).any(axis=1).mean() > 0.5


def test_test_images_take_the_temperature_of_all_validation_images():
    """The temperature that is kept with the model is the one that the test numbers are of; both are better for it."""
    val, test = answered(600, seed=1, sureness=3.0), answered(600, seed=2, sureness=3.0)
    raw = pd.concat([table(val), table(test, "test")], ignore_index=True)

    told, temperature = t.told(raw, OPTIONS)

    assert temperature == pytest.approx(3, rel=0.2)
    assert np.allclose(outcomes(told, "test").probabilities, calibrated(test.probabilities, temperature), atol=1e-6)
    for split in ("val", "test"):
        before, after = (expected_calibration_error(outcomes(one, split), np.ones(600), 10) for one in (raw, told))
        assert after < before / 2


def test_it_is_left_out_where_nothing_is_gained():
    """A model that is calibrated, one with no mistakes in most folds, and one that nobody wants scaled, stay so."""
    fine, sure = answered(200, seed=7), prepared(np.arange(40) % 4, np.eye(4)[np.arange(40) % 4] * 0.96 + 0.01)
    one_miss = prepared(np.append(sure.truth, 1), np.vstack([sure.probabilities, [0.97, 0.01, 0.01, 0.01]]))
    apart = t.out_of_fold(fine.probabilities, fine.truth, OPTIONS)

    assert (t.log_loss(apart, fine.truth) >= t.log_loss(fine.probabilities, fine.truth)) == (
        t.told(table(fine), OPTIONS)[1] is None
    )
    assert t.told(table(one_miss), OPTIONS)[1] is None
    assert t.told(table(sure), OPTIONS)[1] is None  # without a mistake, colder is always better
    assert t.told(table(answered(300, sureness=3.0)), changed(temperature=False))[1] is None


def test_too_few_images_or_none_give_none():
    """Fewer than two images a fold, or a fit on all of them: probabilities stay as they are."""
    assert t.told(table(answered(9, sureness=3.0)), OPTIONS)[1] is None
    assert t.told(table(answered(300, sureness=3.0), "test"), OPTIONS)[1] is None
