"""robustness: ask a model about damaged test images: noise, blur, weather, light, JPEG, coarse pixels, shifted, turned.

Seventeen kinds of damage at five severities, after Hendrycks & Dietterich 2019. The table is
reports/robustness/MODEL.csv; no node reads it.
"""

import argparse

import numpy as np

from stages.core.candidates.chosen_model import champion, comparable, opened
from stages.core.console import say, show
from stages.core.errors import UserError
from stages.core.evaluating.robustness import as_text, robustness
from stages.core.files import write_csv
from stages.core.images.manifest import read_manifest
from stages.core.images.packs import Pack, load_split
from stages.core.settings.params import open_project
from stages.core.training.reference import evenly


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model and how many images are asked."""
    parser.add_argument("model", nargs="?", help="a candidate's name; left out: the champion")
    parser.add_argument("--images", type=int, default=500, help="of more test images, this many, evenly spaced")


def main(parsed: argparse.Namespace) -> None:
    """Write the table and print it. Raises UserError where there are no images, or the pack is another one."""
    params, layout = open_project()
    candidate = comparable(layout, params, parsed.model or champion(layout))
    if parsed.images < 1:
        raise UserError(f"--images must be at least 1, got {parsed.images}")
    manifest = read_manifest(layout.manifest, ["path", "label", "split"])
    split = "test" if (manifest["split"] == "test").any() else "val"
    pack = some(load_split(layout.images, manifest, split), parsed.images)
    if list(pack.images.shape[1:]) != candidate.record["input_shape"]:
        raise UserError(
            f"{candidate.name} takes images {candidate.record['input_shape']}, data/images holds "
            f"{list(pack.images.shape[1:])}; `dvc repro` makes it anew"
        )
    view, evaluate = opened(candidate, params.tree.runtime), params.tree.evaluate
    table = robustness(pack, lambda images: view(images)[1], evaluate.seed, evaluate.confidence)
    place = layout.robustness(candidate.name)
    write_csv(place, table)
    say(f"robustness: {candidate.name}, accuracy on {len(pack.labels)} {split} images by damage and severity; {place}")
    show(as_text(table))


def some(pack: Pack, most: int) -> Pack:
    """Up to `most` images of a split, evenly spaced."""
    places = evenly(len(pack.labels), most)
    return Pack(np.asarray(pack.images[places]), pack.labels[places], [pack.paths[place] for place in places])
