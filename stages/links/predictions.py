"""predictions: what the candidate's table says <-> what its model answers now."""

import numpy as np

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found, Unknown
from stages.core.candidates.candidate import PREDICTIONS
from stages.core.candidates.chosen_model import opened
from stages.core.images.manifest import read_manifest
from stages.core.images.packs import Pack, load_split

PLACE = 130
CLOSE = 0.01  # in a probability: other processors, other digits
MOST, FEW = 2000, 64  # images of a split that are asked


def check(audited: Audited, found: Found) -> str:
    """Ask the model again, all images or a part of them spread over the split."""
    record, layout = audited.record, audited.layout
    if audited.candidate.failure:
        raise Unknown("there is no model to ask")
    tables = audited.candidate.repeats[:1]
    if not tables:
        raise Unknown(f"it has no {PREDICTIONS}: a last fit without test images")
    audited.need(layout.images / "val.npy", layout.manifest)
    manifest = read_manifest(layout.manifest, ["path", "label", "split"])
    see, n = opened(audited.candidate, audited.params.tree.runtime), 0
    for split in own_splits(record, list(tables[0]["split"].unique())):
        pack = load_split(layout.images, manifest, split)
        said = tables[0][tables[0]["split"] == split].filter(regex=r"^p\.").to_numpy(np.float32)
        rows = spread(len(pack.labels), FEW if audited.quick else MOST)
        n += compare(see(np.asarray(pack.images[rows]))[1], said[rows], (pack, rows, split), found)
    return f"asked again, the model gives {n:,} of its predictions within {CLOSE}"


def own_splits(record: dict[str, object], splits: list[str]) -> list[str]:
    """Splits whose predictions are the model's own; those of a fitted combination on val are out of fold."""
    params = record["params"]
    held_out = record["stage"] == "combine" and isinstance(params, dict) and params["method"] in ("weighted", "stack")
    return [split for split in splits if not (held_out and split == "val")]


def spread(n: int, most: int) -> np.ndarray:
    """Up to `most` rows of n, evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64)) if n else np.zeros(0, np.int64)


def compare(now: np.ndarray, said: np.ndarray, where: tuple[Pack, np.ndarray, str], found: Found) -> int:
    """Compare probabilities float32 [N, K]. Returns how many were."""
    pack, rows, split = where
    far = np.abs(now - said).max(axis=1)
    if len(far) and far.max() > CLOSE:
        worst = int(far.argmax())
        found.alarm(
            f"{split}: {int((far > CLOSE).sum())} of {len(rows)} images, e.g. {pack.paths[rows[worst]]}: the table "
            f"says {said[worst].max():.4f} for class {said[worst].argmax()}, the model {now[worst].max():.4f} for "
            f"{now[worst].argmax()}"
        )
    return len(rows)
