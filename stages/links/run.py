"""run: candidate, curves, metrics and packaged model <-> what MLflow's run of it holds."""

import math
from pathlib import Path

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found, Unknown
from stages.core.candidates.candidate import HISTORY, RECORD, REFERENCE
from stages.core.candidates.model_files import model_files
from stages.core.files import digest, read_json, records
from stages.core.tracking.packaging import about
from stages.core.tracking.served_names import ABOUT
from stages.core.tracking.trails import Trail, final_metrics, flattened, tags, trail
from stages.core.tracking.witness import Witness

PLACE = 40
REPEATED = ("imagetrail.candidate", "imagetrail.kind", "imagetrail.balance", "imagetrail.members", "imagetrail.search")
COMPLETE = "imagetrail.complete"
HASHES = ("imagetrail.manifest_sha256", "dvc.model_md5", "dvc.manifest_md5", "imagetrail.ledger_line")


def check(audited: Audited, found: Found) -> str:
    """Compare params, tags, curves, final metrics and every file that the run keeps."""
    run = audited.witness
    own = trail(audited.candidate, audited.layout.evaluation(audited.candidate.name), None)
    if COMPLETE not in run.tags:
        raise Unknown(f"run {run.run_id[:12]} was never completed, MLflow failed then; `imagetrail sync` does it")
    params = {name: str(value)[:6000] for name, value in flattened(audited.record["params"]).items()}
    for name in sorted(set(params) | set(run.params)):
        found.same(f"param {name}", params.get(name, "none"), run.params.get(name, "none"))
    check_tags(audited, own, run, found)
    check_numbers(own, run, found)
    if run.artifacts is None:
        found.unknown.append(f"files of the run can't be read: {run.why_not}")
    else:
        check_files(audited, own, run.artifacts, found)
        check_models(own, run, found)
    if run.status not in ("FINISHED", "FAILED"):
        found.notes.append(f"the run is {run.status}; `imagetrail sync` completes it")
    return f"run {run.run_id[:12]} in MLflow holds the same {found.n_agreed} params, numbers, tags and files"


def check_tags(audited: Audited, own: Trail, run: Witness, found: Found) -> None:
    """Compare the tags that never change; one that a run ended too early to get is left out."""
    expected = tags(audited.layout, audited.params, own)
    for name in (*REPEATED, *HASHES):
        value = expected.get(name, "")
        if name in run.tags and value:
            found.same(f"tag {name}", value, run.tags[name])
        elif value and name not in HASHES[-2:]:
            found.alarm(f"tag {name} is gone, expected {value[:60]}")
    for md5 in run.digests:
        found.same("data set of the run", expected.get("dvc.manifest_md5", md5), md5)


def check_numbers(own: Trail, run: Witness, found: Found) -> None:
    """Compare the final metrics, and the numbers of every epoch."""
    for name, value in final_metrics(own.metrics).items():
        got = run.metrics.get(name)
        if got is None or not math.isclose(value, got, rel_tol=1e-9, abs_tol=1e-12):
            found.same(f"metric {name}", value, "none" if got is None else got)
        else:
            found.n_agreed += 1
    for row in records(own.candidate.history):
        for name, value in row.items():
            got = run.curves.get(name, {}).get(int(row["epoch"]))
            if name != "epoch" and (got is None or not math.isclose(value, got, rel_tol=1e-5, abs_tol=1e-9)):
                found.same(f"metric curve/{name} of epoch {int(row['epoch'])}", value, got)
            else:
                found.n_agreed += 1


def check_files(audited: Audited, own: Trail, folder: Path, found: Found) -> None:
    """Compare the bytes of the files that the run keeps."""
    pairs = {audited.candidate.folder / name: folder / name for name in (RECORD, HISTORY, REFERENCE)}
    if own.evaluation:
        files = (path for path in own.evaluation.rglob("*") if path.is_file())
        pairs |= {path: folder / "evaluation" / path.relative_to(own.evaluation) for path in files}
    for path, kept in pairs.items():
        if path.exists() and not kept.exists():
            found.alarm(f"artifact {kept.relative_to(folder)} is gone from the run")
        elif path.exists():
            found.same(f"artifact {kept.relative_to(folder)}", digest(path), digest(kept))


def check_models(own: Trail, run: Witness, found: Found) -> None:
    """Compare the bytes of what predicts in the packaged models, and what these know of it."""
    candidate = own.candidate.folder
    names = model_files(candidate)
    if names and not run.models:
        found.unknown.append("no packaged model is in MLflow; `imagetrail sync` packages it")
    for form, folder in run.models.items():
        (data,) = [*folder.rglob(ABOUT)][:1] or [folder / "data" / ABOUT]
        for name in names:
            kept = data.parent / name
            found.same(f"{form}/{name}", digest(candidate / name), digest(kept) if kept.exists() else "no such file")
        if own.evaluation:
            told = read_json(data) if data.exists() else {}
            for name, value in about(own.candidate, own.evaluation).items():
                found.same(f"{form}/{ABOUT}: {name}", value, told.get(name))
