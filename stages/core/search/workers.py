"""The processes of a search: keras-tuner's own service in the stage's process, one worker process each."""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.search.casualties import memory_kills, more
from stages.core.settings.params import TUNED, Params
from stages.core.stopping import Stopped, ending_with_parent, guarded

LOOPBACK = "127.0.0.1"
GRACE_S = 3  # seconds that a worker gets to save
LIVES = 2  # of a worker: one more chance for a trial whose worker was killed


@dataclass(frozen=True)
class Job:
    """What a worker needs to run trials: values only, as params.yaml may change while a search runs."""

    layout: Layout
    params: Params
    record: dict[str, Any]
    place: Path

    @property
    def entry(self) -> str:
        """Name of the entry that is varied."""
        return str(self.record["name"]).removesuffix(TUNED)


@contextmanager
def served(handout: Any) -> Iterator[int]:
    """Serve a handout to workers on a free port of this machine alone; yields the port.

    keras-tuner's `start_server` does the same but sleeps up to 20 s at its end, and for ever without a worker.
    """
    import grpc
    from keras_tuner.src import protos
    from keras_tuner.src.distribute.oracle_chief import OracleServicer

    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(handout), server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None)


def search_in_workers(handout: Any, job: Job, n_workers: int) -> None:
    """Run all trials in worker processes. Raises UserError when a worker failed, or was killed twice."""
    with served(handout) as port:
        lives = {f"worker{index}": LIVES for index in range(n_workers)}
        running, kills = {name: started(job, name, port) for name in lives}, memory_kills()
        try:
            while running:
                wait([process.sentinel for process in running.values()])
                for name in [name for name, process in running.items() if not process.is_alive()]:
                    kills, before = memory_kills(), kills
                    worker = running.pop(name)
                    if worker.exitcode != -signal.SIGKILL or not more(kills, before):  # such deaths the trial counts
                        lives[name] = left(lives[name], worker.exitcode, name, handout)
                    if lives[name]:
                        running[name] = started(job, name, port)
        finally:
            end(list(running.values()))


def started(job: Job, name: str, port: int) -> Any:
    """Start a worker: a new Python, since TensorFlow does not survive a fork."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(job, name, port), name=name, daemon=True)
    process.start()
    return process


def end(processes: list[Any]) -> None:
    """Ask workers to save and end; force those that don't."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + GRACE_S
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        process.kill()
        process.join()


def left(lives: int, exit_code: int | None, name: str, handout: Any) -> int:
    """Lives that a worker that has ended still has: none when it is done. Raises UserError when it must not go on."""
    if exit_code == 0:
        return 0
    ongoing = handout.ongoing_trials.get(name)
    trial = f"trial {int(ongoing.trial_id) + 1}" if ongoing else "no trial"
    kept = "finished trials are kept, and the same command goes on from there"
    if exit_code is not None and 0 < exit_code < 128:  # above it was told to end, and saved
        raise UserError(f"{name} of the search ended with an error in {trial}; it stands above; {kept}")
    code = exit_code or 0
    number = -code if code < 0 else code - 128
    if lives == 1:
        raise UserError(
            f"{name} of the search was killed twice (signal {number}) in {trial}; with too little memory, "
            f"lower tune.workers or fit.batch_size; {kept}"
        )
    return lives - 1


def work(job: Job, name: str, port: int) -> None:
    """Run trials until the service says stop: the whole life of a worker process. It ends with its parent."""
    chief = multiprocessing.parent_process()
    try:
        with guarded(), ending_with_parent(chief.pid if chief else None):
            run_trials(job, name, port)
    except Stopped as stop:
        sys.exit(128 + stop.number)


def run_trials(job: Job, name: str, port: int) -> None:
    """Prepare TensorFlow as in the stage's process, and ask the service for one trial after another."""
    service = {"TUNER_ID": name, "ORACLE_IP": LOOPBACK, "ORACLE_PORT": str(port)}
    os.environ |= {f"KERASTUNER_{key}": value for key, value in service.items()}
    from stages.core.training.runtime import start_tensorflow

    start_tensorflow(job.params.tree.runtime)
    from stages.core.search.trials import Trials
    from stages.core.search.tuning import Handout, Search, run_all
    from stages.core.tracking.live import Live
    from stages.core.training.data import load_data

    base, tree = job.params.model(job.entry), job.params.tree
    data = load_data(job.layout, base.input)
    every_s = tree.fit.checkpoint_every_s
    trials = Trials(base, tree.tune[job.entry], tree.evaluate, data, job.record, job.place, every_s)
    live = Live(job.layout, job.params, job.record)  # finds the search's own run by its key
    with tempfile.TemporaryDirectory() as scratch:
        client = Handout(None, Path(scratch))

        def run(proposal: Any) -> None:
            trials.run(proposal, lambda record: Live(job.layout, job.params, record, live))

        run_all(Search(client, run, Path(scratch)))
