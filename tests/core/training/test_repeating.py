"""Two trainings compared: the first step and layer that differ are named, and a planted fault is found."""

import json

import pytest

from stages.core.training.determinism import SPOILED, Trace
from stages.core.training.repeating import cost, difference, verdict
from tests.conftest import checkout


def trace(*steps, cpu=1.0, stride=1):
    """A trace of hashes, given as mappings, with so many CPU seconds a step."""
    return Trace(hashes=list(steps), cpu_s=[cpu] * (len(steps) - 1), stride=stride)


FIRST, LATER = {"conv": "a", "dense": "b"}, {"conv": "c", "dense": "d"}


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ([FIRST, LATER], None),
        ([{"conv": "a", "dense": "x"}, LATER], {"step": 0, "layer": "dense"}),
        ([FIRST, {"conv": "c", "dense": "x"}], {"step": 1, "layer": "dense"}),
        ([FIRST, {"conv": "x", "dense": "x"}], {"step": 1, "layer": "conv"}),
        ([FIRST], {"step": 1, "layer": "one training ended there"}),
        ([{**FIRST, "more": "x"}, LATER], {"step": 0, "layer": "another set of layers"}),
    ],
)
def test_the_first_step_and_layer_that_differ(other, found):
    """Step 0 is the weights as drawn; layers are looked at in the order of the network."""
    assert difference(trace(FIRST, LATER), trace(*other)) == found


def test_steps_at_once_are_counted():
    """With steps_per_execution: 4 the second comparison is step 4."""
    assert difference(trace(FIRST, LATER, stride=4), trace(FIRST, FIRST, stride=4))["step"] == 4


def test_the_cost_leaves_out_the_first_step():
    """In the first step the graph is traced, which is no cost of either mode."""
    slow, quick = Trace(cpu_s=[99.0, 2.0, 2.0]), Trace(cpu_s=[50.0, 1.0, 1.0])

    assert cost([slow, slow], [quick, quick])["strict_over_fast"] == 2.0


def test_a_training_that_failed_is_said():
    """There is nothing to compare then."""
    assert verdict("m", [trace(FIRST), Trace(failure="no memory")]) == {"model": "m", "failure": "no memory"}


# ---- the command, on a checkout of its own ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A project with packed digits and a classical entry beside its networks."""
    made = checkout(tmp_path_factory.mktemp("packed"))
    for stage in ("download", "validate", "normalize"):
        made.stage(stage)
    return made


def verified(project, *arguments, ok=True):
    """What the command says as JSON, and its exit code."""
    done = project.command("verify-determinism", *arguments, "--steps", "4", "--json", ok=ok)
    return json.loads(done.stdout), done


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(packed):
    """After every step, in strict mode; the scope of the claim stands beside it."""
    said, _ = verified(packed, "plain")

    assert said["models"][0]["strict"] is None and said["models"][0]["steps"] == 4
    assert said["scope"]["threads"] == packed.params()["runtime"]["threads"] and said["scope"]["processor"]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "step"), [("batch", SPOILED), ("threads", None)])
def test_a_planted_fault_is_found(packed, fault, step):
    """Other images at one step, or another thread count: exit code 3, and the step and first layer are named."""
    said, done = verified(packed, "plain", "--plant", fault, ok=False)
    found = said["models"][0]["strict"]

    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert found["layer"] == "conv2d" and found["step"] in ([step] if step else range(1, 5))


def test_before_normalize_it_says_what_to_run(tmp_path):
    """A sentence, without training anything."""
    done = checkout(tmp_path).command("verify-determinism", ok=False)

    assert done.returncode == 1 and "dvc repro" in done.stderr and "Traceback" not in done.stderr
