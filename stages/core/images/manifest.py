"""The manifest: one row an image, with its hashes, looks and split; later nodes read it and list no folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from stages.core.errors import UserError

SPLITS = ("train", "val", "test")
GROUPING = ["group", "near", "pixel_sha256"]  # columns that say which images must not part
RANGES = "value_ranges"  # in the manifest's own metadata: by sample type of over 8 bits


def read_manifest(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a manifest, or some of its columns. Raises UserError when the gate has not let one through."""
    if not path.exists():
        raise UserError(
            f"{path.name} does not exist: the data has not passed the gate. "
            "Run `dvc repro validate` and read reports/validation/index.html"
        )
    return pd.read_parquet(path, columns=columns)


def read_ranges(path: Path) -> dict[str, tuple[float, float]]:
    """The value ranges of wide samples that `validate` found in the set; {} for a set of 8 bits."""
    kept = (pq.read_metadata(path).metadata or {}).get(RANGES.encode())
    return {kind: (low, high) for kind, (low, high) in json.loads(kept or "{}").items()}


def class_names(manifest: pd.DataFrame) -> list[str]:
    """Names of the classes that some split holds, in the order of their ids: sorted by code point.

    A class whose images are all unreadable or in quarantine is none of the model's.
    """
    return sorted(manifest["label"][manifest["split"].notna()].dropna().unique())


def rows_of(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    """Rows of one split, in manifest order: the order of the packed images."""
    return manifest[manifest["split"] == split]


def group_numbers(rows: pd.DataFrame) -> np.ndarray:
    """Numbers int64 [N], equal for images of one group, for near copies, and for equal pixels. rows: GROUPING."""
    return pd.factorize(rows["group"].fillna(rows["near"]).fillna(rows["pixel_sha256"]))[0]
