"""A temperature changes how sure a model sounds, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from stages.core.candidates.calibrated import Calibration, calibrated, read_calibration
from stages.core.errors import UserError
from stages.core.files import write_json


@given(st.integers(0, 2**31), st.floats(0.05, 20))
def test_it_is_the_softmax_of_scaled_logits(seed, temperature):
    """Probabilities alone give what dividing the logits by T gives, and the answer stays the same."""
    logits = np.random.default_rng(seed).normal(0, 5, (4, 6))
    found = calibrated(softmax(logits, axis=1), temperature)

    assert found.dtype == np.float32
    assert np.allclose(found, softmax(logits / temperature, axis=1), atol=1e-6)
    assert (found.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_no_temperature_changes_no_bit():
    """None hands back the same numbers."""
    probabilities = np.float32([[0.1, 0.2, 0.7]])

    assert calibrated(probabilities, None).tobytes() == probabilities.tobytes()


def test_certainty_and_nothing_at_all_are_borne():
    """A row of zeros and a one stays as it is; no rows give no rows."""
    assert calibrated(np.float32([[0, 1, 0]]), 3.0).tolist() == [[0, 1, 0]]
    assert calibrated(np.zeros((0, 3), np.float32), 3.0).shape == (0, 3)


def test_it_is_read_as_it_was_written(tmp_path):
    """calibration.json comes back as a frozen value; without one, a sentence says so."""
    write_json(tmp_path / "calibration.json", {"temperature": 1.5, "threshold": None, "wanted_precision": 0.99})

    assert read_calibration(tmp_path) == Calibration(1.5, None, 0.99)
    with pytest.raises(UserError, match="is missing"):
        read_calibration(tmp_path / "elsewhere")
