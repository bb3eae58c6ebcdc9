"""HTML pages for people: self-contained, offline, every value from data escaped."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.gate.findings import SEVERITIES, Finding, verdict
from stages.core.images.decoding import NotAnImage, decode_for_display
from stages.core.images.manifest import SPLITS
from stages.core.images.thumbnails import data_uri
from stages.core.ingest.source import images_named, left_out_of

TEMPLATES = Path(__file__).parents[2] / "templates"
THUMBNAIL = 72  # CSS pixels; images are stored at this size at most, so that a page stays small


def render(template: str, **values: Any) -> str:
    """Fill a template; undefined names are errors and everything is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template(template).render(**values)


def number(value: Any) -> str:
    """A cell for people: a number that is not whole with four digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) and value != round(value) else str(value)


def thumbnails(archive: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return a data: URI for each readable image of the source; the unreadable are left out."""
    pictures: dict[str, str] = {}
    for path, data in images_named(archive, paths):
        with contextlib.suppress(NotAnImage):
            pictures[path] = thumbnail(data)
    return pictures


def thumbnail(data: bytes) -> str:
    """Return image bytes as a small picture in a data: URI. Raises NotAnImage."""
    return data_uri(decode_for_display(data).pixels, THUMBNAIL)


def class_table(manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """Images per class and split, largest class first; those in no split are unreadable or in quarantine."""
    counts = pd.crosstab(manifest["label"].astype("str"), manifest["split"].fillna("none"))
    counts["all"] = counts.sum(axis=1)
    ordered = counts.sort_values("all", ascending=False, kind="stable")
    return [
        {"label": label, "n_images": int(row["all"]), **{split: int(row.get(split, 0)) for split in SPLITS}}
        for label, row in ordered.iterrows()
    ]


def check_lines(findings: list[Finding]) -> list[dict[str, Any]]:
    """One line a check: its worst outcome, and the promises behind it, the broken ones first."""
    lines: dict[str, list[Finding]] = {}
    for found in findings:
        lines.setdefault(found.check, []).append(found)
    return [
        {
            "check": check,
            "outcome": next((s for s in SEVERITIES if any(f.severity == s and not f.passed for f in items)), "ok"),
            "promises": sorted(items, key=lambda found: found.passed),
        }
        for check, items in lines.items()
    ]


def validation_page(manifest: pd.DataFrame, findings: list[Finding], archive: Path, data_docs: list[str]) -> str:
    """The gate's page: one line a check, with numbers and pictures of what breaks its promises, and the Data Docs."""
    pictures = thumbnails(archive, (path for found in findings for path in found.examples))
    return render(
        "validation.html",
        verdict=verdict(findings),
        data_docs=data_docs,
        lines=check_lines(findings),
        pictures=pictures,
        classes=class_table(manifest),
        n_images=len(manifest),
        n_unreadable=int(manifest["error"].notna().sum()),
        quarantine=quarantine_counts(manifest),
        n_special=special_counts(manifest),
        n_left_out=left_out_of(archive).get("left_out", {}),
    )


def quarantine_counts(manifest: pd.DataFrame) -> dict[str, int]:
    """How many images each check put into quarantine."""
    return {str(name): int(n) for name, n in manifest["quarantine"].value_counts().sort_index().items()}


def special_counts(manifest: pd.DataFrame) -> dict[str, int]:
    """How many images were animated, rotated, deep, … and what was done to them."""
    meaning = {
        "animated": "animated: the first frame is used",
        "rotated": "stored turned: set upright by their EXIF orientation",
        "deep": "more than 8 bits a channel: scaled to 8 by the range of the set",
        "holes": "with pixels that are no finite number: shown as the lowest value of the set",
        "alpha": "with transparency: laid over white",
        "palette": "with a palette: converted to RGB",
        "cmyk": "in CMYK: converted to RGB",
        "padded": "with bytes that belong to nothing: a camera's padding, or damage",
    }
    counted: Counter[str] = Counter()
    for kinds, n in manifest["flags"].astype("str").value_counts().items():
        counted.update({flag: int(n) for flag in str(kinds).split()})
    return {text: counted[flag] for flag, text in meaning.items() if flag in counted}
