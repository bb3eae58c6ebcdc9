"""validate: source -> the manifest with its splits, and the verdict of the data gate."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from stages.core.console import progress, say, working
from stages.core.errors import UserError
from stages.core.files import digest, remove, replaced_folder, sweep, write_csv, write_json, write_text
from stages.core.gate.draft import compact, write_manifest, write_rows
from stages.core.gate.expectations import write_pages
from stages.core.gate.findings import SEVERITIES, Finding, folders_without_images, verdict
from stages.core.gate.gating import Inspection, inspect, quarantined, subject_of
from stages.core.gate.measuring import Thumbnails, measured
from stages.core.gate.promises import Subject
from stages.core.gate.value_ranges import value_ranges
from stages.core.ingest.source import left_out_of, opened_index
from stages.core.layout import PROJECT, Layout
from stages.core.parallel import CHUNK
from stages.core.reporting.pages import validation_page
from stages.core.settings.params import open_project

QUARANTINE = ["path", "label", "split", "quarantine"]


def main(root: Path = PROJECT) -> None:
    """Write data/manifest.parquet, or say why the data is not fit to train on. Raises UserError."""
    params, layout = open_project(root)
    remove(layout.manifest)  # until the data has passed there is none, whatever stops us
    if layout.validation.is_dir():
        remove(layout.validation)  # nor a verdict on other data
    with scratch(layout) as folder:
        rows, thumbnails = look(layout.archive, folder)
        subject = subject_of(compact(rows, params.tree.split.seed), thumbnails, params.tree.split)
        subject = quarantined(subject, params.checks, params.tree.quarantine, params.tree.split)
        found = inspect(subject, params.checks, with_data_docs=True)
        found.findings.extend(folders_without_images(left_out_of(layout.archive)))
        with working("validate: the page"):
            write_reports(layout, subject, found, rows)
        settle(layout, subject, found.findings, rows)


@contextmanager
def scratch(layout: Layout) -> Iterator[Path]:
    """Yield a folder for what only this run needs, on the disk of the project."""
    place = layout.root / ".dvc/tmp/gate"
    sweep(place)  # what killed runs have left: a gigabyte of a million images
    folder = place.with_name(f".gate.{os.getpid()}.part")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def look(archive: Path, folder: Path) -> tuple[Path, Thumbnails]:
    """Measure every image of the source, with a progress bar; returns the file of rows and the thumbnails.

    Raises UserError without a whole source.
    """
    n_images, started = opened_index(archive).metadata.num_rows, time.perf_counter()
    ranges = value_ranges(archive)
    chunks = progress(measured(archive, None, ranges), n_images, "validate: reading images", size=CHUNK)
    write_rows(folder / "rows.parquet", chunks, folder / "thumbnails", ranges)
    say(f"validate: {n_images:,} images at {n_images / (time.perf_counter() - started):,.0f} images/s")
    for kind, (low, high) in ranges.items():
        say(f"validate: {kind} samples: {low:g} is black and {high:g} is white, in all images of the set")
    return folder / "rows.parquet", Thumbnails(folder / "thumbnails", n_images)


def write_reports(layout: Layout, subject: Subject, found: Inspection, rows: Path) -> None:
    """Write the verdict, our page, Great Expectations' pages, and a table of what breaks each check."""
    outcome, images = verdict(found.findings), subject.images
    gone = images[images["quarantine"].notna()]
    with replaced_folder(layout.validation) as folder:
        counts = {str(name): int(n) for name, n in gone["quarantine"].value_counts().sort_index().items()}
        findings = [vars(finding) for finding in found.findings]
        write_json(folder / "verdict.json", {"verdict": outcome, "quarantine": counts, "findings": findings})
        write_text(
            folder / "index.html", validation_page(images, found.findings, layout.archive, list(found.data_docs))
        )
        write_csv(folder / "quarantine.csv", gone[QUARANTINE])
        write_csv(folder / "near_pairs.csv", paired(subject))
        write_pages(folder / "data_docs", found.data_docs)
        for name, bad in found.offenders.items():
            write_csv(folder / "images" / f"{name}.csv", shown(bad, images))
        if outcome == "fail":
            write_manifest(folder / "rejected.parquet", rows, images)


def paired(subject: Subject) -> pd.DataFrame:
    """Every pair of near copies, the nearest first: both paths, labels and splits, and how near."""
    images, pairs = subject.images[["path", "label", "split"]], subject.pairs
    first, second = (images.loc[rows].reset_index(drop=True) for rows in (pairs.first, pairs.second))
    table = first.join(second, rsuffix="_2").assign(correlation=pairs.correlation, difference=pairs.difference)
    return table.sort_values("correlation", ascending=False, kind="stable")


def shown(bad: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Columns of a table of broken rows that say what they are and why they stand there."""
    return bad[["path", "label", "split", *(name for name in bad.columns if name not in images.columns)]]


def settle(layout: Layout, subject: Subject, findings: list[Finding], rows: Path) -> None:
    """Let the manifest through, or keep it back. Raises UserError on a critical finding."""
    outcome = verdict(findings)
    broken = sorted(
        (found for found in findings if not found.passed), key=lambda found: SEVERITIES.index(found.severity)
    )
    lines = [f"  {found.severity:<10}{found.check:<15}{found.message}" for found in broken]
    if outcome == "fail":
        n_critical = sum(found.severity == "critical" for found in broken)
        page = (layout.validation / "index.html").relative_to(layout.root)
        head = f"the data is not fit to train on: {n_critical} critical finding{'s' * (n_critical > 1)} ({page})"
        raise UserError("\n".join([head, *lines]))
    write_manifest(layout.manifest, rows, subject.images)
    say(f"validate: verdict {outcome}, manifest {digest(layout.manifest)[:12]}")
    for found in broken:
        say(f"{found.severity}: {found.check} {found.message}")
