"""What is left out of an import is left out of that import alone."""

import subprocess
import sys

import pytest

from stages.core.lean_import import without


def test_in_the_block_it_is_absent_and_afterwards_there():
    """An import that fails in the block succeeds after it, and one that was made before still stands."""
    with without("this", "json"):
        import json

        with pytest.raises(ModuleNotFoundError):
            import this  # noqa: F401
    assert json.loads("1") == 1 and sys.modules["json"] is json and "this" not in sys.modules


def test_an_error_in_the_block_leaves_nothing_behind():
    """The names can be imported again."""
    with pytest.raises(ValueError, match="wrong"), without("this"):
        raise ValueError("wrong")
    assert "this" not in sys.modules


@pytest.mark.slow
def test_a_training_starts_without_what_keras_would_draw_with():
    """Keras runs, without matplotlib and scikit-learn; both can be imported for what is ours."""
    code = """
import sys
from stages.core.settings.params import open_project
from stages.core.training.runtime import start_tensorflow
start_tensorflow(open_project()[0].tree.runtime)
import keras
assert not {"matplotlib", "sklearn"} & set(sys.modules), "loaded"
import sklearn.svm, matplotlib.pyplot
"""
    subprocess.run([sys.executable, "-c", code], check=True)
