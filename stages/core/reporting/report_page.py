"""The report as one self-contained HTML page, made from files alone."""

from base64 import b64encode

import pandas as pd

from stages.core.files import digest, human_bytes, read_json, records
from stages.core.gate.findings import Finding
from stages.core.images.manifest import class_names, read_manifest, rows_of
from stages.core.reporting.choosing import explained, in_words
from stages.core.reporting.contents import Contents
from stages.core.reporting.leaderboard import has
from stages.core.reporting.pages import check_lines, class_table, render, special_counts, thumbnails
from stages.core.reporting.report_candidates import described
from stages.core.reporting.report_searches import searches


def page(contents: Contents) -> str:
    """The HTML page: data, checks, leaderboard, curves, confusion matrices and pictures of mistakes."""
    layout, report = contents.layout, contents.params.tree.report
    manifest, verdict = read_manifest(layout.manifest), read_json(layout.validation / "verdict.json")
    samples = sample_paths(manifest, report.samples_per_class)
    candidates = [described(standing, report.mistakes_per_pair) for standing in contents.order]
    shown = [path for paths in samples.values() for path in paths]
    shown += [path for finding in verdict["findings"] for path in finding["examples"]]
    shown += [path for item in candidates for pair in item["pairs"] for path in pair["paths"]]
    return render(
        "report.html",
        source=read_json(layout.source / "source.json"),
        manifest_sha256=digest(layout.manifest),
        verdict=verdict["verdict"],
        lines=check_lines([Finding(**found) for found in verdict["findings"]]),
        quarantine=verdict["quarantine"],
        classes=class_table(manifest),
        n_images=len(manifest),
        n_special=special_counts(manifest),
        samples=samples,
        pictures=thumbnails(layout.archive, shown),
        rows=[{**row, "test": has(row, "test"), "val": has(row, "val")} for row in records(contents.table)],
        choice=contents.choice,
        why=explained(contents.choice),
        measure=in_words(contents.choice.rule.measure),
        rivals={rival.standing.name: rival for rival in contents.choice.rivals},
        pareto=b64encode(contents.layout.pareto.read_bytes()).decode() if contents.choice.leader else "",
        several_seeds=any(standing.metrics.get("n_seeds", 1) > 1 for standing in contents.order),
        candidates=candidates,
        searches=searches(contents.order, contents.params),
        confidence=contents.params.tree.evaluate.confidence,
        human_bytes=human_bytes,
    )


def sample_paths(manifest: pd.DataFrame, n: int) -> dict[str, list[str]]:
    """The first n train images of each class: examples, not a random sample."""
    train = rows_of(manifest, "train")
    return {label: list(train[train["label"] == label]["path"][:n]) for label in class_names(manifest)}
