"""Saving a Keras model so that equal models are equal files."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from stages.core.files import STORED_DATE, replaced

OBJECT_ID = re.compile(rb'("shared_object_id": )(\d+)')


def save(model: Any, path: Path) -> None:
    """Write `model` as .keras, without its optimizer, the same bytes for the same model.

    Keras writes the date, zip times and memory addresses; they are set to constants here.
    """
    import keras

    from stages.core.training.finishing import finished

    model = finished(model, "none")  # of Keras' own layers alone
    bare = keras.Model(model.input, model.output, name=model.name)  # same layers and weights, never compiled
    with replaced(path) as temporary:
        raw = temporary.with_suffix(".keras")
        try:
            bare.save(raw)
            temporary.write_bytes(b"")
            rewrite(raw, temporary)
        finally:
            raw.unlink(missing_ok=True)


def rewrite(raw: Path, path: Path) -> None:
    """Copy a .keras file with its members sorted and all that changes by itself made constant."""
    with zipfile.ZipFile(raw) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps({**about, "date_saved": "1980-01-01@00:00:00"}, sort_keys=True).encode()
    ids: dict[bytes, bytes] = {}
    members["config.json"] = OBJECT_ID.sub(
        lambda found: found[1] + ids.setdefault(found[2], str(len(ids) + 1).encode()), members["config.json"]
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, STORED_DATE), members[name])


def load(path: Path) -> Any:
    """Load a .keras file for predicting. Raises UserError for one that holds more than a network."""
    from stages.core.candidates.network_file import opened

    return opened(path)
