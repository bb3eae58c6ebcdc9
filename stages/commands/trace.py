"""trace: which data sets, splits, models and runs an image was in, over all commits and experiments.

IMAGE is a path within the data set, an image file, or the beginning of a hash of its bytes or pixels: copies with equal
pixels are found under any name. With --not-after, exit code 0 says that no model made after that time has seen the
image, 3 that one has, or that it could not be proven, because a manifest can't be read.
"""

import argparse
import json
from datetime import UTC, datetime, time
from typing import Any

from stages.core.auditing.chain import Line, read_chain
from stages.core.console import say
from stages.core.errors import Alarm, UserError
from stages.core.files import listed, read_json
from stages.core.layout import Layout
from stages.core.revisiting.sightings import (
    DataSet,
    Wanted,
    completed,
    data_sets,
    made_after,
    models,
    near_copies,
    unrecorded,
    wanted_of,
)
from stages.core.settings.params import open_project

NOWHERE = "its bytes are neither in the cache nor in a remote"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the image and what is to be proven."""
    parser.add_argument("image", metavar="IMAGE", help="a path in the data set, an image file, or a hash")
    parser.add_argument(
        "--not-after", metavar="TIME", help="prove that no later model has seen it; of a day, its end (UTC) is meant"
    )
    parser.add_argument("--json", action="store_true", help="print all as JSON")


def main(parsed: argparse.Namespace) -> None:
    """Print where it was. Raises Alarm when the proof fails, UserError for what is nowhere."""
    _, layout = open_project()
    limit = limit_of(parsed.not_after) if parsed.not_after else None
    sets = data_sets(layout)
    wanted = completed(wanted_of(parsed.image), sets)
    found = [seen for one in sets if (seen := sighting(layout, wanted, one))]
    unread = unreadable(layout, sets)
    if parsed.json:
        print(json.dumps({"hashes": sorted(wanted.hashes), "data_sets": found, "unreadable": unread}, indent=1))
    else:
        print(
            "\n".join(line for one in found for line in as_text(one)) or f"{parsed.image} is in no data set known here"
        )
    if not found and not wanted.whole:
        raise UserError(
            f"no data set has an image called {parsed.image}, nor one whose hash begins so; a whole hash or an image "
            "file says for sure which one is meant"
        )
    if limit:
        proof = prove(found, unread, layout, limit)
        say(proof) if parsed.json else print(proof)


def limit_of(text: str) -> datetime:
    """Read a time; a day means its end. Raises UserError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"--not-after takes a day such as 2026-05-31, or a time, got {text!r}") from error
    found = datetime.combine(found.date(), time.max) if len(text) <= len("2026-05-31") else found
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def sighting(layout: Layout, wanted: Wanted, one: DataSet) -> dict[str, Any] | None:
    """Where an image is in a data set, and the models made from it; None where it isn't."""
    if one.rows is None:
        return None
    rows = one.rows[wanted.matches(one.rows)]
    if rows.empty:
        return None
    places = rows.astype("object").where(rows.notna(), None).to_dict("records")
    made = [about(layout, line) for line in models(layout) if line.body.get("manifest_sha256") == one.sha256]
    near = near_copies(one.rows, rows)
    return {"manifest_sha256": one.sha256, "revisions": one.revisions, "images": places, "near": near, "models": made}


def about(layout: Layout, line: Line) -> dict[str, Any]:
    """A model for people: name, time, key, and its MLflow run where this machine knows it."""
    key = str(line.body["key"])
    path = layout.run_record(key)
    run = read_json(path).get("mlflow_run_id") if path.exists() else None
    names = ("candidate", "model_sha256")
    return {"time": line.time, "key": key, "run": run, **{name: line.body.get(name) for name in names}}


def unreadable(layout: Layout, sets: list[DataSet]) -> list[dict[str, Any]]:
    """Models of which the data can't be looked at: their manifest is in no revision, or its bytes are nowhere."""
    known = {one.sha256 for one in sets if one.rows is not None}
    lines = (line for line in models(layout) if line.body.get("manifest_sha256") not in known)
    return [about(layout, line) | {"manifest_sha256": line.body.get("manifest_sha256")} for line in lines]


def as_text(found: dict[str, Any]) -> list[str]:
    """A data set, the image in it, and its models."""
    lines = [f"data set {found['manifest_sha256'][:12]} ({listed(found['revisions'])})"]
    for image in found["images"]:
        where = image["split"] or "left out"
        lines.append(f"  {where:<9}{image['path']}  class {image['label']}  pixels {str(image['pixel_sha256'])[:12]}")
    if found["near"]:
        lines.append(f"  near copies, other pixels: {listed(found['near'])}")
    for model in found["models"]:
        run = f"  run {model['run'][:12]}" if model["run"] else ""
        lines.append(f"  model    {model['candidate']:<20}{model['time'][:19]}  key {model['key'][:12]}{run}")
    return lines


def prove(found: list[dict[str, Any]], unread: list[dict[str, Any]], layout: Layout, limit: datetime) -> str:
    """Return the sentence that no later model has seen the image. Raises Alarm when one has, or it can't be told."""
    lines = {line.body["key"]: line for line in models(layout)}
    later = {key for key, line in lines.items() if made_after(line, limit)}
    used = [one for one in found if any(image["split"] for image in one["images"])]
    guilty = [model for one in used for model in one["models"] if model["key"] in later]
    if guilty:
        names = listed(f"{model['candidate']} of {model['time'][:19]}" for model in guilty)
        raise Alarm(f"it is in {len(guilty)} models made after {limit.isoformat()}: {names}")
    if unread := [model for model in unread if model["key"] in later]:
        names = listed(f"{model['candidate']} (manifest {str(model['manifest_sha256'])[:12]})" for model in unread)
        raise Alarm(f"not proven: the data of {len(unread)} later models can't be read, {NOWHERE}: {names}")
    if unnamed := unrecorded(layout):
        raise Alarm(
            f"not proven: the ledger has no line of {len(unnamed)} candidates that git holds: {listed(unnamed)}"
        )
    if faults := read_chain(layout.ledger).faults:
        raise Alarm(f"not proven: the ledger is not whole, {faults[0]}; `imagetrail audit` says more")
    return f"proven: it is in none of the {len(later)} models made after {limit.isoformat()}"
