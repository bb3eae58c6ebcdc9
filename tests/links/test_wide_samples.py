"""images: an audit packs wide samples anew by the range in candidate.json, and sees a range that was changed."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
from PIL import Image

from stages.core.auditing.finding import Found
from stages.core.files import digest, read_json, write_json
from stages.core.images.packing import pack_hashes, pack_split, packed, statistics
from stages.core.ingest.source import Member, Source, write_source
from stages.core.layout import Layout
from stages.core.settings.options import Normalize
from stages.links.images import check

OPTIONS = Normalize(height=2, width=2, channels="grey", fit="stretch", resample="bilinear")
RANGES = {"float32": (-1.0, 1.0)}


def tiff(value):
    """A float TIFF of one value."""
    stream = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, np.float32)).save(stream, "tiff")
    return stream.getvalue()


def audited(root, ranges):
    """A packed set of three floats, and a record that says these ranges of it."""
    layout, splits = Layout(root), ["train", "val", "test"]
    layout.images.mkdir(parents=True)
    layout.source.mkdir()
    members = [Member(f"a/{i}.tif", lambda value=value: tiff(value)) for i, value in enumerate((-1.0, 0.0, 1.0))]
    write_source(layout.archive, Source({}, members))
    pd.DataFrame({"path": [f"a/{i}.tif" for i in range(3)], "split": splits}).to_parquet(layout.manifest)
    totals = [
        pack_split(layout.archive, np.array([row]), OPTIONS, layout.images / f"{split}.npy", RANGES)
        for row, split in enumerate(splits)
    ]
    write_json(layout.images / "statistics.json", vars(statistics(totals[0], 4)))
    write_json(layout.images / "pack.json", packed(OPTIONS, ranges) | pack_hashes(layout.images))
    place = root / "place"
    place.mkdir()
    inputs = {
        "images": read_json(layout.images / "pack.json"),
        "statistics_sha256": digest(layout.images / "statistics.json"),
    }
    return SimpleNamespace(layout=layout, record={"inputs": inputs}, quick=False, place=place, need=lambda *_: None)


def test_the_range_of_the_record_gives_the_same_pixels(tmp_path):
    """An honest set raises no alarm."""
    found = Found()
    assert check(audited(tmp_path, RANGES), found).startswith("3 images of the source give the same arrays")
    assert found.alarms == []


def test_another_range_gives_other_pixels(tmp_path):
    """A record whose range isn't the one that was packed by is an alarm."""
    found = Found()
    check(audited(tmp_path, {"float32": (-1.0, 3.0)}), found)
    assert found.alarms
