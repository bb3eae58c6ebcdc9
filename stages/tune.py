"""tune: packed images -> the best settings found around one entry, retrained as the candidate <entry>-tuned."""

from pathlib import Path

from stages.core.candidates.run_record import write_run_record
from stages.core.claims import claimed
from stages.core.console import say
from stages.core.errors import UserError, did_you_mean
from stages.core.evaluating.evaluation import READS
from stages.core.files import replaced_folder
from stages.core.layout import PROJECT
from stages.core.search.workers import Job
from stages.core.settings.params import TUNED, open_project
from stages.core.tracking.live import Live
from stages.core.tracking.mirror import mirror
from stages.core.training.data import load_data
from stages.core.training.making import Task, make, record_of
from stages.core.training.runtime import prepare_runtime


def main(name: str, root: Path = PROJECT) -> None:
    """Write data/candidates/<name>-tuned/ and reports/tuning/<name>/. Raises UserError when every trial failed."""
    params, layout = open_project(root)
    if name not in params.tree.tune:
        raise UserError(f"params.yaml: tune.{name} is not there; {did_you_mean(name, params.tree.tune)}")
    base, tune = params.model(name), params.tree.tune[name]
    devices = prepare_runtime(params.tree.runtime)
    from stages.core.search.searching import (
        deliver,
        search,
    )  # bring TensorFlow, which must find the runtime prepared
    from stages.core.search.trials import Trials

    data = load_data(layout, base.input)
    judged = params.tree.evaluate.model_dump(include=set(READS))
    told = {"tune": tune.model_dump(exclude={"workers"}), "evaluate": judged}
    record = {"name": name + TUNED, **record_of(layout, "tune", base, told, params.tree.runtime)}
    with Live(layout, params, record) as live:
        with (
            claimed(layout.unfinished("tune", name, record["key"]), f"the search around {name}") as place,
            replaced_folder(layout.candidate(name + TUNED)) as folder,
            replaced_folder(layout.tuning(name)) as report,
        ):
            trials = Trials(base, tune, params.tree.evaluate, data, record, place, params.tree.fit.checkpoint_every_s)
            about = search(trials, Job(layout, params, record, place), live)
            record |= {"search": about["search"]}
            winner = Task(trials.winner(), record, data, live, place / "winner", params.tree.fit.checkpoint_every_s)
            candidate, timing = make(folder, winner)
            deliver(trials, folder, report)
        write_run_record(layout, candidate, {**timing, **about["timing"]}, devices)
        mirror(layout, params, [name + TUNED])
    say(f"tune {name}: the best of {len(trials.ended)} trials is number {trials.best.number}: {trials.best.values}")
