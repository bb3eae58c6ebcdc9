"""Sides that are built by hand: an evaluation in a folder, with the answers that a test wants."""

import numpy as np

from stages.core.comparing.sides import Side
from stages.core.evaluating.answers import write_answers
from stages.core.evaluating.metrics import prepared
from stages.core.files import write_json
from stages.core.settings.evaluate_options import Evaluate
from stages.core.settings.params import PROJECT, load

PARAMS = load(PROJECT / "params.yaml")
EVALUATE = PARAMS.tree.evaluate.model_copy(update={"bootstrap": 50})


def quick(**changes) -> Evaluate:
    """The project's way to evaluate, with few resamples."""
    return EVALUATE.model_copy(update=changes)


def probabilities(said, n_classes=2, sure=0.9):
    """Probabilities [N, K] whose highest is at the class that is said."""
    table = np.full((len(said), n_classes), (1 - sure) / (n_classes - 1))
    table[np.arange(len(said)), said] = sure
    return table


def side(folder, name, truth, *said, **record):
    """A side of one or more trainings: class ids of the images, and what each training said."""
    classes = record.pop("classes", ["cat", "dog"])
    paths = record.pop("paths", [f"{i:03d}.png" for i in range(len(truth))])
    place = folder / name
    whole = {
        "name": name,
        "stage": "train",
        "entry": name,
        "key": f"{name:0<32}"[:32],
        "failure": None,
        "classes": classes,
        "params": {"kind": "plain_cnn", "fit": {"rate": 0.1}},
        "inputs": {"manifest_sha256": "m" * 64, "images": {"test": "t"}},
        "code": {"stages/train.py": "c"},
        "lock_sha256": "l",
        **record,
    }
    write_json(place / "candidate.json", whole)
    write_json(place / "metrics.json", {"n_parameters": 10.0, "multiply_adds": 100.0, "model_bytes": 5.0})
    trainings = [prepared(np.array(truth), probabilities(np.array(one), len(classes))) for one in said]
    write_answers(place, "test", paths, trainings)
    return Side(name, "here", place)
