"""The report as one self-contained HTML page, made from files alone."""

from typing import Any

import pandas as pd

from stages.core.candidates.candidate import HISTORY
from stages.core.files import human_bytes, read_json
from stages.core.gate.findings import Finding
from stages.core.images.manifest import class_names, read_manifest, rows_of
from stages.core.reporting.choosing import explained, in_words
from stages.core.reporting.contents import Contents
from stages.core.reporting.histograms import class_histogram, size_histogram
from stages.core.reporting.pages import check_lines, class_table, render, special_counts, thumbnails
from stages.core.reporting.report_candidates import described
from stages.core.reporting.report_cost import cost_plots
from stages.core.reporting.report_curves import overlaid_plots
from stages.core.reporting.report_facts import again, hashes, next_step, runtimes, use
from stages.core.reporting.report_rows import board_rows, spans
from stages.core.reporting.report_searches import searches
from stages.core.reporting.report_summary import split_counts, summary

N_SAMPLES = 300  # example images of the data, at most


def page(contents: Contents) -> str:
    """The HTML page: in short, leaderboard, every candidate, search, data, checks, how to make it again and use it."""
    layout, report, choice = contents.layout, contents.params.tree.report, contents.choice
    manifest, verdict = read_manifest(layout.manifest), read_json(layout.validation / "verdict.json")
    samples = sample_paths(manifest, report.samples_per_class)
    level = contents.params.tree.evaluate.confidence
    candidates = [described(standing, report.mistakes_per_pair, level) for standing in contents.order]
    shown = [path for paths in samples.values() for path in paths]
    shown += [path for finding in verdict["findings"] for path in finding["examples"]]
    shown += [path for item in candidates for path in item["paths"]]
    source, rows = read_json(layout.source / "source.json"), board_rows(contents.order, contents.table)
    classes = class_table(manifest)
    return render(
        "report.html",
        **told(contents),
        source=source,
        summary=summary(contents, split_counts(manifest), source, verdict),
        verdict=verdict["verdict"],
        lines=check_lines([Finding(**found) for found in verdict["findings"]]),
        quarantine=verdict["quarantine"],
        classes=classes,
        class_bars=class_histogram(classes),
        size_bars=size_histogram(manifest),
        n_images=len(manifest),
        n_special=special_counts(manifest),
        samples=samples,
        pictures=thumbnails(layout.archive, shown),
        rows=rows,
        spans=spans(rows),
        cost_plots=[plot.drawn for plot in cost_plots(contents.order, choice.champion.name if choice.champion else "")],
        overlays=[plot.drawn for plot in overlaid_plots(histories(contents))],
        candidates=candidates,
        searches=searches(contents.order, contents.params),
        hashes=hashes(contents, source),
        human_bytes=human_bytes,
    )


def histories(contents: Contents) -> dict[str, pd.DataFrame]:
    """history.csv of each candidate that has one, by name."""
    paths = {one.name: one.folder / HISTORY for one in contents.order if not one.failure}
    return {name: pd.read_csv(path) for name, path in paths.items() if path.exists()}


def told(contents: Contents) -> dict[str, Any]:
    """What the choice, the level of the intervals and the commands are, as the page names them."""
    choice = contents.choice
    return {
        "champion": choice.champion,
        "leader": choice.leader.name if choice.leader else "",
        "why": explained(choice),
        "measure_key": choice.rule.measure,
        "measure_name": in_words(choice.rule.measure),
        "max_gap": choice.rule.max_gap,
        "rivals": {rival.standing.name: rival for rival in choice.rivals},
        "beyond": choice.beyond,
        "several_seeds": any(standing.metrics.get("n_seeds", 1) > 1 for standing in contents.order),
        "confidence": contents.params.tree.evaluate.confidence,
        "runtimes": runtimes(contents),
        "again": again(contents),
        "next_step": next_step(contents),
        "use": use(contents),
    }


def sample_paths(manifest: pd.DataFrame, n: int) -> dict[str, list[str]]:
    """The first n train images of each class: examples, not a random sample.

    Of many classes fewer, and of more than N_SAMPLES only the first, as a page is for reading.
    """
    train, names = rows_of(manifest, "train"), class_names(manifest)[:N_SAMPLES]
    first = train.groupby("label", observed=True)["path"].head(min(n, max(1, N_SAMPLES // len(names))))
    found = train.loc[first.index].groupby("label", observed=True)["path"].agg(list)
    return {label: found.get(label, []) for label in names}
