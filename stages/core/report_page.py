"""The report: a Markdown summary and one self-contained HTML page, both made from files alone."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.core.candidate import HISTORY, TRIALS
from stages.core.files import digest, human_bytes, read_json, records
from stages.core.findings import Finding
from stages.core.layout import Layout
from stages.core.leaderboard import Standing, has_test
from stages.core.manifest import class_names, read_manifest, rows_of
from stages.core.pages import check_lines, class_table, render, special_counts, thumbnails
from stages.core.params import TUNED, Params

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 220, 44, 28, 10  # of a plot, SVG units


@dataclass(frozen=True)
class Contents:
    """What both forms of the report show."""

    params: Params
    layout: Layout
    order: list[Standing]
    table: pd.DataFrame
    champion: Standing | None


def markdown(contents: Contents) -> str:
    """The summary for a pull request or a terminal."""
    verdict = read_json(contents.layout.validation / "verdict.json")
    source = read_json(contents.layout.source / "source.json")
    champion = contents.champion
    lines = [
        f"# imagetrail: {source['dataset']}",
        "",
        f"{source['n_images']:,} images; data gate: **{verdict['verdict']}**.",
        *[
            f"- {found['check']} ({found['severity']}): {found['message']}"
            for found in verdict["findings"]
            if not found["passed"]
        ],
        "",
        f"Champion (by {contents.params.tree.report.champion}): **{champion.name if champion else 'none'}**",
        "",
        "| candidate | val accuracy | test accuracy | interval | parameters | multiply-adds | file |",
        "|---|---|---|---|---|---|---|",
        *[markdown_row(row) for row in records(contents.table)],
    ]
    return "\n".join(lines) + "\n"


def markdown_row(row: dict[str, Any]) -> str:
    """One line of the leaderboard in Markdown."""
    name = str(row["candidate"]).replace("|", "\\|")
    if row["failure"]:
        return f"| {name} | failed: {row['failure']} | | | | | |"
    test = f"{row['test_accuracy']:.4f}" if has_test(row) else "–"
    interval = f"{row['test_accuracy_low']:.4f}–{row['test_accuracy_high']:.4f}" if has_test(row) else "–"
    cost = f"{row['n_parameters']:,.0f} | {row['multiply_adds']:,.0f} | {human_bytes(row['model_bytes'])}"
    return f"| {name} | {row['val_accuracy']:.4f} | {test} | {interval} | {cost} |"


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
        rows=[{**row, "test": has_test(row)} for row in records(contents.table)],
        champion=contents.champion,
        measure=report.champion,
        candidates=candidates,
        searches=searches(contents.order, contents.params),
        confidence=contents.params.tree.evaluate.confidence,
        human_bytes=human_bytes,
    )


def sample_paths(manifest: pd.DataFrame, n: int) -> dict[str, list[str]]:
    """The first n train images of each class: examples, not a random sample."""
    train = rows_of(manifest, "train")
    return {label: list(train[train["label"] == label]["path"][:n]) for label in class_names(manifest)}


def described(standing: Standing, n_pictures: int) -> dict[str, Any]:
    """What the page shows of one candidate."""
    shown: dict[str, Any] = {"name": standing.name, "failure": standing.failure, "pairs": []}
    if standing.failure:
        return shown
    folder = standing.folder
    split = "test" if (folder / "test_confusion_matrix.csv").exists() else "val"
    names = {"true": str, "predicted": str, "class": str}
    tables = {
        name: pd.read_csv(folder / f"{split}_{name}.csv", dtype=names, keep_default_na=False)
        for name in ("confusion_matrix", "per_class", "confusions", "mistakes")
    }
    history = pd.read_csv(folder / HISTORY)
    return {
        **shown,
        "split": split,
        "plots": [curve_plot(history, name) for name in ("loss", "accuracy")],
        "matrix": heat(tables["confusion_matrix"]),
        "per_class": records(tables["per_class"]),
        "pairs": confused(tables["confusions"], tables["mistakes"], n_pictures),
        "balance": standing.record["balance"],
    }


def heat(matrix: pd.DataFrame) -> dict[str, Any]:
    """A confusion matrix as rows of (count, share of the true class)."""
    counts = matrix.drop(columns="true").to_numpy()
    rows = [
        {"true": name, "cells": [(int(n), n / max(values.sum(), 1)) for n in values]}
        for name, values in zip(matrix["true"], counts, strict=True)
    ]
    return {"classes": list(matrix.columns[1:]), "rows": rows}


def confused(pairs: pd.DataFrame, mistakes: pd.DataFrame, n_pictures: int) -> list[dict[str, Any]]:
    """The most confused pairs, each with the images the model was most sure about."""
    found = []
    for pair in records(pairs):
        wrong = mistakes[(mistakes["true"] == pair["true"]) & (mistakes["predicted"] == pair["predicted"])]
        worst = wrong.head(n_pictures)
        found.append({**pair, "paths": list(worst["path"]), "sure": list(worst["confidence"])})
    return found


def curve_plot(history: pd.DataFrame, name: str) -> dict[str, Any]:
    """Points of a line plot by epoch, train and validation, in SVG units."""
    columns = {"train": name, "validation": f"val_{name}"}
    values = history[list(columns.values())].to_numpy()
    low, high = float(values.min()), float(values.max())
    high = high if high > low else low + 1
    last = max(len(history) - 1, 1)

    def point(index: int, value: float) -> str:
        x = LEFT + index / last * (WIDTH - LEFT - 8)
        y = TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    lines = {label: " ".join(point(i, v) for i, v in enumerate(history[column])) for label, column in columns.items()}
    ticks = [(TOP + (HEIGHT - TOP - BOTTOM) * k / 4, f"{high - (high - low) * k / 4:.3g}") for k in range(5)]
    ends = {label: f"{history[column].iloc[-1]:.4f}" for label, column in columns.items()}
    return {
        "name": name,
        "lines": lines,
        "ticks": ticks,
        "ends": ends,
        "n_epochs": len(history),
        "width": WIDTH,
        "height": HEIGHT,
    }


def searches(order: list[Standing], params: Params) -> list[dict[str, Any]]:
    """The trials of each search, best first."""
    found = []
    for standing in order:
        path = standing.folder / TRIALS
        if not path.exists():
            continue
        name = standing.name.removesuffix(TUNED)
        tune, trials = params.tree.tune[name], pd.read_csv(path)
        ordered = trials.sort_values("score", ascending=tune.objective == "val_loss", kind="stable")
        rows = records(ordered.astype(object).where(ordered.notna(), ""))
        found.append(
            {
                "name": name,
                "method": tune.method,
                "objective": tune.objective,
                "columns": list(rows[0]),
                "rows": rows,
            }
        )
    return found
