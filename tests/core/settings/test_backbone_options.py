"""`backbones` and `input` in params.yaml: what is right loads, and each mistake is one sentence with its cure."""

import copy

import pytest

from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.settings.params import check, read_yaml

GOOD = {
    "backbone": "MobileNetV2", "arguments": {"alpha": 0.35}, "weights": "imagenet", "seed": 1,
    "height": 96, "width": 96, "pooling": "average", "store": True,
}  # fmt: skip
FILE = {"uri": "a.h5", "sha256": None, "licence": None}
HEAD = {"kind": "transfer", "input": "features/net", "dense": [], "dropout": 0.0, "unfreeze": None}


def params(backbone=None, entry=None, name="net"):
    """The real params.yaml with one backbone and one entry that takes its features."""
    written = copy.deepcopy(read_yaml(PROJECT / "params.yaml"))
    (first, *_) = written["models"].values()
    return {
        **written,
        "backbones": {name: {**GOOD, **(backbone or {})}},
        "models": {"head": {**HEAD, "fit": first["fit"], **(entry or {})}},
        "tune": {},
    }


def mistakes(**changes):
    with pytest.raises(UserError) as error:
        check(params(**changes))
    return str(error.value).split("\nerror: ")


@pytest.mark.parametrize("weights", ["imagenet", None, FILE])
def test_weights_are_of_keras_of_a_file_or_random(weights):
    """All three forms load, and the entry says what it takes."""
    found = check(params({"weights": weights}))

    assert found.model("head").input == "features/net"
    assert found.backbone("net").backbone == "MobileNetV2"


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"weights": "imagnet"}, "params.yaml: backbones.net.weights must be one of imagenet, got 'imagnet'"),
        ({"weights": {**FILE, "md5": "1"}}, "params.yaml: backbones.net.weights.md5 is not known; there are: licence, sha256, uri"),
        ({"pooling": "avg"}, "params.yaml: backbones.net.pooling must be one of average, max, none, got 'avg'"),
        ({"height": 0}, "params.yaml: backbones.net.height must be at least 1, got 0"),
        (
            {"arguments": {"include_top": True}},
            "params.yaml: backbones.net.arguments: include_top can't be given here; it is fixed, or a key beside `arguments`",
        ),
    ],
)  # fmt: skip
def test_a_wrong_backbone_is_one_sentence(backbone, message):
    """Of the form of weights that was meant, and of that alone."""
    assert mistakes(backbone=backbone) == [message]


def test_a_name_that_can_be_no_file_is_refused():
    """It becomes a folder and a stage."""
    message = "params.yaml: backbones.a-b: a name is letters, digits and _, beginning with a letter"
    assert mistakes(name="a-b") == [message]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"input": "features/nte"}, "params.yaml: models.head.input: no entry 'nte' in backbones; did you mean net?"),
        (
            {"input": "images"},
            "params.yaml: models.head.input must be features/<an entry of backbones> (kind transfer), got 'images'",
        ),
        ({"unfreeze": {"blocks": 0, "epochs": 1, "rate": 1e-4, "augment": None}}, "params.yaml: models.head.unfreeze.blocks must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_an_entry_takes_what_its_kind_takes(entry, message):
    """Images or features, and those of a backbone that is there."""
    assert mistakes(entry=entry) == [message]


def test_an_entry_without_input_says_what_is_right():
    """The key is required, like every other."""
    written = params()
    del written["models"]["head"]["input"]
    with pytest.raises(UserError, match=r"models\.head\.input is missing; it is what the model takes: features/<"):
        check(written)
