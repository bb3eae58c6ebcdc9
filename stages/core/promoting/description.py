"""What MLflow's pages say of a model version and of its run: in Markdown, with links; names from data are escaped."""

from typing import Any

from stages.core.auditing.chain import Line
from stages.core.plain_text import in_markdown
from stages.core.promoting.decision import TOLD, summary
from stages.core.tracking.registry import Registry, Version

MOST = 4900  # characters of a description that every store of MLflow takes


def description(registry: Registry, version: Version, line: Line) -> str:
    """The page of a model version: the decision, and links to run, data set, card and numbers."""
    body = line.body
    lines = [
        f"{in_markdown(summary(body))} ({line.time[:16].replace('T', ' ')} UTC)",  # no mark: lists show it as it is
        "",
        "| | |",
        "|---|---|",
        *[f"| {name} | {value} |" for name, value in rows(registry, version, body)],
        "",
        f"Line `{line.hash}` of the ledger holds all of it. "
        f"`imagetrail audit models:/{registry.model}/{version.number}` checks the model back to every image.",
    ]
    return "\n".join(lines)[:MOST]


def rows(registry: Registry, version: Version, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what is told in a table."""
    about, run = body["about"], f"#/experiments/{registry.store.experiment_id}/runs/{version.run_id}"
    below = f"{run}/artifacts/{body['artifacts']}"
    told = [
        ("run", f"[{in_markdown(body['candidate'])}]({run})"),
        ("decision", f"[every gate, with its numbers]({below}/decision.md)"),
        ("model card", f"[model\\_card.md]({below}/model_card.md)"),
        ("data set", f"{in_markdown(about['dataset'])}, manifest `{about['manifest_md5']}` (DVC's MD5)"),
        ("manifest, SHA-256", f"`{about['manifest_sha256']}`"),
        ("key of the run", f"`{body['key']}`"),
        ("model, SHA-256", f"`{body['model_sha256']}`"),
    ]
    return told + [(f"test {name.replace('_', ' ')}", number(about["metrics"], f"test_{name}")) for name in TOLD]


def number(metrics: dict[str, float], name: str) -> str:
    """A measure with its interval, where there is one."""
    if name not in metrics:
        return "not measured"
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return f"{metrics[name]:.4f}" + (f" ({low:.4f} to {high:.4f})" if low is not None and high is not None else "")


def version_tags(line: Line) -> dict[str, str]:
    """Tags of a model version, by which it can be searched; an empty one is taken away."""
    body = line.body
    return {
        "imagetrail.key": body["key"],
        "imagetrail.candidate": body["candidate"],
        "imagetrail.decision": body["what"],
        "imagetrail.decided": line.time,
        "imagetrail.ledger_line": line.hash,
        "imagetrail.not_passed": ", ".join(body.get("failed", [])),
        "imagetrail.decided_by": body.get("by") or "",
        "imagetrail.why": body.get("why") or "",
    }
