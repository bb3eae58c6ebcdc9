"""params.yaml: the real file loads, and each kind of mistake is a sentence that names its place and its cure."""

import copy
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.settings.entries import kinds
from stages.core.settings.params import check, load, read_yaml
from stages.core.settings.search_space import applied, dimensions
from stages.core.settings.space_check import check_space

WRITTEN = read_yaml(PROJECT / "params.yaml")
PLAIN, RATE = "models.plain", {"min": 3e-4, "max": 1e-2, "scale": "log"}
SPACE = {
    "fit": {"optimizer": {"rate": RATE}, "batch_size": {"choices": [32, 64]}},
}


def base():
    """Return the real params.yaml with an entry `plain`, tuned, as these tests know it."""
    written = copy.deepcopy(WRITTEN)
    plain = next(entry for entry in written["models"].values() if entry["kind"] == "plain_cnn")
    plain["fit"]["optimizer"] |= {"rate": 1e-3, "clip_norm": None}
    plain["fit"]["batch_size"] = 32
    tune = {
        "input": "images",
        "method": "random",
        "budget": {"trials": 2},
        "initial_points": 1,
        "batch": 1,
        "workers": 1,
        "prune": None,
        "epochs": 1,
        "objective": "val_loss",
        "seed": 1,
        "keep_models": "all",
    }
    return {**written, "models": {"plain": plain}, "tune": {"plain": {**tune, "space": copy.deepcopy(SPACE)}}}


def changed(where, value):
    """Return params with another value at a dotted path; list positions are numbers."""
    written = base()
    *above, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    at = written
    for part in above:
        at = at[part]
    at[last] = value
    return written


def without(where):
    written = base()
    at = written
    *above, last = where.split(".")
    for part in above:
        at = at[part]
    del at[last]
    return written


def mistakes(written):
    """Lines of the error, without the beginning that all share."""
    with pytest.raises(UserError) as error:
        check(written)
    lines = str(error.value).split("\nerror: ")
    assert all(line.startswith("params.yaml: ") for line in lines)
    return [line.removeprefix("params.yaml: ") for line in lines]


def test_the_projects_own_file_loads():
    """As committed: its data set, its checks and its models are there, with their kinds."""
    params = load(PROJECT / "params.yaml")

    assert params.dataset.name == WRITTEN["download"]["dataset"]
    assert list(params.models) == list(WRITTEN["models"])
    assert params.candidates == [*WRITTEN["models"], *(f"{name}-tuned" for name in WRITTEN["tune"])]
    for entry in params.models.values():
        assert entry.module("models").Options.model_validate(entry.options.model_dump()) == entry.options
        assert entry.fit.epochs == entry.written["fit"]["epochs"]


def test_every_kind_is_a_file():
    """The kinds are the names of the files, without __init__."""
    assert kinds("checks") == sorted(path.stem for path in Path(PROJECT, "stages/checks").glob("[!_]*.py"))


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("modls", {}, "modls is not known; did you mean models?"),
        (f"{PLAIN}.fit.epoch", 3, f"{PLAIN}.fit.epoch is not known; did you mean epochs?"),
        (f"{PLAIN}.dense.0.dropot", 0.1, f"{PLAIN}.dense.0.dropot is not known; did you mean dropout?"),
        ("normalize.xyz", 1, "normalize.xyz is not known; there are: channels, fit, height, resample, width"),
        (f"{PLAIN}.dense.0.dropout", 1.5, f"{PLAIN}.dense.0.dropout must be at least 0 and below 1, got 1.5"),
        (f"{PLAIN}.fit.epochs", 0, f"{PLAIN}.fit.epochs must be at least 1, got 0"),
        (f"{PLAIN}.fit.seeds.0", 0, f"{PLAIN}.fit.seeds.0 must be at least 1, got 0"),
        (f"{PLAIN}.fit.optimizer.rate", 0.0, f"{PLAIN}.fit.optimizer.rate must be above 0, got 0.0"),
        (
            f"{PLAIN}.fit.optimizer.clip_norm",
            -1.0,
            f"{PLAIN}.fit.optimizer.clip_norm must be above 0, got -1.0",
        ),
        (f"{PLAIN}.blocks.0.filters.1", 0, f"{PLAIN}.blocks.0.filters.1 must be at least 1, got 0"),
        ("evaluate.confidence", float("inf"), "evaluate.confidence must be a finite number, got inf"),
        (f"{PLAIN}.fit.epochs", "20", f"{PLAIN}.fit.epochs must be a valid integer, got '20'"),
        (f"{PLAIN}.fit.epochs", 20.0, f"{PLAIN}.fit.epochs must be a valid integer, got 20.0"),
        (f"{PLAIN}.fit.epochs", True, f"{PLAIN}.fit.epochs must be a valid integer, got True"),
        (
            f"{PLAIN}.fit.optimizer.rate",
            "1e-3",
            f"{PLAIN}.fit.optimizer.rate must be a valid number, got '1e-3'",
        ),
        (f"{PLAIN}.fit.xla", 1, f"{PLAIN}.fit.xla must be a valid boolean, got 1"),
        (PLAIN, None, f"{PLAIN} must be a valid dictionary, got None"),
        (f"{PLAIN}.fit", None, f"{PLAIN}.fit must be a valid dictionary, got None"),
        ("normalize.fit", "squeeze", "normalize.fit must be one of stretch, crop, pad, got 'squeeze'"),
        ("models", {}, "models must have at least 1 item, got {}"),
        ("datasets.cifar10.uri", "", "datasets.cifar10.uri must have at least 1 character, got ''"),
        (
            "datasets.cifar10.sha256",
            "ab",
            "datasets.cifar10.sha256 must match pattern '^[0-9a-f]{64}$', got 'ab'",
        ),
        (
            "split.val_fraction",
            0.9,
            "split: val_fraction + test_fraction must be below 1, so that images are left to train on",
        ),
        (
            "split.group_by.regex",
            "patient[0-9]+",
            "split.group_by: takes one of column: true, folder and regex; set the others to false or null",
        ),
        (
            "split.group_by",
            {"column": False, "folder": None, "regex": "patient[0-9]+"},
            "split.group_by: regex needs brackets around what names the group, e.g. (patient[0-9]+)_",
        ),
        (
            "split.group_by",
            {"column": False, "folder": None, "regex": "("},
            "split.group_by: regex '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            "split.group_by",
            {"column": False, "folder": 0, "regex": None},
            "split.group_by: folder counts from 1 (the outermost) or from -1 (the one the image lies in), not from 0",
        ),
        (
            "split.near_copies.min_correlation",
            0.0,
            "split.near_copies.min_correlation must be above 0 and at most 1, got 0.0",
        ),
        ("split.near_copies.neighbour", 3, "split.near_copies.neighbour is not known; did you mean neighbours?"),
        ("quarantine", "readable", "quarantine must be a valid list, got 'readable'"),
        ("quarantine", ["readible"], "quarantine names no entry of checks: 'readible'; did you mean readable?"),
        ("checks.balanced.warn_ratio", 20.0, "checks.balanced: warn_ratio must be at most max_ratio"),
        (
            "checks.readable.severity",
            "bad",
            "checks.readable.severity must be one of critical, warning, info, got 'bad'",
        ),
        (f"{PLAIN}.kind", "plain_cn", f"{PLAIN}.kind: no stages/models/plain_cn.py; did you mean plain_cnn?"),
        (
            f"{PLAIN}.kind",
            None,
            f"{PLAIN}.kind: no stages/models/None.py; there are: {', '.join(kinds('models'))}",
        ),
        (
            "datasets.digits.kind",
            "digitz",
            "datasets.digits.kind: no stages/datasets/digitz.py; did you mean digits?",
        ),
        ("checks.balance", {}, "checks.balance.kind: no stages/checks/balance.py; did you mean balanced?"),
        ("download.dataset", "digit", "download.dataset: no entry 'digit' in datasets; did you mean digits?"),
        ("models.my-net", {}, "models.my-net: a name is letters, digits and _, beginning with a letter"),
        ("models.1st", {}, "models.1st: a name is letters, digits and _, beginning with a letter"),
    ],
)
def test_a_mistake_is_one_sentence(where, value, message):
    """Where it is, what was got and what would be right; once and nothing else."""
    assert mistakes(changed(where, value)) == [message]


def test_near_copies_may_be_left_out():
    """null: only equal pixels are copies."""
    assert check(changed("split.near_copies", None)).tree.split.near_copies is None


@pytest.mark.parametrize("value", ["best", 0])
def test_a_choice_or_a_number_names_both(value):
    """keep_models is `all` or a count: both are offered, under the name the user wrote."""
    first, second = mistakes(changed("tune.plain.keep_models", value))

    assert first == f"tune.plain.keep_models must be one of all, got {value!r}"
    assert second.startswith("tune.plain.keep_models must be ")


def test_a_missing_key_says_what_it_is():
    """The description of the field stands in the error."""
    assert mistakes(without(f"{PLAIN}.fit.epochs")) == [
        f"{PLAIN}.fit.epochs is missing; it is passes over the train images"
    ]
    assert mistakes(without("evaluate.top_k")) == [
        "evaluate.top_k is missing; it is a hit when the class is among the k most probable"
    ]


def test_every_mistake_of_a_section_is_told_at_once():
    """Two typos and a missing key: three lines, one run."""
    written = changed("split.sed", 1)
    written["split"]["val_fraction"] = "much"
    del written["split"]["seed"]

    assert {line.split()[0] for line in mistakes(written)} == {
        "split.seed",
        "split.sed",
        "split.val_fraction",
    }


def test_a_schedule_and_a_plateau_exclude_each_other():
    """A rule over two fields names the section and the rule."""
    written = changed(f"{PLAIN}.fit.reduce_on_plateau", {"factor": 0.5, "patience": 2})
    written["models"]["plain"]["fit"]["schedule"]["warmup"] = 0.1

    assert mistakes(written) == [f"{PLAIN}.fit: reduce_on_plateau needs schedule.name: constant and schedule.warmup: 0"]


def test_an_unknown_model_is_named_with_its_neighbour():
    """A stage called with a wrong entry's name says which one was meant."""
    with pytest.raises(UserError, match=r"models\.plan is not there; did you mean plain\?"):
        check(base()).model("plan")


def test_tuning_an_unknown_model_is_an_error():
    """A search is around an entry of models."""
    written = base()
    written["tune"] = {"plan": written["tune"]["plain"]}

    assert mistakes(written) == ["tune.plan names no entry of models; did you mean plain?"]


def dimension(path, leaf):
    """Return a space with one dimension at a dotted path."""
    for key in reversed(path.split(".")):
        leaf = {key: leaf}
    return leaf


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "tune.plain.space is empty; name at least one value to vary"),
        ({"fit": {}}, "tune.plain.space is empty; name at least one value to vary"),
        (
            dimension("fit.optimizer.rat", RATE),
            "tune.plain.space.fit.optimizer.rat is no value of the entry; did you mean rate?",
        ),
        (
            dimension("fit.optimiser.rate", RATE),
            "tune.plain.space.fit.optimiser is no value of the entry; did you mean optimizer?",
        ),
        (
            dimension("fit.batch_size", {"choices": [16, 16]}),
            "tune.plain.space.fit.batch_size has the choice 16 twice",
        ),
        (
            dimension("fit.optimizer.rate", {**RATE, "step": 1}),
            "tune.plain.space.fit.optimizer.rate.step must be above 1 (linear: what is added, log: the factor), got 1",
        ),
        (
            dimension("fit.optimizer", {"length": {"min": 1, "max": 2}, "each": RATE}),
            "tune.plain.space.fit.optimizer varies a list, and the entry has "
            f"{base()['models']['plain']['fit']['optimizer']!r}; give it an item to vary",
        ),
        (
            dimension("blocks", {"length": {"min": 3, "max": 2}, "each": {"kernel": {"choices": [3]}}}),
            "tune.plain.space.blocks.length must be {min, max} with 0 <= min <= max, got {'min': 3, 'max': 2}",
        ),
        (
            dimension("blocks", {"length": {"min": 1, "max": 2}, "each": {"kernal": {"choices": [3]}}}),
            "tune.plain.space.blocks.0.kernal is no value of the entry; did you mean kernel?",
        ),
        (
            dimension("fit.seeds", {"choices": [[1], [2]]}),
            "tune.plain.space.fit.seeds: a trial's seed is drawn from its settings; leave it out",
        ),
        (
            dimension("kind", {"choices": ["plain_cnn", "residual_cnn"]}),
            "tune.plain.space.kind: a search stays with one kind; leave it out",
        ),
        (
            dimension("fit.optimizer.rate", {**RATE, "min": "low"}),
            "tune.plain.space.fit.optimizer.rate must have min < max and scale linear or log (log: min > 0), "
            "got {'min': 'low', 'max': 0.01, 'scale': 'log'}",
        ),
        (
            dimension("fit.optimizer.rate", {**RATE, "min": 0}),
            "tune.plain.space.fit.optimizer.rate must have min < max and scale linear or log (log: min > 0), "
            "got {'min': 0, 'max': 0.01, 'scale': 'log'}",
        ),
        (
            dimension("fit.optimizer.rate", {**RATE, "scale": "cubic"}),
            "tune.plain.space.fit.optimizer.rate must have min < max and scale linear or log (log: min > 0), "
            "got {'min': 0.0003, 'max': 0.01, 'scale': 'cubic'}",
        ),
        (
            dimension("fit.batch_size", {"choices": 32}),
            "tune.plain.space.fit.batch_size must have a list of choices, got 32",
        ),
        (
            dimension("fit.optimizer.name", {"choices": "adam, sgd"}),
            "tune.plain.space.fit.optimizer.name must have a list of choices, got 'adam, sgd'",
        ),
        (
            dimension("fit.optimizer.rate", {"min": 0.1, "max": 1.0}),
            "tune.plain.space.fit.optimizer.rate.min is no value of the entry; a leaf of a space is {min, max, scale}, "
            "{min, max, scale, step}, {choices} or {length, each}, got {min, max}",
        ),
        (
            dimension("fit", 3),
            "tune.plain.space.fit of a search space must be {min, max, scale}, {min, max, scale, step}, {choices} or "
            "{length, each}, got 3",
        ),
    ],
)
def test_a_wrong_search_space_is_one_sentence(space, message):
    """It must vary values of the entry, within proper ranges and lists."""
    assert mistakes(changed("tune.plain.space", space)) == [message]


def test_a_space_with_the_value_on_its_border_is_fine():
    """Both ends of a range belong to it."""
    for low, high in ((1e-3, 1e-2), (1e-4, 1e-3)):
        check_space("here", {"rate": 1e-3}, {"rate": {"min": low, "max": high, "scale": "log"}})


def test_dimensions_come_in_the_order_of_the_file():
    """The order of the dimensions is that of the file, so a search repeats."""
    found = dimensions(SPACE, base()["models"]["plain"])

    assert [dimension.name for dimension in found] == ["fit.optimizer.rate", "fit.batch_size"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("workers", 2, "tune.plain: workers must be at most batch (1): more would idle, got 2"),
        ("input", "features/b", "tune.plain.input must be that of its entry, images, got 'features/b'"),
        ("budget", {}, "tune.plain.budget must have at least 1 item, got {}"),
        ("method", "hyperband", None),
        ("epochs", 0, "tune.plain.epochs must be at least 1, got 0"),
    ],
)
def test_a_search_that_contradicts_itself_is_one_sentence(key, value, message):
    """What can't work together is refused before anything is trained."""
    if message is None:
        check(changed(f"tune.plain.{key}", value))
        return
    assert mistakes(changed(f"tune.plain.{key}", value)) == [message]


def test_a_search_needs_validation_images():
    """An entry that is fitted on validation too has nothing to be judged by."""
    written = base()
    written["models"]["plain"]["fit"] |= {"on": "train+val", "keep": "last", "early_stopping": None}

    assert mistakes(written) == ["tune.plain needs validation images: models.plain.fit.on must be train"]


def test_applying_values_changes_a_copy():
    """Only what is named changes, and the entry as written stays."""
    entry = {"a": {"b": 1, "c": 2}, "d": 3}

    assert applied(entry, {"a.b": 10, "d": 30}) == {"a": {"b": 10, "c": 2}, "d": 30}
    assert entry == {"a": {"b": 1, "c": 2}, "d": 3}


def written(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("1E5", 100000.0), ("5e-4", 0.0005), ("no", "no"), ("010", 10)]
)
def test_numbers_are_those_of_yaml_1_2(tmp_path, text, value):
    """As DVC reads them: 1e-3 is a float, `no` is a word and 010 is ten."""
    got = read_yaml(written(tmp_path, f"a: {text}"))["a"]

    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", ["params.yaml is not YAML", "line 3"]),
        ("a:\n\tb: 1\n", ["params.yaml is not YAML", "line 2"]),
        ("a: 1\nb: 2\na: 3\n", ["params.yaml is not YAML", "duplicate key", '"a"', "line 3"]),
        ("- a\n", ["params.yaml must be a mapping, got list"]),
        ("", ["params.yaml must be a mapping, got nothing"]),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(tmp_path, text, words):
    """Syntax errors and keys that stand twice."""
    with pytest.raises(UserError) as error:
        read_yaml(written(tmp_path, text))

    assert [word for word in words if word not in str(error.value)] == []
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_way_back(tmp_path):
    """`git checkout` brings it back."""
    with pytest.raises(UserError, match=r"params\.yaml is missing; `git checkout params\.yaml` brings it back"):
        load(tmp_path / "params.yaml")
