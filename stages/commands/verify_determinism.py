"""verify-determinism: train each model twice in two processes and compare the bytes of all weights after every step.

Names the first step and layer that differ, says whether `fast` repeats here too, and what `strict` costs in CPU time.
Exit code 0: the same bytes, 3: not, 1: something to mend. It writes nothing.
"""

import argparse
import json
import os
from dataclasses import replace
from typing import Any

from stages.core.candidates.machine import in_words
from stages.core.console import Bar, say, show
from stages.core.errors import BytesDiffer, UserError
from stages.core.files import listed
from stages.core.layout import PROJECT
from stages.core.settings.options import Runtime
from stages.core.settings.params import Params, open_project
from stages.core.training.data import load_data
from stages.core.training.determinism import SPOILED, Job, Trace
from stages.core.training.repeating import jobs, verdicts


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the models and for how long they are trained."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="entries of `models`; left out: all of them")
    parser.add_argument("--steps", type=int, default=50, help="steps of each training (default: 50)")
    parser.add_argument(
        "--plant", choices=["batch", "threads"],
        help=f"plant a fault in the second training, to see this fail: negatives at step {SPOILED}, or another count",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def main(parsed: argparse.Namespace) -> None:
    """Train and compare; print the table. Raises BytesDiffer, or UserError where it can't be told."""
    params, layout = open_project()
    if parsed.steps < 2:
        raise UserError(f"--steps must be at least 2, as the first is left out of the cost; got {parsed.steps}")
    names = parsed.models or list(params.models)
    planned = {name: plan(params, name, parsed) for name in names}
    for taken in dict.fromkeys(params.model(name).input for name in names):
        load_data(layout, taken)  # says what to run where it isn't there
    found, devices = [], list[str]()
    with Bar(sum(map(len, planned.values())), "verify", "trainings") as bar:
        for name, one in verdicts(planned):
            if isinstance(one, Trace):
                devices = devices or one.devices
                bar.update(model=name)
            else:
                found.append(one)
    scope = scope_of(params.tree.runtime, devices)
    show(json.dumps({"scope": scope, "models": found}, indent=1) if parsed.json else as_text(scope, found))
    answer(found, params.tree.runtime.determinism)


def plan(params: Params, name: str, parsed: argparse.Namespace) -> list[Job]:
    """Return the trainings of one entry. Raises UserError when there is none of that name."""
    job = Job(PROJECT, name, parsed.steps, "strict", spoiled=parsed.plant == "batch")
    if parsed.plant == "threads":
        job = replace(job, threads=1 if params.tree.runtime.threads > 1 else 2)
    return jobs(job, params.model(name).is_network)


def scope_of(runtime: Runtime, devices: list[str]) -> dict[str, Any]:
    """What the claim is made for, and for nothing else."""
    return {
        "processor": in_words(),
        "cores": len(os.sched_getaffinity(0)),
        "gpus": devices,
        "threads": runtime.threads,
        "onednn": runtime.onednn,
        "determinism": runtime.determinism,
    }


def as_text(scope: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """One line a model, and what the claim is made for."""
    rows = [("model", "steps", "strict", "fast", "CPU strict / fast"), *(row(one) for one in found)]
    widths = [max(len(cells[at]) for cells in rows) for at in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]
    on = listed(scope["gpus"], 8) or "no GPU: what only a GPU can show is not measured here"
    about = f"{scope['threads']} threads on {scope['cores']} cores, oneDNN {'on' if scope['onednn'] else 'off'}"
    return "\n".join([*lines, f"holds for: {scope['processor']}; {on}; {about}; the packages of requirements.lock"])


def row(one: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """The cells of a model."""
    if one["failure"]:
        return one["model"], "-", "failed", "-", "-"
    if one["cost"] is None:
        return one["model"], "1 fit", said(one["strict"]), "no modes", "-"
    ratio, spent = one["cost"]["strict_over_fast"], one["cost"]["cpu_s"]
    seconds = "; ".join(" + ".join(f"{s:.2f}" for s in spent[mode]) for mode in ("strict", "fast"))
    return one["model"], str(one["steps"]), said(one["strict"]), said(one["fast"]), f"{ratio} ({seconds} s)"


def said(difference: dict[str, Any] | None) -> str:
    """Where two trainings part."""
    return f"differ at step {difference['step']}, {difference['layer']}" if difference else "same bytes"


def answer(found: list[dict[str, Any]], mode: str) -> None:
    """Say what it comes to: fast must repeat only where params.yaml says fast. Raises BytesDiffer, UserError."""
    failed = [f"{one['model']}: {one['failure']}" for one in found if one["failure"]]
    apart = [
        one["model"] for one in found if not one["failure"] and (one["strict"] or (one["fast"] and mode == "fast"))
    ]
    if apart:
        raise BytesDiffer(f"two trainings of {listed(apart)} gave other bytes; the table names step and layer")
    if failed:
        raise UserError(f"what could not be trained could not be compared: {listed(failed)}")
    say("the same bytes after every step")
