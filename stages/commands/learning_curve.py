"""learning-curve: train an entry on growing shares of the training images, and say whether more would help.

Shares and seeds are `learning_curve` in params.yaml; each share lies within the next. Judged on the validation images;
test images are not touched, nor any file of the project. A run that is broken off goes on where it was. Written to
reports/learning_curve/MODEL.csv and .png; no node reads them.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.claims import claimed
from stages.core.console import progress, say, show
from stages.core.errors import UserError
from stages.core.files import canonical, digest, text_digest, write_csv
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.layout import Layout
from stages.core.learning import shares, trainings
from stages.core.learning.picture import curve_picture
from stages.core.learning.verdict import as_text, hits, in_words, last_doubling, row
from stages.core.settings.entries import Entry
from stages.core.settings.params import Params, open_project
from stages.core.training.data import load_data
from stages.core.training.runtime import cpu, prepare_runtime

Said = dict[tuple[float, int], tuple[int, pd.DataFrame]]  # by share and seed: training images, predictions


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the entry."""
    parser.add_argument("model", metavar="MODEL", help="an entry of `models`")


def main(parsed: argparse.Namespace) -> None:
    """Train, write table and picture, and print what they say. Raises UserError for an entry without validation."""
    params, layout = open_project()
    entry, options = params.model(parsed.model), params.tree.learning_curve
    if entry.fit is None or entry.fit.on != "train":
        raise UserError(f"models.{entry.name}.fit.on must be train: validation images say what a share is worth")
    (prepare_runtime if entry.needs_tensorflow else cpu)(params.tree.runtime)
    with claimed(place_of(layout, params, entry), f"the learning curve of {entry.name}") as kept:
        said = trained(layout, params, entry, kept)
        evaluate = params.tree.evaluate
        table = pd.DataFrame([row(*at, n, one, evaluate) for at, (n, one) in said.items()])
        path = layout.learning_curve(entry.name)
        write_csv(path, table)
        curve_picture(table, f"{entry.name}: what more images bring", path.with_suffix(".png"))
    right = {at: hits(one) for at, (_, one) in said.items()}
    fewer, more = (np.stack([right[share, seed] for seed in options.seeds]) for share in options.shares[-2:])
    n_from, n_to = table.groupby("share", sort=True)["n_train"].mean().iloc[-2:]
    show(as_text(table))
    show(in_words(last_doubling(fewer, more, (n_from, n_to), evaluate.confidence), more.shape[1], len(options.seeds)))
    say(f"learning-curve: see {path} and .png")


def place_of(layout: Layout, params: Params, entry: Entry) -> Path:
    """Where finished trainings are kept until all are: by params of the entry, data and code."""
    from stages.core.training.making import record_of

    made_of = [record_of(layout, "train", entry, {}, params.tree.runtime)["key"], params.tree.learning_curve.equal]
    code = [digest(Path(str(module.__file__))) for module in (shares, trainings)]
    return layout.unfinished("learning_curve", entry.name, text_digest(canonical(made_of + code))[:32])


def trained(layout: Layout, params: Params, entry: Entry, kept: Path) -> Said:
    """Train on every share with every seed, or read back what is kept."""
    options, data = params.tree.learning_curve, load_data(layout, entry.input)
    rows = rows_of(read_manifest(layout.manifest, shares.COLUMNS), "train")
    nests = {seed: shares.nested(rows, options.shares, seed) for seed in options.seeds}
    plan = [(place, share, seed) for place, share in enumerate(options.shares) for seed in options.seeds]
    how, said = (params.tree.fit.checkpoint_every_s, params.tree.runtime.threads), Said()
    for place, share, seed in progress(iter(plan), len(plan), "learning-curve", "trainings"):
        some = nests[seed][place]
        lengthened = trainings.tried(entry, seed, (len(some), len(rows)), options.equal)
        one = trainings.answers(lengthened, shares.cut_down(data, some), kept / f"{share:g}-{seed}", how)
        said[share, seed] = (len(some), one)
        say(f"learning-curve: {100 * share:g} % ({len(some):,} images), seed {seed}: {hits(one).mean():.4f}")
    return said
