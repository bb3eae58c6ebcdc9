"""Which candidate a person means, here or elsewhere, with its evaluation fetched; the checkout stays as it is."""

import contextlib
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from stages.core.auditing.chain import read_chain
from stages.core.auditing.entries import CANDIDATE
from stages.core.auditing.finding import Unknown
from stages.core.auditing.revision_of import revision_of
from stages.core.candidates.candidate import RECORD
from stages.core.candidates.chosen_model import champion
from stages.core.comparing.sides import Side, in_workspace, known
from stages.core.errors import UserError, did_you_mean
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.revisiting.revisions import copied_at, names_at, opened
from stages.core.settings.params import Params
from stages.core.tracking.witness import evaluation_of_run, key_of_run, run_of_model

HEX = re.compile(r"[0-9a-f]{32}")
TIMINGS = ("train_cpu_s", "train_wall_s", "latency_one_image_ms", "latency_batch_us_per_image")


def side(layout: Layout, params: Params, text: str | None, place: Path) -> Side:
    """Find a candidate and its evaluation; None is the champion of the workspace. Raises UserError.

    text: a candidate's name, a key, an MLflow run id, models:/..., a revision (its champion) or REVISION:NAME;
    place: a folder for what is fetched.
    """
    if text is None:
        return in_workspace(layout, champion(layout), champion(layout))
    if text in params.candidates:
        return in_workspace(layout, text, text)
    if text.startswith("models:/"):
        found = of_run(layout, params, of_model(layout, params, text), text, place)
        return replace(found, called=f"{found.record['name']} ({text.removeprefix('models:/')})")
    if HEX.fullmatch(text):
        found = of_key(layout, params, text, text, place) or of_run(layout, params, text, text, place)
        return replace(found, called=f"{found.record['name']} ({text[:8]})")
    try:
        return at_revision(layout, text, place)
    except UserError as error:
        if "no git revision" not in str(error) or ":" in text:
            raise
        raise UserError(
            f"{text!r} is no candidate ({did_you_mean(text, params.candidates)}), no MLflow run id or models:/..., "
            "no git revision and no DVC experiment; see `git log`, `dvc exp list`"
        ) from error


def at_revision(layout: Layout, text: str, place: Path) -> Side:
    """The candidate NAME of REVISION:NAME, or the champion of a revision. Raises UserError."""
    revision, _, name = text.rpartition(":") if ":" in text else (text, "", "")
    name = name or champion_at(layout, revision)
    names = names_at(layout, revision, layout.evaluation(name).parent)
    if name not in names:
        raise UserError(f"{revision} has no evaluated candidate {name!r}; {did_you_mean(name, names)}")
    folder = Path(tempfile.mkdtemp(dir=place)) / name
    copied_at(layout, revision, layout.evaluation(name), folder)
    return known(layout, Side(f"{revision}:{name}", revision, folder, revision))


def champion_at(layout: Layout, revision: str) -> str:
    """Name of the champion of a revision. Raises UserError where it had none."""
    with tempfile.TemporaryDirectory() as folder, opened(layout, revision, layout.reports / "champion.json") as stream:
        path = Path(folder) / "champion.json"
        path.write_bytes(stream.read())
        name = read_json(path).get("candidate")
    if not name:
        raise UserError(f"{revision} has no champion; name a candidate: {revision}:NAME")
    return str(name)


def of_model(layout: Layout, params: Params, uri: str) -> str:
    """The run that a model came from. Raises UserError."""
    try:
        return run_of_model(layout, params, uri)
    except Unknown as error:
        raise UserError(f"{uri}: {error}") from error


def of_key(layout: Layout, params: Params, key: str, called: str, place: Path) -> Side | None:
    """The candidate with a key: in the workspace, else in the revision that the ledger leads to; None for neither."""
    for name in params.candidates:
        path = layout.evaluation(name) / RECORD
        if path.exists() and read_json(path)["key"] == key:
            return in_workspace(layout, name, called)
    for line in reversed(read_chain(layout.ledger).lines):
        if line.kind == CANDIDATE and line.body.get("key") == key and (revision := revision_of(layout, line)):
            with contextlib.suppress(UserError):  # its evaluation may not have been committed, or be in no cache
                found = at_revision(layout, f"{revision}:{line.body['candidate']}", place)
                return replace(found, called=called) if found.record["key"] == key else None
    return None


def of_run(layout: Layout, params: Params, run_id: str, called: str, place: Path) -> Side:
    """The candidate of a run: its own files where they can be found, else what the run holds. Raises UserError."""
    try:
        key = key_of_run(layout, params, run_id).removesuffix("-superseded")
        if key and (found := of_key(layout, params, key, called, place)):
            return replace(found, run_id=run_id)
        folder = Path(tempfile.mkdtemp(dir=place))
        metrics = evaluation_of_run(layout, params, run_id, folder)
    except Unknown as error:
        raise UserError(f"{called} is no key of a candidate that is known here, and {error}") from error
    if not (folder / "evaluation" / RECORD).exists():
        raise UserError(f"run {run_id} holds no evaluation; `imagetrail sync` completes it where its files are")
    timing = {name: metrics[name] for name in TIMINGS if name in metrics}
    return known(layout, Side(called, "MLflow", folder / "evaluation", None, run_id, {"timing": timing}))
