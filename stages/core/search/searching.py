"""One whole search: run in this process or in workers, resumed where it was killed, delivered as files."""

import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from stages.core.candidates.candidate import SEARCH, TRIALS
from stages.core.console import Bar, say
from stages.core.files import read_json, write_csv, write_json
from stages.core.search.search_report import write_search
from stages.core.search.trials import TRIAL, Trials
from stages.core.search.tuning import Handout, Search, Study, run_all, sign
from stages.core.search.workers import Job, search_in_workers
from stages.core.settings.options import Tune
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
        with trial_bar(trials):
            run_search(trials, job, live, handout)
    if handout.broken:
        raise handout.broken
    for _, proposal in study.asked:  # a budget in minutes ends within a batch
        if (trials.folders(proposal.number)[0] / TRIAL).exists():
            trials.outcome(proposal.number)
    repeats = "minutes" not in trials.tune.budget
    timing: dict[str, Any] = {
        "search_wall_s": round(time.perf_counter() - began, 3),
        "search_cpu_s": round(cpu_seconds() - cpu, 3),
    }
    timing["search_workers"] = float(trials.tune.workers)
    timing["trials"] = {path.name: read_json(path) for path in sorted(trials.times.glob("*"))}
    return {"search": {"n_trials": len(trials.ended), "repeats": repeats}, "timing": timing}


def run_search(trials: Trials, job: Job, live: Live, handout: Handout) -> None:
    """Run the trials that are handed out, in worker processes or here. Raises what broke one."""
    if trials.tune.workers > 1:
        live.begin()  # two workers that look for the search's run at once would both make it
        search_in_workers(handout, job, trials.tune.workers)
        return
    with tempfile.TemporaryDirectory() as scratch:
        nested = lambda record: Live(job.layout, job.params, record, live)  # noqa: E731 - shown where it is used
        run_all(Search(handout, lambda proposal: trials.run(proposal, nested), Path(scratch)))


def trial_bar(trials: Trials) -> Bar:
    """Return the live line of a search: trials that have ended, of how many, and the best so far.

    A budget of epochs or minutes does not say how many trials there will be.
    """
    n_trials = trials.tune.budget.get("trials")
    look = lambda: best_ended(trials.place, trials.tune)  # noqa: E731 - shown where it is used
    return Bar(int(n_trials) if n_trials else None, f"tune {trials.base.name}", "trials", look)


def best_ended(place: Path, tune: Tune) -> tuple[int, str]:
    """How many trials have ended, by their files, and the best of them in words."""
    ended = [read_json(path) for path in sorted(place.glob(f"trials/*/{TRIAL}"))]
    scores = [(float(one["score"]), int(one["proposal"]["number"])) for one in ended if one["score"] is not None]
    if not scores:
        return len(ended), ""
    score, number = max(scores, key=lambda pair: sign(tune) * pair[0])
    return len(ended), f", best {tune.objective} {score:.4f} (trial {number})"


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
