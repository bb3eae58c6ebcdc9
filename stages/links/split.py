"""split: who is in train, val and test <-> the rule of params.yaml, applied anew to the images."""

import pandas as pd

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found, Unknown
from stages.core.gate.draft import DECIDED
from stages.core.gate.gating import quarantined, subject_of
from stages.core.images.manifest import SPLITS

PLACE = 110


def check(audited: Audited, found: Found) -> str:
    """Divide the images again, with near copies, groups and quarantine, and compare row by row."""
    if audited.quick:
        raise Unknown("--quick: the images were not divided anew")
    audited.need(audited.layout.archive, audited.layout.manifest)
    tree = audited.params.tree
    rows, thumbnails = audited.compacted(tree.split.seed), audited.remeasured[1]
    subject = subject_of(rows, thumbnails, tree.split)
    again = quarantined(subject, audited.params.checks, tree.quarantine, tree.split).images
    known = pd.read_parquet(audited.layout.manifest, columns=["path", *DECIDED.names])
    if found.same("number of images", len(again), len(known)):
        for name in DECIDED.names:
            compare(name, again[name].astype("object"), known, found)
    shares = known["split"].value_counts()
    return "the rule gives the same splits again: " + ", ".join(f"{split} {shares.get(split, 0):,}" for split in SPLITS)


def compare(name: str, right: pd.Series, known: pd.DataFrame, found: Found) -> None:
    """Compare a column, a missing value being equal to another."""
    right, told = right.reset_index(drop=True), known[name].astype("object")
    differ = (right.isna() != told.isna()) | (right.notna() & told.notna() & (right != told))
    if differ.any():
        row = int(differ.to_numpy().argmax())
        found.alarm(
            f"{name}: {int(differ.sum())} images, e.g. {known['path'].iloc[row]}: the rule gives "
            f"{right.iloc[row]}, the manifest says {told.iloc[row]}"
        )
    else:
        found.n_agreed += 1
