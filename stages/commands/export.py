"""export: write a network as ONNX or TFLite, hold it against what evaluate kept, and time it.

MODEL is a candidate's name, a file of one, or an MLflow run id; left out: the champion. Takes uint8 [N, height, width,
channels] as training did, gives calibrated probabilities. A file whose answers differ from the golden ones is not kept.
Written to reports/exports/MODEL/, with about.json (classes, size, threshold) and export.json (parity, latency), which
also go to MLflow's run and to the record of the run.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from stages.core.auditing.asked import asked
from stages.core.candidates.candidate import Candidate
from stages.core.console import say, show
from stages.core.files import read_json, replaced_folder, write_json
from stages.core.layout import Layout
from stages.core.serving.chosen import of_candidate, opened
from stages.core.serving.export_record import entry, golden_answers, latency_ms
from stages.core.serving.exporting import READERS, WRITERS, graph_of
from stages.core.settings.params import open_project
from stages.core.tracking.export_logging import log_export
from stages.core.tracking.served_model import ServedModel


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model and the formats."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="left out: the champion")
    parser.add_argument("--format", choices=[*WRITERS, "both"], default="both", help="left out: both")


def main(parsed: argparse.Namespace) -> None:
    """Write, check and time the files. Raises UserError for what is no network, or says something else."""
    params, layout = open_project()
    with tempfile.TemporaryDirectory(prefix="imagetrail-") as scratch:
        found = asked(layout, params, parsed.model, Path(scratch))
    chosen = of_candidate(layout, found)
    model = opened(chosen, params.tree.runtime)
    kinds = list(WRITERS) if parsed.format == "both" else [parsed.format]
    folder = layout.reports / "exports" / chosen.name
    with replaced_folder(folder) as temporary:
        entries = exported(layout, model, chosen.name, temporary, (kinds, params.tree.runtime.threads))
        write_json(
            temporary / "about.json",
            {**chosen.told, "temperature": None, "temperature_inside": chosen.told["temperature"]},
        )
        write_json(temporary / "export.json", entries)
    note(layout, found.candidate, entries)
    log_export(layout, params, str(found.candidate.record["key"]), folder, entries)
    answer(entries, folder)


def exported(layout: Layout, model: ServedModel, name: str, folder: Path, how: tuple[list[str], int]) -> dict[str, Any]:
    """Write the files of some formats; what is noted of each, and of the network itself. Raises UserError."""
    kinds, n_threads = how
    images, expected = golden_answers(layout, name, model)
    graph = graph_of(model)
    entries: dict[str, Any] = {"tensorflow": {"latency_ms": latency_ms(lambda x: graph(x).numpy(), images[:1])}}
    for kind in kinds:
        path = folder / f"model.{kind}"
        WRITERS[kind](graph, path)
        entries[kind] = entry(path, READERS[kind](path, n_threads), images, expected)
        say(f"export: {path.name} agrees with {len(images)} golden images")
    return entries


def note(layout: Layout, candidate: Candidate, entries: dict[str, Any]) -> None:
    """Keep it in the record of the candidate's run, which no node reads."""
    path = layout.run_record(str(candidate.record["key"]))
    known = read_json(path) if path.exists() else {}
    write_json(path, {**known, "exports": entries})


def answer(entries: dict[str, Any], folder: Path) -> None:
    """A line a format."""
    for kind, one in entries.items():
        about = (
            f"{one['bytes']:>12,} bytes   differs by {one['parity']['max_difference']:.1e}" if "parity" in one else ""
        )
        show(f"{kind:<12}{one['latency_ms']:>9.3f} ms an image   {about}".rstrip())
    say(f"export: see {folder}")
