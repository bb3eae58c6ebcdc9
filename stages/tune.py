"""tune: packed images -> the best settings found around one entry, retrained as the candidate <entry>-tuned."""

from pathlib import Path

import pandas as pd

from stages.core.candidate import TRIALS
from stages.core.console import say
from stages.core.errors import UserError, did_you_mean
from stages.core.files import replaced_folder, write_csv, write_json
from stages.core.layout import PROJECT
from stages.core.making import load_data, make, record_of, write_run_record
from stages.core.params import TUNED, open_project
from stages.core.runtime import prepare_runtime
from stages.core.tracking import Live, mirror


def main(name: str, root: Path = PROJECT) -> None:
    """Write data/tuned/<name>/ and reports/tuning/<name>/. Raises UserError when every trial failed."""
    params, layout = open_project(root)
    if name not in params.tree.tune:
        raise UserError(f"params.yaml: tune.{name} is not there; {did_you_mean(name, params.tree.tune)}")
    base, tune = params.model(name), params.tree.tune[name]
    devices = prepare_runtime(params.tree.runtime)
    from stages.core.trials import Trials  # brings TensorFlow, which must find the runtime prepared

    data = load_data(layout)
    extra = {"tune": tune.model_dump(), "evaluate": params.tree.evaluate.model_dump()}
    record = {"name": name + TUNED, **record_of(layout, "tune", base, extra, params.tree.runtime)}
    with (
        Live(layout, params, record) as live,
        replaced_folder(layout.candidate(name + TUNED)) as folder,
        replaced_folder(layout.tuning(name)) as report,
    ):
        trials = Trials(base, tune, params.tree.evaluate, data, record)
        trials.search(folder / "trials", report, lambda trial: Live(layout, params, trial, live))
        for place in (folder, report):
            write_csv(place / TRIALS, pd.DataFrame(trials.rows))
        write_json(folder / "settings.json", {"entry": name, "trial": trials.best, "values": trials.settings})
        candidate, timing = make(folder, trials.winner(), record, data, live)
    write_run_record(layout, candidate, timing, devices)
    mirror(layout, params, [name + TUNED])
    say(f"tune {name}: the best of {len(trials.rows)} trials is number {trials.best}: {trials.tried[trials.best]}")
