"""Every file in stages/gates/ keeps the contract of a gate, and lets through what is right and nothing else."""

import ast
import hashlib
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from stages.commands.promote import gates
from stages.core.auditing.finding import ALARM, OK, UNKNOWN, Unknown, Verdict
from stages.core.evaluating.answers import read_answers
from stages.core.files import write_json
from stages.core.ingest.source import Member, Source, write_source
from stages.core.layout import PROJECT, Layout
from stages.core.promoting.contest import Champion
from stages.core.promoting.exam import exam_of
from stages.core.promoting.promotion import tried
from stages.gates import better, calibration, classes, latency, lineage, same_images, served, size
from tests.contests import CLASSES, N_IMAGES, candidate, contest, limits, manifest

GATES = gates()
NAMES = [name for name, _ in GATES]


@pytest.fixture
def root(tmp_path):
    manifest(tmp_path)
    return tmp_path


def champion(root, name, **more):
    """The champion that a candidate would be, had it been promoted."""
    own = contest(root, name)
    about = {"exam": own.exam.digest, "answers": own.answers, "paths": own.exam.paths, **more}
    return Champion(name, own.candidate.record["key"], "1", **about)


def test_gates_have_an_order():
    """No two stand in one place; the exam is compared first, and what takes longest comes last."""
    places = [gate.PLACE for _, gate in GATES]

    assert len(set(places)) == len(places) and places == sorted(places)
    assert NAMES[0] == "same_images" and NAMES[-1] == "served" and len(NAMES) >= 8


@pytest.mark.parametrize(("name", "gate"), GATES, ids=NAMES)
def test_a_gate_says_what_it_asks(name, gate):
    """Its docstring begins with its name, it imports no other gate, and its limits are a section of params.yaml."""
    imports = ast.walk(ast.parse((PROJECT / f"stages/gates/{name}.py").read_text()))
    modules = [node.module or "" for node in imports if isinstance(node, ast.ImportFrom)]

    assert gate.__doc__.startswith(f"{name}: ")
    assert not any(module.startswith("stages.gates") for module in modules)
    assert name == "same_images" or hasattr(limits().tree.promote, name)


@pytest.mark.parametrize(("name", "gate"), GATES, ids=NAMES)
def test_nothing_is_let_through_on_evidence_that_is_not_there(name, gate, root):
    """Of a candidate without evaluation, data or package, nothing passes but what its record alone says."""
    candidate(root, "empty", [])
    for path in (*Layout(root).evaluation("empty").iterdir(), Layout(root).manifest):
        path.unlink()
    found = tried(contest(root, "empty", audit=lambda: [Verdict("x", UNKNOWN, ["gone"], [])]), name, gate.check)

    assert found["verdict"] == ("pass" if name == "size" else "FAIL"), found
    assert name == "size" or found["reason"]


def test_the_exam_must_be_the_same(root):
    """The same images pass; other bytes under the same names, other names, and lost answers do not, and say why."""
    candidate(root, "old", [])
    old = champion(root, "old")
    assert same_images.check(contest(root, "old")).verdict == "pass"
    assert same_images.check(contest(root, "old", champion=old)).verdict == "pass"

    manifest(root, contents="1")
    candidate(root, "new", [])
    other = same_images.check(contest(root, "new", champion=old))
    assert other.verdict == "FAIL" and "other bytes, labels or classes" in other.reason and "--force" in other.reason
    with pytest.raises(Unknown, match="other test images"):
        better.check(contest(root, "new", champion=old))
    less = Champion("old", "k", "1", "x", old.paths[:30], old.answers)
    assert "10 are new" in same_images.check(contest(root, "new", champion=less)).reason
    with pytest.raises(Unknown, match="gone"):
        same_images.check(contest(root, "new", champion=Champion("old", "k", "1", None, why_not="gone")))


def test_an_exam_is_its_images_labels_and_classes(root):
    """Its hash changes with a byte, a label or a class; of another manifest than the candidate's there is none."""
    candidate(root, "plain", [])
    own = contest(root, "plain").candidate
    first = exam_of(Layout(root), own).digest
    own.record["classes"] = [*CLASSES, "eel"]

    assert exam_of(Layout(root), own).digest != first
    table = pd.read_parquet(Layout(root).manifest)
    table.loc[0, "label"] = "dog"
    table.to_parquet(Layout(root).manifest, index=False)
    with pytest.raises(Unknown, match="manifest"):
        exam_of(Layout(root), own)


@pytest.mark.parametrize(
    ("verdicts", "may_be", "expected"),
    [
        ({"model": OK}, [], "pass"),
        ({"model": OK, "sbom": UNKNOWN}, ["sbom"], "pass"),
        ({"model": OK, "sbom": UNKNOWN}, [], "FAIL"),
        ({"model": OK, "sbom": ALARM}, ["sbom"], "FAIL"),
        ({"model": ALARM}, ["model"], "FAIL"),
    ],
)
def test_lineage_is_clean_or_what_may_be_unknown_is_named(root, verdicts, may_be, expected):
    """An alarm is never let through; unknown only where the limits name the link."""
    candidate(root, "plain", [])
    found = [Verdict(link, verdict, [f"{link} said"], []) for link, verdict in verdicts.items()]
    outcome = lineage.check(contest(root, "plain", limits(lineage={"may_be_unknown": may_be}), audit=lambda: found))

    assert outcome.verdict == expected
    assert expected == "pass" or f"{list(verdicts)[-1]} said" in outcome.reason


@pytest.mark.parametrize(
    ("n_tried", "min_gain", "expected"), [(1, 0.0, "pass"), (4, 0.0, "FAIL"), (1, 0.2, "FAIL"), (1, 0.175, "pass")]
)
def test_better_means_by_more_than_the_noise(root, n_tried, min_gain, expected):
    """McNemar's exact p of 8 against 1 image right alone is 10/256; four tries make a fifth of it, and are refused."""
    candidate(root, "old", list(range(8)))
    candidate(root, "new", [39])
    params = limits(better={"min_gain": min_gain})
    found = better.check(contest(root, "new", params, champion=champion(root, "old"), n_tried=n_tried))

    p = binomtest(8, 9, 0.5).pvalue
    assert found.numbers["right_alone"] == [8, 1] and found.numbers["p"] == pytest.approx(p) == 10 / 256
    assert found.numbers["gain"] == pytest.approx(7 / 40) and found.verdict == expected
    assert found.numbers["p_corrected"] == pytest.approx(n_tried * p)


def test_the_worse_and_the_equal_are_not_better(root):
    """However significant the difference, its direction counts."""
    candidate(root, "old", [])
    candidate(root, "new", list(range(20)))
    candidate(root, "like", [])

    assert better.check(contest(root, "new", champion=champion(root, "old"))).verdict == "FAIL"
    assert better.check(contest(root, "like", champion=champion(root, "old"))).verdict == "FAIL"


def test_a_first_champion_beats_the_answer_that_looks_at_nothing(root):
    """Half right of two even classes is no better than always naming one."""
    candidate(root, "blind", list(range(0, N_IMAGES, 2)))
    candidate(root, "seeing", [])

    assert better.check(contest(root, "blind")).verdict == "FAIL"
    found = better.check(contest(root, "seeing"))
    assert found.verdict == "pass" and found.numbers["gain"] == 0.5


@pytest.mark.parametrize(
    ("max_drop", "min_recall", "expected"), [(0.1, 0.9, "pass"), (0.09, 0, "FAIL"), (1, 0.91, "FAIL")]
)
def test_no_class_may_lose_more_than_its_limit(root, max_drop, min_recall, expected):
    """Two of 20 cats lost is a drop of 0.1 to a recall of 0.9: a limit that is just met is met."""
    candidate(root, "old", [])
    candidate(root, "new", [0, 2])
    params = limits(classes={"max_drop": max_drop, "min_recall": min_recall})
    found = classes.check(contest(root, "new", params, champion=champion(root, "old")))

    assert found.verdict == expected and found.numbers["recall"] == {"cat": 0.9, "dog": 1.0}
    assert found.numbers["class_of_drop"] == "cat" and found.numbers["largest_drop"] == pytest.approx(0.1)
    assert expected == "pass" or "cat 0.900 (-0.100, 20 images)" in found.reason


def test_only_the_model_that_is_served_is_judged(root):
    """Of several seeds the first gives the model: the luck of another one helps nobody."""
    candidate(root, "two", list(range(20)))
    path = Layout(root).evaluation("two") / "test_answers.parquet"
    table = pd.read_parquet(path)
    table["predicted.1"], table["loss.1"] = table["truth"], 0.0
    table.to_parquet(path, index=False)
    assert read_answers(path.parent, "test", 2).n_seeds == 2

    np.testing.assert_array_equal(classes.recalls(contest(root, "two").answers), [0.5, 0.5])


def test_numbers_are_held_against_their_limits(root):
    """Calibration, bytes and parameters: at the limit passes, above fails, no limit asks nothing."""
    candidate(root, "plain", [], ece=0.1)
    of = {"max_bytes": 1000, "max_parameters": None}
    assert calibration.check(contest(root, "plain", limits(calibration={"max_ece": 0.1}))).verdict == "pass"
    assert calibration.check(contest(root, "plain", limits(calibration={"max_ece": 0.099}))).verdict == "FAIL"
    assert size.check(contest(root, "plain", limits(size=of))).verdict == "pass"
    assert size.check(contest(root, "plain", limits(size={**of, "max_bytes": 999}))).verdict == "FAIL"
    assert size.check(contest(root, "plain", limits(size={**of, "max_parameters": 49}))).verdict == "FAIL"
    assert size.check(contest(root, "plain", limits(size={"max_bytes": None}))).verdict == "none"
    assert latency.check(contest(root, "plain", limits(latency={"max_one_image_ms": None}))).verdict == "none"
    write_json(Layout(root).evaluation("plain") / "metrics.json", {})
    with pytest.raises(Unknown, match="test_ece"):
        calibration.check(contest(root, "plain"))


def test_golden_images_are_the_ones_that_were_evaluated(root):
    """Without golden answers, or with other bytes in the archive, the package is not even started."""
    candidate(root, "plain", [])
    with pytest.raises(Unknown, match=r"golden\.json"):
        served.check(contest(root, "plain"))
    layout, data = Layout(root), b"not really a picture"
    layout.source.mkdir(parents=True)
    write_source(layout.archive, Source({"kind": "test"}, [Member("cat/0.png", lambda: data)], "folders"))
    kept = {
        "path": "cat/0.png",
        "sha256": hashlib.sha256(b"others").hexdigest(),
        "label": "cat",
        "probabilities": [1, 0],
    }
    write_json(layout.evaluation("plain") / "golden.json", [kept])

    assert zipfile.is_zipfile(layout.archive)
    with pytest.raises(Unknown, match="other bytes"):
        served.check(contest(root, "plain"))
    write_json(layout.evaluation("plain") / "golden.json", [{**kept, "path": "cat/1.png"}])
    with pytest.raises(Unknown, match="not in"):
        served.check(contest(root, "plain"))
