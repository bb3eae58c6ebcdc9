"""drift: compare new images, without labels, with those that a model was made from.

Exit code 0: no drift, 3: drift, 1: something to mend. The page is reports/drift/MODEL/index.html, the numbers are
beside it in drift.json; limits stand in params.yaml under `drift`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from stages.core.arrivals import Arrivals, chosen, looked_at, members_of
from stages.core.candidate import MODEL, REFERENCE, Candidate, read_candidate
from stages.core.console import held_back, say
from stages.core.drift import compare, strangeness
from stages.core.drift_page import Outcome, as_json, as_text, page, summary
from stages.core.errors import DriftFound, UserError, did_you_mean
from stages.core.files import listed, read_json, replaced_folder, write_json, write_text
from stages.core.fitting import start_tensorflow
from stages.core.layout import Layout
from stages.core.pages import thumbnail
from stages.core.params import Params, open_project
from stages.core.reference import Sample, read_reference, view_of
from stages.core.source import Member

N_UNUSUAL = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the new data and the model."""
    parser.add_argument("new_data", type=Path, help="a folder or an archive of images, with class folders or without")
    parser.add_argument("model", nargs="?", help="a candidate's name; left out: the champion")
    parser.add_argument("--json", action="store_true", help="print drift.json instead of the table")


def main(parsed: argparse.Namespace) -> None:
    """Write the page, print the table. Raises DriftFound, or UserError when it can't be told."""
    params, layout = open_project()
    candidate = comparable(layout, params, parsed.model or champion(layout))
    members = members_of(parsed.new_data, params.tree.download, layout.root / ".dvc/tmp/fetched")
    reference = read_reference(candidate.folder / REFERENCE, candidate.predictions)
    seen = chosen(members, params.tree.drift.max_images)
    new = looked_at(seen, normalization(candidate), opened(candidate, params))
    compared = compare(reference, new.sample, candidate.record["classes"], params.tree.drift)
    found = Outcome(
        model=candidate.name,
        place=str(parsed.new_data),
        classes=candidate.record["classes"],
        n_found=len(members),
        n_looked=len(seen),
        unreadable=new.unreadable,
        comparisons=compared,
        unusual=unusual(reference, new, candidate.record["classes"]),
    )
    write(layout.drift(candidate.name), found, seen)
    print(json.dumps(as_json(found), indent=1) if parsed.json else as_text(found))
    answer(found, layout.drift(candidate.name) / "index.html")


def champion(layout: Layout) -> str:
    """Name of the champion. Raises UserError before there is one."""
    name = read_json(layout.reports / "champion.json").get("candidate")
    if not name:
        raise UserError("every candidate failed, so there is no champion; name a model")
    return str(name)


def comparable(layout: Layout, params: Params, name: str) -> Candidate:
    """Return a candidate with all that is needed. Raises UserError for one that is unknown, failed or too old."""
    if name not in params.candidates:
        raise UserError(f"no candidate is called {name!r}; {did_you_mean(name, params.candidates)}")
    candidate = read_candidate(layout.candidate(name))
    if candidate.failure:
        raise UserError(f"{name} has no model: its training failed ({candidate.failure})")
    if REFERENCE not in candidate.record["outputs"]:
        stage = str(candidate.record["stage"])
        again = f"`dvc repro -f {stage}@{candidate.record['entry']}`"
        raise UserError(f"{name} was trained before drift could be measured: it has no {REFERENCE}; {again} adds it")
    for file in (MODEL, REFERENCE):
        if not (candidate.folder / file).exists():
            raise UserError(f"{candidate.folder / file} is missing; `dvc checkout` or `dvc pull` brings it back")
    return candidate


def normalization(candidate: Candidate) -> dict[str, Any]:
    """The size and colour that the images of a candidate were given, whatever params.yaml says by now."""
    return dict(candidate.record["inputs"]["images"]["normalize"])


def opened(candidate: Candidate, params: Params) -> Any:
    """Load the model and return how it sees images."""
    start_tensorflow(params.tree.runtime)
    with held_back():
        import keras

        return view_of(keras.saving.load_model(candidate.folder / MODEL, compile=False, safe_mode=True))


def unusual(reference: Sample, new: Arrivals, classes: list[str]) -> list[dict[str, Any]]:
    """The new images furthest from what the model knows, the furthest first."""
    distance, said = strangeness(reference.features, new.sample.features), new.sample.probabilities
    return [
        {
            "name": new.names[place],
            "distance": float(distance[place]),
            "label": classes[said[place].argmax()],
            "confidence": float(said[place].max()),
        }
        for place in (-distance).argsort(kind="stable")[:N_UNUSUAL]
    ]


def write(folder: Path, found: Outcome, members: list[Member]) -> None:
    """Write drift.json and the page with its pictures."""
    named = {member.name: member for member in members}
    files = {item["name"]: named[item["name"]].read for item in found.unusual}
    pictures = {name: thumbnail(read()) for name, read in files.items() if read}
    with replaced_folder(folder) as temporary:
        write_json(temporary / "drift.json", as_json(found))
        write_text(temporary / "index.html", page(found, pictures))


def answer(found: Outcome, place: Path) -> None:
    """Say the outcome and where the page is. Raises DriftFound."""
    if found.unreadable:
        say(f"warning: {len(found.unreadable):,} could not be read: {listed(found.unreadable)}")
    if found.drifted:
        raise DriftFound(f"{summary(found)}; see {place}")
    say(f"{summary(found)}; see {place}")
