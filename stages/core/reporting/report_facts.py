"""How to make the result again and how to use it: hashes, settings, commands."""

from typing import Any

from stages.core.candidates.candidate import model_sha256
from stages.core.files import digest
from stages.core.reporting.contents import Contents

Rows = list[tuple[str, str]]


def hashes(contents: Contents, source: dict[str, Any]) -> Rows:
    """What must be the same for the result to be the same: name and SHA-256."""
    layout = contents.layout
    found = [("images (data/source/images.zip)", source["images_zip_sha256"])]
    found.append(("manifest: every image with its class and split", digest(layout.manifest)))
    locks = dict.fromkeys(str(standing.record["lock_sha256"]) for standing in contents.order)
    found += [("packages (requirements.lock)", lock) for lock in locks]
    done = [standing for standing in contents.order if not standing.failure]
    return found + [(f"model {standing.name}", model_sha256(standing.record)) for standing in done]


def runtimes(contents: Contents) -> Rows:
    """What changes bits without changing the method: as each candidate was trained with."""
    found: dict[str, list[str]] = {}
    for standing in contents.order:
        runtime = standing.record["params"].get("runtime") or {}
        said = ", ".join(f"{name} {value}" for name, value in sorted(runtime.items()))
        found.setdefault(said, []).append(standing.name)
    return [(", ".join(names), said) for said, names in found.items() if said]


def again(contents: Contents) -> Rows:
    """Commands that make the result again, each with what it does."""
    champion = contents.choice.champion
    key = champion.record["key"] if champion else contents.order[0].record["key"]
    return [
        (f"git log --oneline -S{key} -- reports/ledger.jsonl", "names the commit that first recorded this result"),
        ("git checkout COMMIT && make repro", "makes all of it again, from the images on"),
        ("imagetrail audit", "computes anew what is kept of the champion, back to every image"),
        ("imagetrail replay", "makes the champion again in a clean clone and compares every byte"),
    ]


def use(contents: Contents) -> Rows:
    """Commands that put the champion to use."""
    champion = contents.choice.champion
    name = champion.name if champion else contents.order[0].name
    return [
        (f"imagetrail predict {name} IMAGES", "answers for files, folders or archives, as CSV, JSON or parquet"),
        (f"imagetrail serve {name}", "answers over HTTP, with a page to upload images to"),
        (f"imagetrail promote {name}", "makes it the champion of the registry, if it passes the gate"),
        (f"imagetrail drift FOLDER {name}", "says whether new images are still like those it was trained on"),
    ]


def next_step(contents: Contents) -> tuple[str, str] | None:
    """The command that a reader most likely wants now, and what it does; None without a champion."""
    champion = contents.choice.champion
    if not champion:
        return None
    return f"imagetrail promote {champion.name}", "puts it into use through the gate, or says what keeps it from that"
