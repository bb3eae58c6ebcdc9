"""What a model card says of the images and of the training."""

from typing import Any

from stages.core.files import canonical
from stages.core.governance.card_subject import Subject, row
from stages.core.governance.croissant import origin
from stages.core.images.manifest import SPLITS
from stages.core.plain_text import in_markdown
from stages.core.reporting.pages import class_table


def data(subject: Subject) -> list[str]:
    """Origin, licence, counts, and what the gate found."""
    source, table = subject.source, class_table(subject.manifest)
    total = {split: sum(row[split] for row in table) for split in SPLITS}
    found = [f"- {one['check']} ({one['severity']}): {in_markdown(one['message'])}" for one in subject.broken]
    return [
        "## Data",
        "",
        f"- origin: {in_markdown(origin(source))} ({in_markdown(source['kind'])})",
        f"- licence of the images: {in_markdown(source.get('licence') or 'not stated')}",
        f"- citation: {in_markdown(source.get('citation') or 'not stated')}",
        *[f"- pretrained weights: {line}" for line in weights(subject.record)],
        "",
        "| class | " + " | ".join(SPLITS) + " | all |",
        "|---" * 5 + "|",
        *[row([in_markdown(one["label"]), *(one[split] for split in SPLITS), one["n_images"]]) for one in table],
        row(["all", *total.values(), sum(one["n_images"] for one in table)]),
        "",
        "Images in no split are in quarantine or can't be read. Equal and nearly equal images share a split.",
        "",
        *(["The data gate found:", "", *found] if found else ["The data gate found nothing to remark."]),
    ]


def weights(record: dict[str, Any]) -> list[str]:
    """Source, licence and hash of the weights that it started from."""
    found = record["inputs"].get("features", {}).get("weights") or {}
    if not found.get("file"):
        return []
    licence = in_markdown(found["licence"] or "not stated")
    return [f"{in_markdown(found['uri'])}, licence: {licence}, SHA-256 {found['sha256']}"]


def training(subject: Subject) -> list[str]:
    """Params and seeds, and what decides its bits."""
    record = subject.record
    runtime = record["params"]["runtime"]
    return [
        "## Training",
        "",
        how_made(record),
        "",
        f"Threads: {runtime['threads']}, determinism: {runtime['determinism']}, oneDNN: {runtime['onednn']}. "
        "Equal bytes are promised for one processor family or GPU model and this thread count; that machine is in "
        f"`reports/runs/{record['key']}.json` and in MLflow, not here, as this card has the same bytes anywhere.",
        "",
        "```json",
        canonical(record["params"]).rstrip(),
        "```",
    ]


def how_made(record: dict[str, Any]) -> str:
    """The stage that made it, and what it did, in a sentence."""
    seeds, members = record.get("seeds") or [], record["inputs"].get("members", {})
    told = [
        f"By `dvc repro {record['stage']}@{record['entry']}`",
        *([f"{record['n_epochs']} epochs"] if record["n_epochs"] > 1 else []),
        *([f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"] if seeds else []),
        *([f"of the candidates {', '.join(map(in_markdown, members))}"] if members else []),
    ]
    return f"{', '.join(told)}."
