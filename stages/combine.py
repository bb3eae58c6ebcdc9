"""combine: candidates -> one model that answers for all of them, as a candidate of its own."""

from pathlib import Path

from stages.core.candidates.lineage import provenance
from stages.core.candidates.model_files import needs_tensorflow
from stages.core.candidates.run_record import write_run_record
from stages.core.combine.combine_making import Task, make_combined
from stages.core.combine.members import lineage_of, units_of
from stages.core.errors import UserError, did_you_mean
from stages.core.files import replaced_folder
from stages.core.layout import PROJECT
from stages.core.settings.params import COMBINED, open_project
from stages.core.tracking.live import Live
from stages.core.tracking.mirror import mirror
from stages.core.training.data import load_data
from stages.core.training.runtime import cpu, prepare_runtime


def main(name: str, root: Path = PROJECT) -> None:
    """Write data/combined/<name>/; a combination that fails by itself is written as failed. Raises UserError."""
    params, layout = open_project(root)
    if name not in params.tree.combine:
        raise UserError(f"params.yaml: combine.{name} is not there; {did_you_mean(name, params.tree.combine)}")
    options, runtime = params.tree.combine[name], params.tree.runtime
    sources = {member: layout.candidate(member) for member in options.members}
    networks = any(needs_tensorflow(folder) for folder in sources.values())
    devices = prepare_runtime(runtime) if networks else cpu(runtime)
    data, units = load_data(layout), units_of(layout.manifest)
    told = {"kind": "combine", "input": "images", **options.model_dump(), "runtime": runtime.model_dump()}
    made_of = provenance(layout, "combine", name, told, lineage_of(sources))
    record = {"name": name + COMBINED, **made_of}
    with Live(layout, params, record):
        with replaced_folder(layout.candidate(name + COMBINED)) as folder:
            candidate, timing = make_combined(folder, Task(options, sources, units, runtime.threads), record, data)
        write_run_record(layout, candidate, timing, devices)
        mirror(layout, params, [name + COMBINED])
