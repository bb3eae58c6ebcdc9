"""A training that is broken off at any step and taken up again ends with the bits of one that was not."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.settings.entries import entry
from stages.core.settings.params import read_yaml
from stages.core.settings.search_space import applied
from stages.core.training import fitting
from stages.core.training.checkpoints import Checkpoint, State, read, write
from stages.core.training.data import Data
from stages.core.training.session import Session

WRITTEN = read_yaml(PROJECT / "params.yaml")["models"]
SMALL = {"fit.epochs": 4, "fit.early_stopping": None, "fit.keep": "last", "fit.batch_size": 16}
STEPS = 6  # an epoch: 96 images


class BrokenOff(BaseException):
    """What a kill is to a process, in a test that must go on."""


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 96)
    images = (rng.random((96, 8, 8, 1)) * 150 + labels[:, None, None, None] * 30).astype(np.uint8)
    pack = Pack(images, labels, [f"{i}.png" for i in range(96)])
    half = Pack(images[:48], labels[:48], pack.paths[:48])
    return Data(pack, half, None, ["dark", "light"], Statistics([100.0], [3000.0]))


def trained(item, data, path, broken_at=None):
    """Train, keeping every step in a file; broken_at counts the steps that this life may take."""
    import keras

    taken = []

    def count(batch, logs):
        taken.append(batch)
        if len(taken) == broken_at:
            raise BrokenOff

    told = []
    session = Session(lambda epoch, row: told.append(epoch), "models.tried.fit", Checkpoint(path, 0))
    session.callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_end=count))
    model = fitting.build(item.module("models"), item.options, item.fit, data)
    result = fitting.train(model, item.fit, data, session)
    return [np.asarray(w) for w in result.model.get_weights()], result.history, told, len(taken)


CASES = {
    "plain": ("plain", {}, 9),
    "between two epochs": ("plain", {}, 2 * STEPS + 1),
    "at the first step": ("plain", {}, 2),
    "at the last step": ("plain", {}, 4 * STEPS),
    "best epoch, early stopping": (
        "plain",
        {"fit.keep": "best", "fit.early_stopping": {"monitor": "val_loss", "patience": 2}, "fit.optimizer.rate": 0.02},
        20,
    ),
    "rate lowered on a plateau": (
        "plain",
        {
            "fit.schedule.name": "constant",
            "fit.schedule.warmup": 0.0,
            "fit.reduce_on_plateau": {"factor": 0.5, "patience": 1},
        },
        15,
    ),
    "averaged weights": ("residual", {"fit.ema": 0.8}, 2 * STEPS + 1),
    "averaged weights, within an epoch": ("residual", {"fit.ema": 0.8}, 2 * STEPS + 3),
    "dropout and random changes": (
        "plain",
        {
            "dense": [{**WRITTEN["plain"]["dense"][0], "dropout": 0.4}],
            "fit.augment.flip": "both",
            "fit.augment.shift": 0.1,
            "fit.augment.cutout": 0.2,
        },
        10,
    ),
    "several steps a call": ("plain", {"fit.steps_per_execution": 2}, 4),
    "weighted classes": ("plain", {"fit.balance.method": "class_weight"}, 8),
    "Adam": ("plain", {"fit.optimizer.name": "adam", "fit.optimizer.rate": 0.01}, 8),
    "growing images": (
        "residual",
        {"fit.image_sizes": [{"until": 0.5, "scale": 0.5}], "fit.ema": 0.7},
        3 * STEPS + 2,
    ),
    "the end of the small images": ("residual", {"fit.image_sizes": [{"until": 0.5, "scale": 0.5}]}, STEPS + 5),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_broken_off_training_ends_with_the_same_bits(name, data, tmp_path):
    """Weights, curves and the epochs that were told; and no step but the one under way is taken twice."""
    kind, changes, broken_at = CASES[name]
    item = entry("models", "tried", applied(WRITTEN[kind], {**SMALL, **changes}))
    weights, history, told, n_steps = trained(item, data, None)
    with pytest.raises(BrokenOff):
        trained(item, data, tmp_path / "kept", broken_at)
    again, history_again, told_again, n_left = trained(item, data, tmp_path / "kept")

    assert all(np.array_equal(one, other) for one, other in zip(weights, again, strict=True))
    assert history.equals(history_again) and told == told_again
    repeated = broken_at + n_left - n_steps
    assert repeated <= STEPS + 1, "skipped steps are called, but no more"


@pytest.mark.slow
def test_an_ended_training_is_not_repeated(data, tmp_path):
    """Killed while it predicts or measures, it goes on after its last epoch."""
    item = entry("models", "tried", applied(WRITTEN["plain"], SMALL))
    weights, history, _, _ = trained(item, data, tmp_path / "kept")
    again, history_again, told, n_steps = trained(item, data, tmp_path / "kept")

    assert all(np.array_equal(one, other) for one, other in zip(weights, again, strict=True))
    assert history.equals(history_again) and told == [1, 2, 3, 4] and n_steps == 0


@given(st.dictionaries(st.text("ab/1", min_size=1, max_size=4), st.lists(st.floats(width=32), max_size=5), max_size=4))
def test_a_state_is_read_as_it_was_written(tmp_path_factory, arrays):
    """Any arrays, to the bit, and any numbers."""
    path = tmp_path_factory.mktemp("state") / "kept"
    state = State({"loss": 0.1 + 0.2, "rows": [1, None]}, {k: np.array(v, np.float32) for k, v in arrays.items()})
    write(path, state)
    found = read(path)

    assert found.about == state.about and list(found.arrays) == list(state.arrays)
    assert all(found.arrays[k].tobytes() == state.arrays[k].tobytes() for k in state.arrays)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_checkpoint_is_named_and_ignored(tmp_path_factory, place, change):
    """One changed byte anywhere, a cut end or an empty file: the training begins anew and says why."""
    path = tmp_path_factory.mktemp("damaged") / "kept"
    write(path, State({"epoch": 3}, {"w": np.arange(100, dtype=np.float32)}))
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] ^= change
    for content in (bytes(whole), bytes(whole[: place % len(whole)]), b""):
        path.write_bytes(content)

        assert Checkpoint(path, 0).read() is None


def test_a_damaged_checkpoint_is_a_line_on_the_screen(tmp_path, capsys):
    """With its path, so that it can be looked at."""
    (tmp_path / "kept").write_bytes(b"no checkpoint")

    assert Checkpoint(tmp_path / "kept", 0).read() is None
    assert f"{tmp_path / 'kept'} is damaged" in capsys.readouterr().err


def test_no_pickle_is_read_from_a_checkpoint(tmp_path):
    """An array of objects would be code."""
    np.savez(tmp_path / "bad.npz", about=np.frombuffer(json.dumps({}).encode(), np.uint8), w=np.array([{}], object))
    import hashlib

    payload = (tmp_path / "bad.npz").read_bytes()
    (tmp_path / "kept").write_bytes(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)

    assert Checkpoint(tmp_path / "kept", 0).read() is None


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(tmp_path, capsys):
    """The folder can't be made: one warning, and no error."""
    (tmp_path / "file").write_text("")
    checkpoint = Checkpoint(tmp_path / "file" / "kept", 0)
    for _ in range(2):
        checkpoint.write(State({}, {}))

    assert capsys.readouterr().err.count("no checkpoint can be written") == 1
