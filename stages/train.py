"""train: packed images -> one entry of `models` as a candidate: model, curves, predictions, provenance."""

from pathlib import Path

from stages.core.candidates.run_record import write_run_record
from stages.core.claims import claimed
from stages.core.console import duration, say
from stages.core.files import replaced_folder
from stages.core.heads.head_making import make_head
from stages.core.layout import PROJECT
from stages.core.settings.params import open_project
from stages.core.tracking.live import Live
from stages.core.tracking.mirror import mirror
from stages.core.training.data import load_data
from stages.core.training.making import Task, make, record_of
from stages.core.training.runtime import cpu, prepare_runtime


def main(name: str, root: Path = PROJECT) -> None:
    """Write data/candidates/<name>/; a training that fails by itself is written as failed. Raises UserError."""
    params, layout = open_project(root)
    entry = params.model(name)
    devices = prepare_runtime(params.tree.runtime) if entry.needs_tensorflow else cpu(params.tree.runtime)
    data = load_data(layout, entry.input)
    record = {"name": name, **record_of(layout, "train", entry, {}, params.tree.runtime)}
    with Live(layout, params, record) as live:
        with (
            claimed(layout.unfinished("train", name, record["key"]), f"the training of {name}") as kept,
            replaced_folder(layout.candidate(name)) as folder,
        ):
            if entry.is_network:
                task = Task(entry, record, data, live, kept, params.tree.fit.checkpoint_every_s)
                candidate, timing = make(folder, task)
            else:
                candidate, timing = make_head(folder, entry, record, data, params.tree.runtime.threads)
        write_run_record(layout, candidate, timing, devices)
        if not candidate.failure:
            say(f"train {name}: {candidate.record['n_epochs']} epochs in {duration(timing['train_wall_s'])}")
        mirror(layout, params, [name])
