"""gradcam: show where a network looked when it was wrong: its surest mistakes under Grad-CAM's heat.

Each as picture, the places that spoke for what it said, and those that spoke for what was true (Selvaraju et al. 2017).
MODEL is a candidate's name, a file of one, or an MLflow run id; left out: the champion. Written to
reports/gradcam/MODEL.png and .csv; no node reads them.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.auditing.asked import asked
from stages.core.candidates.model_files import MODEL, model_files
from stages.core.candidates.predictor import load_network
from stages.core.console import held_back, say, show
from stages.core.errors import UserError
from stages.core.evaluating.heat_sheet import COLUMNS, looked
from stages.core.evaluating.sheets import NAMES
from stages.core.files import listed, read_text_csv, write_csv
from stages.core.images.manifest import read_manifest
from stages.core.images.packs import Pack, load_split
from stages.core.images.sheet import write_sheet
from stages.core.layout import Layout
from stages.core.serving.chosen import Chosen, of_candidate
from stages.core.settings.params import Params, open_project
from stages.core.training.runtime import ready_to_ask


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model; how many mistakes are shown is evaluate.sheet_pictures."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="left out: the champion")


def main(parsed: argparse.Namespace) -> None:
    """Write the sheet and the table. Raises UserError for what is no network, or is not evaluated."""
    params, layout = open_project()
    with tempfile.TemporaryDirectory(prefix="imagetrail-") as scratch:
        chosen = of_candidate(layout, asked(layout, params, parsed.model, Path(scratch)))
    model = network(layout, params, chosen)
    split = "test" if (layout.evaluation(chosen.name) / "test_mistakes.csv").exists() else "val"
    path = layout.evaluation(chosen.name) / f"{split}_mistakes.csv"
    if not path.exists():
        raise UserError(f"{path} is missing: {chosen.name} is not evaluated; run `dvc repro evaluate@{chosen.name}`")
    wrong = read_text_csv(path, NAMES)
    shown = wrong.head(params.tree.evaluate.sheet_pictures)
    pack = load_split(layout.images, read_manifest(layout.manifest, ["path", "label", "split"]), split)
    table, tiles = looked(model, pictures(pack, list(shown["path"]), model), shown, chosen.told["classes"])
    place = layout.gradcam(chosen.name)
    write_sheet(place, [("", tiles)], COLUMNS)
    write_csv(place.with_suffix(".csv"), table)
    say(f"gradcam: {chosen.name}, the {len(table)} surest of {len(wrong)} mistakes on {split} images")
    show(f"{place}")


def network(layout: Layout, params: Params, chosen: Chosen) -> Any:
    """The Keras model of a candidate. Raises UserError for one that is more than a network, or none."""
    if model_files(chosen.folder) != [MODEL]:
        folders = {name: layout.candidate(name) for name in params.candidates}
        fit = [name for name, folder in folders.items() if model_files(folder) == [MODEL]]
        raise UserError(
            f"{chosen.name} has a classical head, or several members, and Grad-CAM takes one network; "
            f"networks here: {listed(fit, 8) or 'none'}"
        )
    ready_to_ask(params.tree.runtime)
    with held_back():
        return load_network(chosen.folder / MODEL).model


def pictures(pack: Pack, paths: list[str], model: Any) -> np.ndarray:
    """Packed images uint8 [N, H, W, C] of some files. Raises UserError where the pack is another one."""
    at = {path: place for place, path in enumerate(pack.paths)}
    unknown = [path for path in paths if path not in at]
    if unknown or pack.images.shape[1:] != model.input.shape[1:]:
        what = f"has no {unknown[0]}" if unknown else f"holds images {pack.images.shape[1:]}"
        raise UserError(f"data/images {what}, and the model takes {model.input.shape[1:]}; run `dvc repro`")
    return np.asarray(pack.images[[at[path] for path in paths]])
