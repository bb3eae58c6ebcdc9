"""A decision as plain values: what the ledger, MLflow and a person are told of it."""

import json
from dataclasses import dataclass
from typing import Any

from stages.core.candidates.candidate import model_sha256
from stages.core.candidates.machine import in_words
from stages.core.files import canonical, digest
from stages.core.plain_text import in_markdown
from stages.core.promoting.contest import Champion, Contest
from stages.core.promoting.history import FORCED, PROMOTED, REFUSED
from stages.core.promoting.outcome import FAIL

TOLD = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece")


@dataclass(frozen=True)
class By:
    """Who decided, where a person did, and why."""

    name: str | None = None
    why: str | None = None
    force: bool = False


def failures(gates: list[dict[str, Any]]) -> list[str]:
    """Names of the gates that the candidate did not pass."""
    return [gate["gate"] for gate in gates if gate["verdict"] == FAIL]


def body_of(contest: Contest, model: str, gates: list[dict[str, Any]], by: By) -> dict[str, Any]:
    """All of a decision but where its files are kept."""
    record, failed = contest.candidate.record, failures(gates)
    what = PROMOTED if not failed else FORCED if by.force else REFUSED
    return {
        "what": what,
        "model": model,
        "candidate": contest.candidate.name,
        "key": record["key"],
        "model_sha256": model_sha256(record),
        "package": contest.package_id,
        "champion": told_of(contest.champion),
        "gates": gates,
        "failed": failed,
        "limits": json.loads(canonical(contest.limits.model_dump())),
        "n_classes": len(record["classes"]),
        "exam": next((gate["numbers"].get("exam") for gate in gates if "exam" in gate["numbers"]), None),
        "about": about(contest),
        "machine": in_words(),
        "by": by.name,
        "why": by.why,
    }


def told_of(champion: Champion | None) -> dict[str, str] | None:
    """Who held the place; None for a first one."""
    return {"name": champion.name, "key": champion.key, "version": champion.version} if champion else None


def about(contest: Contest) -> dict[str, Any]:
    """What a reader of the registry wants to know of the model."""
    layout, metrics = contest.layout, contest.metrics_or_none()
    names = [f"test_{name}{end}" for name in TOLD for end in ("", "_low", "_high")]
    return {
        "dataset": contest.params.dataset.name,
        "manifest_md5": digest(layout.manifest, "md5") if layout.manifest.exists() else None,
        "manifest_sha256": contest.candidate.record["inputs"]["manifest_sha256"],
        "metrics": {name: metrics[name] for name in names if name in metrics},
        "n_test_images": metrics.get("test_n_images"),
    }


def summary(body: dict[str, Any]) -> str:
    """The decision in a sentence."""
    name, model, former = body["candidate"], body["model"], body["champion"]
    instead = f" instead of {former['name']}" if former else ", the first one"
    failed = ", ".join(body.get("failed", []))
    sentences = {
        PROMOTED: f"{name} is champion of {model}{instead}",
        FORCED: f"{name} is champion of {model}{instead}, FORCED by {body['by']} ({body['why']}); not passed: {failed}",
        REFUSED: f"{name} is not promoted to champion of {model}; not passed: {failed}",
    }
    return sentences.get(body["what"]) or f"{name} is champion of {model} again{instead}"


def as_text(body: dict[str, Any]) -> str:
    """A line a gate."""
    rows = [f"  {gate['verdict']:<5} {gate['gate']:<12} {gate['reason']}" for gate in body["gates"]]
    return "\n".join([f"{body['candidate']} for champion of {body['model']}", *rows])


def as_markdown(body: dict[str, Any]) -> str:
    """The decision as a page."""
    rows = [f"| {gate['verdict']} | {gate['gate']} | {in_markdown(gate['reason'])} |" for gate in body["gates"]]
    table = ["| verdict | gate | reason |", "|---|---|---|", *rows]
    return "\n".join([f"# {in_markdown(summary(body))}", "", *table, "", f"On {in_markdown(body['machine'])}.", ""])
