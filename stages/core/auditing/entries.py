"""What the ledger says of a candidate and of a decision: names and hashes, enough to walk back from."""

from pathlib import Path
from typing import Any

from filelock import Timeout

from stages.core.auditing.chain import Line
from stages.core.auditing.ledger import append
from stages.core.candidates.candidate import RECORD, Candidate, model_sha256, read_candidate
from stages.core.console import say
from stages.core.files import canonical, digest, read_json, text_digest
from stages.core.layout import Layout

CANDIDATE, DECISION = "candidate", "decision"
OF_SOURCE = ("dataset", "kind", "uri", "sha256", "licence", "citation", "images_zip_sha256", "index_sha256", "n_images")


def enter_candidate(layout: Layout, candidate: Candidate) -> Line | None:
    """Record a candidate, once for the same files; None, with a warning, where that can't be written."""
    body = candidate_entry(layout, candidate)

    def known(lines: list[Line]) -> Line | None:
        return line_of(lines, body["key"], body["candidate_sha256"])

    return tolerated(layout, CANDIDATE, body, known)


def line_of(lines: list[Line], key: str, candidate_sha256: str) -> Line | None:
    """Find the line of a candidate."""
    said = {"key": key, "candidate_sha256": candidate_sha256}
    return next((line for line in lines if line.kind == CANDIDATE and said.items() <= line.body.items()), None)


def candidate_entry(layout: Layout, candidate: Candidate) -> dict[str, Any]:
    """What there is to say of a candidate: of its data, weights, code and files."""
    record = candidate.record
    inputs = record["inputs"]
    return {
        "candidate": candidate.name,
        "stage": record["stage"],
        "entry": record["entry"],
        "key": record["key"],
        "failure": candidate.failure,
        "model_sha256": None if candidate.failure else model_sha256(record),
        "candidate_sha256": text_digest(canonical(record)),  # of the file, which may just be taking its place
        "manifest_sha256": inputs["manifest_sha256"],
        "images": {split: inputs["images"][split] for split in ("train", "val", "test")},
        "weights": weights_of(record),
        "members": {name: member["key"] for name, member in inputs.get("members", {}).items()},
        "code_sha256": text_digest(canonical(record["code"])),
        "lock_sha256": record["lock_sha256"],
        "source": origin(layout, record),
    }


def weights_of(record: dict[str, Any]) -> dict[str, Any] | None:
    """File, source, hash and licence of the pretrained weights behind a candidate; None where there are none."""
    weights = record["inputs"].get("features", {}).get("weights")
    return dict(weights) if weights else None


def origin(layout: Layout, record: dict[str, Any]) -> dict[str, Any] | None:
    """Where the images are from, as download noted; None where other data, or none, is here now."""
    path = layout.source / "source.json"
    here = layout.manifest.exists() and digest(layout.manifest) == record["inputs"]["manifest_sha256"]
    if not here or not path.exists():
        return None
    return {key: value for key, value in read_json(path).items() if key in OF_SOURCE}


def enter_decision(layout: Layout, champion: dict[str, Any], names: list[str]) -> Line | None:
    """Record who is champion, why, and the hashes of the evaluations that this rests on; once in a row."""
    return tolerated(layout, DECISION, decision_entry(layout, champion, names), None)


def decision_entry(layout: Layout, champion: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What there is to say of a choice among these candidates."""
    return {"what": "champion", **champion, "evaluations": {name: evidence(layout.evaluation(name)) for name in names}}


def complete(layout: Layout, names: list[str], present: list[str]) -> None:
    """Enter what is on disk and not in the ledger: a cached stage runs no code, and neither does `dvc pull`.

    names: all that compete; present: those whose files are here.
    """
    for name in present:
        enter_candidate(layout, read_candidate(layout.candidate(name)))
    path = layout.reports / "champion.json"
    if path.exists() and all((layout.evaluation(name) / RECORD).exists() for name in names):
        body = decision_entry(layout, read_json(path), names)
        tolerated(layout, DECISION, body, lambda lines: next((line for line in lines if line.body == body), None))


def evidence(folder: Path) -> dict[str, str]:
    """Hashes of what a choice reads of an evaluation."""
    names = (RECORD, "metrics.json", "val_answers.parquet")
    return {name: digest(folder / name) for name in names if (folder / name).exists()}


def tolerated(layout: Layout, kind: str, body: dict[str, Any], known: Any) -> Line | None:
    """Append a line; what stands in the way is a warning: no training may be lost for it."""
    try:
        return append(layout, kind, body, known)
    except (OSError, Timeout) as error:
        say(f"warning: {layout.ledger}: {kind} not recorded ({error}); `imagetrail sync` does it later")
        return None
