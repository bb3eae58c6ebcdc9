"""weights: pretrained weights and the features seen with them <-> the records that came along, and candidate.json."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.files import digest, read_json
from stages.core.training.feature_files import ABOUT

PLACE = 120


def check(audited: Audited, found: Found) -> str:
    """Hash the file of weights and every file of features."""
    taken, layout = str(audited.record["params"]["input"]), audited.layout
    if "/" not in taken:
        return "it was trained from random weights"
    name = taken.split("/")[1]
    folder, told = layout.features(name), layout.source / "weights" / f"{name}.json"
    audited.need(folder / ABOUT, told)
    about, record = read_json(folder / ABOUT), read_json(told)
    found.same(f"{ABOUT} of {taken}", audited.record["inputs"]["features"], about)
    found.same("record of the weights", about["weights"], record)
    for file, sha256 in about["files"].items():
        path = folder / file
        found.same(f"{taken}/{file}", sha256, digest(path) if path.exists() else "no such file")
    if not record["file"]:
        return f"the backbone {name} has random weights; {len(about['files'])} files of features are as recorded"
    audited.need(told.parent / record["file"])
    found.same(record["file"], record["sha256"], digest(told.parent / record["file"]))
    return f"{record['file']} from {record['uri']} (licence: {record['licence']}), {record['sha256'][:12]}"
