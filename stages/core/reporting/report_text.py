"""The report as Markdown, for a pull request or a terminal."""

from typing import Any

from stages.core.files import human_bytes, read_json, records
from stages.core.images.manifest import read_manifest
from stages.core.plain_text import in_markdown
from stages.core.reporting.contents import Contents
from stages.core.reporting.leaderboard import has, over_seeds, shown
from stages.core.reporting.report_summary import split_counts, summary

HEADS = [
    "candidate", "val accuracy", "over seeds", "val balanced", "val macro F1", "val log loss", "test accuracy",
    "interval", "over seeds", "test balanced", "test ECE", "multiply-adds", "parameters", "file", "front", "note",
]  # fmt: skip


def markdown(contents: Contents) -> str:
    """The summary: data, gate, who was chosen and why, and the leaderboard."""
    verdict = read_json(contents.layout.validation / "verdict.json")
    source = read_json(contents.layout.source / "source.json")
    champion = contents.choice.champion
    broken = [found for found in verdict["findings"] if not found["passed"]]
    counts = split_counts(read_manifest(contents.layout.manifest, ["split"]))
    answers = summary(contents, counts, source, verdict)
    lines = [
        f"# imagetrail: {source['dataset']}",
        "",
        f"{source['n_images']:,} images; data gate: **{verdict['verdict']}**.",
        *[f"- {found['check']} ({found['severity']}): {in_markdown(found['message'])}" for found in broken],
        "",
        f"Champion: **{champion.name if champion else 'none'}**.",
        "",
        *[f"- **{question}** {in_markdown(answer)}" for question, answer in answers],
        "",
        f"| {' | '.join(HEADS)} |",
        "|---" * len(HEADS) + "|",
        *[row_of(row) for row in records(contents.table)],
        "",
        "`front`: nothing is as accurate on validation for fewer multiply-adds and bytes (reports/pareto.png).",
        "Seconds are not in here, as they don't repeat: `imagetrail leaderboard` shows them.",
    ]
    return "\n".join(lines) + "\n"


def row_of(row: dict[str, Any]) -> str:
    """One line of the leaderboard."""
    name = row["candidate"]
    if row["failure"]:
        return f"| {name} | failed: {in_markdown(row['failure'])} {'| ' * (len(HEADS) - 1)}".rstrip()
    interval = f"{row['test_accuracy_low']:.4f}–{row['test_accuracy_high']:.4f}" if has(row, "test") else "–"
    cells = [
        shown(row, "val_accuracy"),
        over_seeds(row, "val"),
        *(shown(row, f"val_{key}") for key in ("balanced_accuracy", "macro_f1", "log_loss")),
        shown(row, "test_accuracy"),
        interval,
        over_seeds(row, "test"),
        *(shown(row, f"test_{key}") for key in ("balanced_accuracy", "ece")),
        f"{row['multiply_adds']:,.0f}",
        f"{row['n_parameters']:,.0f}",
        human_bytes(row["model_bytes"]),
        "yes" if row["pareto"] else "",
        row["note"],
    ]
    return f"| {name} | {' | '.join(cells)} |"
