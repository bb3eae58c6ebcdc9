"""Which candidate a person means: by its name, a file, an MLflow run, or a registered model."""

import re
from dataclasses import dataclass
from pathlib import Path

from stages.core.auditing.chain import Line, read_chain
from stages.core.auditing.entries import CANDIDATE
from stages.core.auditing.finding import Unknown
from stages.core.auditing.revision_of import revision_of
from stages.core.candidates.candidate import Candidate, model_sha256, read_candidate
from stages.core.candidates.chosen_model import champion
from stages.core.candidates.model_files import model_files
from stages.core.errors import Alarm, UserError, did_you_mean
from stages.core.files import digest, read_json
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.packaging import about
from stages.core.tracking.served_names import ABOUT
from stages.core.tracking.witness import key_of_run, model_of_uri

HEX = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Asked:
    """The candidate that is meant, how it was named, and what of the named thing differs from it."""

    candidate: Candidate
    how: str
    alarms: tuple[str, ...] = ()


def asked(layout: Layout, params: Params, text: str | None, folder: Path) -> Asked:
    """Find the candidate. Raises UserError for what names none, Alarm for a model that nothing here knows."""
    if text is None:
        return Asked(read_candidate(layout.candidate(champion(layout))), "champion")
    if text in params.candidates:
        return Asked(read_candidate(layout.candidate(text)), "")
    if text.startswith("models:/"):
        return registered(layout, params, text, folder)
    if HEX.fullmatch(text):
        return by_key(layout, params, text) or of_run(layout, params, text)
    if Path(text).is_file():
        return of_file(layout, params, Path(text).resolve())
    raise UserError(
        f"{text!r} is no candidate, file, run id or models:/NAME@ALIAS; {did_you_mean(text, params.candidates)}"
    )


def present(layout: Layout, params: Params) -> list[Candidate]:
    """Candidates whose files are here."""
    folders = [layout.candidate(name) for name in params.candidates]
    return [read_candidate(folder) for folder in folders if (folder / "candidate.json").exists()]


def by_key(layout: Layout, params: Params, key: str) -> Asked | None:
    """The candidate with a key; None where nothing knows it. Raises UserError for one of another revision."""
    for candidate in present(layout, params):
        if candidate.record["key"] == key:
            return Asked(candidate, f"key {key[:12]}")
    for line in reversed(read_chain(layout.ledger).lines):
        if line.kind == CANDIDATE and line.body.get("key") == key:
            raise elsewhere(layout, line)
    return None


def of_run(layout: Layout, params: Params, run_id: str) -> Asked:
    """The candidate of an MLflow run. Raises UserError."""
    try:
        key = key_of_run(layout, params, run_id)
    except Unknown as error:
        raise UserError(f"{run_id} is no key of a candidate here, and {error}") from error
    found = by_key(layout, params, key.removesuffix("-superseded")) if key else None
    if not found:
        raise UserError(f"run {run_id} is of no candidate here (its key: {key or 'none'})")
    return Asked(found.candidate, f"run {run_id[:12]}")


def registered(layout: Layout, params: Params, uri: str, folder: Path) -> Asked:
    """The candidate behind a registered or logged model, whose bytes are compared. Raises UserError."""
    try:
        key, place = model_of_uri(layout, params, uri, folder)
    except Unknown as error:
        raise UserError(f"{uri}: {error}") from error
    found = by_key(layout, params, key) if key else None
    if not found:
        raise Alarm(f"{uri} is of no candidate that is known here (its run's key: {key or 'none'})")
    data = next((path.parent for path in place.rglob(ABOUT)), place / "data")
    alarms = [
        f"{name} of {uri}: expected {digest(found.candidate.folder / name)[:12]}, "
        f"got {digest(data / name)[:12] if (data / name).exists() else 'no such file'}"
        for name in model_files(found.candidate.folder)
        if not (data / name).exists() or digest(data / name) != digest(found.candidate.folder / name)
    ]
    return Asked(found.candidate, uri, (*alarms, *told_otherwise(layout, found.candidate, data / ABOUT, uri)))


def told_otherwise(layout: Layout, candidate: Candidate, path: Path, uri: str) -> list[str]:
    """What a packaged model takes its images or its answers for, where that is not what the candidate learned."""
    told = read_json(path) if path.exists() else {}
    expected = about(candidate, layout.evaluation(candidate.name))
    differs = [name for name in ("classes", "normalize", "ranges") if told.get(name) != expected.get(name)]
    return [f"{name} in {ABOUT} of {uri}: expected {expected.get(name)}, got {told.get(name)}" for name in differs]


def of_file(layout: Layout, params: Params, path: Path) -> Asked:
    """The candidate that a file belongs to: by its place, else by its hash. Raises Alarm for a foreign one."""
    here = present(layout, params)
    for candidate in here:
        if path.is_relative_to(candidate.folder.resolve()):
            return Asked(candidate, path.name)
    sha256 = digest(path)
    for candidate in here:
        if sha256 in candidate.record["outputs"].values() or model_sha256(candidate.record) == sha256:
            return Asked(candidate, path.name)
    for line in reversed(read_chain(layout.ledger).lines):
        if line.kind == CANDIDATE and line.body.get("model_sha256") == sha256:
            raise elsewhere(layout, line)
    raise Alarm(f"{path} ({sha256[:12]}) is a file of no candidate here, and no line of the ledger names its hash")


def elsewhere(layout: Layout, line: Line) -> UserError:
    """The way to a candidate that is not the one on disk."""
    name, when = line.body["candidate"], line.time[:10]
    revision = revision_of(layout, line)
    where = f"in {revision}: `git checkout {revision} && dvc checkout`" if revision else "in no revision that is known"
    return UserError(f"that is {name} of {when}, key {line.body['key'][:12]}, {where}; then audit {name} there")
