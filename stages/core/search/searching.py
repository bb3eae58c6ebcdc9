"""One whole search: run in this process or in workers, resumed where it was killed, delivered as files."""

import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from stages.core.candidates.candidate import SEARCH, TRIALS
from stages.core.console import say
from stages.core.files import write_csv, write_json
from stages.core.search.search_report import write_search
from stages.core.search.trials import TRIAL, Trials
from stages.core.search.tuning import Handout, Search, Study, run_all
from stages.core.search.workers import Job, search_in_workers
from stages.core.tracking.live import Live


def search(trials: Trials, job: Job, live: Live) -> dict[str, Any]:
    """Run every trial. Returns what repeats about the search and what does not. Raises what broke it."""
    began, cpu = time.perf_counter(), cpu_seconds()
    kept = len(list(trials.place.glob(f"trials/*/{TRIAL}")))
    if kept:
        say(f"going on after {kept} finished trials of an earlier run")
    with tempfile.TemporaryDirectory() as scratch:
        study = Study(trials.base.written, trials.tune, trials.outcome, Path(scratch))
        handout = Handout(study, Path(scratch))
        if trials.tune.workers > 1:
            live.begin()  # two workers that look for the search's run at once would both make it
            search_in_workers(handout, job, trials.tune.workers)
        else:
            nested = lambda record: Live(job.layout, job.params, record, live)  # noqa: E731 - shown where it is used
            run_all(Search(handout, lambda proposal: trials.run(proposal, nested), Path(scratch)))
    if handout.broken:
        raise handout.broken
    for _, proposal in study.asked:  # a budget in minutes ends within a batch
        if (trials.folders(proposal.number)[0] / TRIAL).exists():
            trials.outcome(proposal.number)
    repeats = "minutes" not in trials.tune.budget
    timing = {"search_wall_s": round(time.perf_counter() - began, 3), "search_cpu_s": round(cpu_seconds() - cpu, 3)}
    timing["search_workers"] = float(trials.tune.workers)
    return {"search": {"n_trials": len(trials.ended), "repeats": repeats}, "timing": timing}


def cpu_seconds() -> float:
    """User and system seconds of this process and of the workers that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(each)[:2]) for each in who)


def deliver(trials: Trials, folder: Path, report: Path) -> None:
    """Write the tables and pictures of a search beside its winner and for people, and move the trials there."""
    write_json(folder / "settings.json", trials.settings())
    write_csv(folder / TRIALS, trials.table())
    write_search(trials, folder / SEARCH)
    shutil.copytree(folder / SEARCH, report, dirs_exist_ok=True)
    shutil.copy(folder / TRIALS, report / TRIALS)
    shutil.move(trials.place / "trials", folder / "trials")
    for place in sorted((trials.place / "reports").iterdir()):
        shutil.move(place, report / place.name)
