"""metrics: every number and table of the evaluation <-> the same computed anew from the predictions."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.evaluating.depth import evaluate_in_depth
from stages.core.files import digest, read_json

PLACE = 140
TABLES = (".json", ".csv", ".parquet")  # pictures show the same, and are in dvc.lock


def check(audited: Audited, found: Found) -> str:
    """Evaluate again into a folder of our own, and compare files."""
    layout, again = audited.layout, audited.place / "evaluation"
    folder = layout.evaluation(audited.candidate.name)
    audited.need(folder / "metrics.json", layout.manifest)
    again.mkdir()
    metrics = evaluate_in_depth(audited.candidate, audited.params.tree.evaluate, layout.manifest, again)
    kept = read_json(folder / "metrics.json")
    for name in sorted({*metrics, *kept}):
        found.same(f"metrics.json: {name}", metrics.get(name, "none"), kept.get(name, "none"))
    for path in sorted(again.iterdir()):
        if path.suffix in TABLES and path.name != "metrics.json":
            there = folder / path.name
            found.same(path.name, digest(path), digest(there) if there.exists() else "no such file")
    return f"{len(metrics)} numbers and the tables of the evaluation follow from the predictions"
