"""Too little memory is nobody's result: a sentence for a training, a failed trial for a search, and nothing is lost."""

import numpy as np
import pytest

from stages.core.candidates.candidate import read_candidate
from stages.core.errors import UserError
from stages.core.files import digest, write_json
from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.search import casualties
from stages.core.search.trials import Trials
from stages.core.settings.entries import entry
from stages.core.settings.params import load, read_yaml
from stages.core.settings.search_space import applied
from stages.core.training.data import Data
from stages.core.training.fitting import memory_watched
from stages.core.training.making import Silent, Task, make

PLAIN = read_yaml(PROJECT / "params.yaml")["models"]["plain"]
SMALL = {"fit.epochs": 2, "fit.early_stopping": None, "fit.keep": "last", "fit.batch_size": 16}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    labels = np.arange(64) % 2
    images = (rng.random((64, 8, 8, 1)) * 150 + labels[:, None, None, None] * 30).astype(np.uint8)
    train, val = (
        Pack(images[rows], labels[rows], [f"{i}.png" for i in rows]) for rows in np.split(np.arange(64), [48])
    )
    return Data(train, val, None, ["dark", "light"], Statistics([100.0], [3000.0]))


def out_of_memory_at(step):
    """A callback of Keras in which the memory runs out at a step, counted over all epochs."""
    import keras

    taken = []

    def end(batch, logs):
        taken.append(batch)
        if len(taken) == step:
            raise MemoryError

    return keras.callbacks.LambdaCallback(on_train_batch_end=end)


def task(data, kept, *callbacks):
    """Two epochs of three steps; each step is kept."""
    item = entry("models", "plain", applied(PLAIN, SMALL))
    record = {"name": "plain", "key": "k", "stage": "train", "params": item.written}
    return Task(item, record, data, Silent(), kept, 0, callbacks)


@pytest.mark.slow
def test_tensorflow_s_own_error_and_python_s_are_one_sentence():
    """It names the batch size, and a smaller one."""
    import tensorflow as tf

    for error in (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), MemoryError()):
        said = pytest.raises(UserError, match=r"models\.plain\.fit\.batch_size = 16; try .*: 8, or free memory")
        with said, memory_watched("models.plain.fit", 16):
            raise error


@pytest.mark.slow
def test_a_training_that_ran_out_of_memory_is_taken_up(data, tmp_path):
    """It ends as the user's to mend, writes no candidate, keeps its step, and ends later with the same bytes."""
    make(tmp_path / "whole", task(data, None))
    with pytest.raises(UserError, match="out of memory"):
        make(tmp_path / "again", task(data, tmp_path / "kept", out_of_memory_at(5)))
    assert not (tmp_path / "again/candidate.json").exists()
    assert list((tmp_path / "kept").iterdir())

    make(tmp_path / "again", task(data, tmp_path / "kept"))
    for name in ("model.keras", "history.csv", "predictions.parquet"):
        assert digest(tmp_path / "again" / name) == digest(tmp_path / "whole" / name)


@pytest.fixture
def trials(data, tmp_path):
    """The trials of a search around the plain entry, none of them begun."""
    params = load(PROJECT / "params.yaml").tree
    base = entry("models", "plain", applied(PLAIN, SMALL))
    record = {"name": "plain-tuned", "key": "k", "stage": "tune", "params": {"runtime": {}}}
    return Trials(base, params.tune["plain"], params.evaluate, data, record, tmp_path, 0)


@pytest.mark.slow
def test_a_trial_without_memory_is_a_failed_one(trials):
    """The search goes on, and the table says why."""
    place = trials.folders(0)[0]
    place.mkdir(parents=True)
    made = trials.made(place, task(trials.data, trials.kept(0), out_of_memory_at(1)))

    assert "out of memory" in made.failure and read_candidate(place).failure == made.failure


@pytest.mark.slow
def test_a_trial_that_the_kernel_killed_twice_is_not_tried_a_third_time(trials):
    """Told by the kernel's own count of such kills since; one kill is no more than bad luck."""
    boot, counts = casualties.BOOT.read_text(), casualties.memory_kills()
    assert counts, "this system counts no such kills"
    write_json(trials.kept(0) / casualties.NOTE, {"boot": boot, "memory_kills": [n - 1 for n in counts], "deaths": 1})
    place = trials.folders(0)[0]
    place.mkdir(parents=True)
    made = trials.made(place, task(trials.data, trials.kept(0), out_of_memory_at(1)))

    assert "killed 2 times for lack of memory" in made.failure


def test_kills_of_another_kind_and_before_a_restart_count_for_nothing(tmp_path):
    """Only a higher count in the same life of the machine is a death for lack of memory."""
    assert casualties.deaths(tmp_path) == 0 and casualties.deaths(tmp_path) == 0
    counts = [n - 1 for n in casualties.memory_kills()]
    write_json(tmp_path / casualties.NOTE, {"boot": "another", "memory_kills": counts, "deaths": 0})
    assert casualties.deaths(tmp_path) == 0
