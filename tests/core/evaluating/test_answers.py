"""Answers that are kept beside an evaluation: enough to measure the first training anew without its predictions."""

import numpy as np
import pandas as pd

from stages.core.evaluating.answers import path_of, read_answers, write_answers
from stages.core.evaluating.metrics import prepared

TRUTH = np.array([0, 1, 1])
FIRST = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]])


def test_all_that_the_first_training_said_is_kept(tmp_path):
    """Its probabilities by class id, in the order of the images; of others the answer and its loss."""
    second = np.array([[0.25, 0.75], [0.0, 1.0], [0.25, 0.75]])
    write_answers(tmp_path, "val", ["a", "b", "c"], [prepared(TRUTH, FIRST), prepared(TRUTH, second)])
    table = pd.read_parquet(path_of(tmp_path, "val"))
    read = read_answers(tmp_path, "val", 2)

    assert (table[["probability.0", "probability.1"]].to_numpy() == FIRST).all()
    assert read.n_seeds == 2 and read.predicted.tolist() == [[0, 0, 1], [1, 1, 1]]
    assert read.losses[0].tolist() == [-np.log(0.75), -np.log(0.5), -np.log(0.75)]
