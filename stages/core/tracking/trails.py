"""What there is to say about a candidate or trial, read from files: pure values for any tracking store."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import RECORD, Candidate, read_candidate
from stages.core.candidates.model_files import model_files
from stages.core.evaluating.evaluation import SEED_TABLE
from stages.core.files import digest, read_json, records, text_digest
from stages.core.layout import Layout
from stages.core.settings.params import TUNED, Params

# Final numbers that are metrics of a run: what one compares and sorts by. MLflow draws a chart for each, so the others,
# intervals among them, are in the run's evaluation/metrics.json only.
MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
COSTS = ("multiply_adds", "n_parameters", "model_bytes", "train_cpu_s", "latency_one_image_ms")
LOGGED = (*(f"{split}_{name}" for split in ("val", "test") for name in MEASURES), "test_ece", "n_epochs", *COSTS)


@dataclass(frozen=True)
class Trail:
    """A candidate or a trial, the evaluation made of it (None before there is one), and its parent's key."""

    candidate: Candidate
    evaluation: Path | None
    parent: str | None

    @property
    def key(self) -> str:
        """The tag by which its run is found."""
        return str(self.candidate.record["key"])

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics; none before it is evaluated."""
        return read_json(self.evaluation / "metrics.json") if self.evaluation else {}

    @property
    def model_md5(self) -> str:
        """DVC's hash of the model, or of the list of its files' hashes; nothing for a failed or pruned one."""
        folder = self.candidate.folder
        found = [digest(folder / name, "md5") for name in model_files(folder)]
        return found[0] if len(found) == 1 else " ".join(found) and text_digest(" ".join(found))[:32]


def trails(layout: Layout, name: str) -> list[Trail]:
    """Return a candidate and the trials behind it, as their files stand. Raises UserError when it has none."""
    candidate = read_candidate(layout.candidate(name))
    folders = sorted((candidate.folder / "trials").glob("*/"))
    reports = layout.tuning(name.removesuffix(TUNED))
    parent = str(candidate.record["key"])
    trials = [trail(read_candidate(folder), reports / folder.name, parent) for folder in folders]
    return [trail(candidate, layout.evaluation(name), None), *trials]


def trail(candidate: Candidate, evaluation: Path, parent: str | None) -> Trail:
    """Pair a candidate with its evaluation, unless that is of an earlier candidate of the same name."""
    path = evaluation / RECORD
    own = path.exists() and read_json(path) == candidate.record
    return Trail(candidate, evaluation if own else None, parent)


def fingerprint(found: Trail) -> str:
    """A hash that changes whenever the files behind a run do."""
    parts = [digest(found.candidate.folder / RECORD)]
    evaluated = sorted(found.evaluation.rglob("*")) if found.evaluation else []
    parts += [f"{path.name} {digest(path)}" for path in evaluated if path.is_file()]
    return text_digest(" ".join(parts))[:16]


def run_record(layout: Layout, found: Trail) -> dict[str, Any]:
    """What does not repeat about the run, as it was noted then; a trial shares its search's. Empty when lost."""
    path = layout.run_record(found.parent or found.key)
    return read_json(path) if path.exists() else {}


def by_seed(layout: Layout, found: Trail) -> dict[int, dict[str, float]]:
    """Measures and CPU seconds of each training, where there were several: seed -> `seed/<name>` -> number."""
    path = found.evaluation / SEED_TABLE if found.evaluation else None
    rows = records(pd.read_csv(path)) if path and path.exists() else []
    if len({row["seed"] for row in rows}) < 2:
        return {}
    values: dict[int, dict[str, float]] = {int(row["seed"]): {} for row in rows}
    for row in rows:
        named = {f"seed/{row['split']}_{name}": row[name] for name in row if name not in ("seed", "split")}
        values[int(row["seed"])] |= named
    noted = [] if found.parent else run_record(layout, found).get("timing", {}).get("seeds", [])
    for one in noted:
        values.get(int(one["seed"]), {})["seed/train_cpu_s"] = one["train_cpu_s"]
    return values


def final_metrics(values: dict[str, float]) -> dict[str, float]:
    """The numbers among `values` that a run has as metrics, with six digits as in its curves."""
    return {name: float(f"{values[name]:.6g}") for name in LOGGED if name in values}


def timings(layout: Layout, found: Trail) -> dict[str, float]:
    """Seconds and latency of a candidate; those of a trial are not kept."""
    noted = {} if found.parent else run_record(layout, found).get("timing", {})
    return {key: value for key, value in noted.items() if isinstance(value, float)}


def tags(layout: Layout, params: Params, found: Trail) -> dict[str, str]:
    """What made the run: data set, verdict, commit, DVC's hashes, experiment.

    What can only be known of the data now on disk is left out when the candidate was made from other data.
    """
    record, about = found.candidate.record, run_record(layout, found)
    said = {
        "mlflow.source.name": f"python -m stages {record['stage']} {record['entry']}",
        "mlflow.source.git.commit": about.get("commit", ""),
        "imagetrail.candidate": record["name"],
        "imagetrail.kind": record["params"]["kind"],
        "imagetrail.balance": record.get("balance", {}).get("method", "none"),
        "imagetrail.members": members(record),
        "imagetrail.chosen_c": chosen_c(record),
        "imagetrail.learning_rate": learning_rate_text(record["params"]),
        "imagetrail.search": search_of(record),
        "imagetrail.dataset": params.dataset.name,
        "imagetrail.manifest_sha256": record["inputs"]["manifest_sha256"],
        "imagetrail.dirty": ", ".join(about.get("dirty_files", []))[:4000] or "no",
        "imagetrail.devices": ", ".join(about.get("devices", [])),
        "imagetrail.ledger_line": about.get("ledger_line") or "",
        "dvc.experiment": about.get("experiment") or "",
        "dvc.model_md5": found.model_md5,
    }
    return said | (gate_tags(layout) if same_data(layout, found) else {})


def chosen_c(record: dict[str, Any]) -> str:
    """The C that cross-validation chose for a head, and its score; empty where none was chosen."""
    about = record.get("regularization") or record.get("combined", {}).get("regularization")
    return f"{about['c']:g} ({about['measure']} {about['scores'][format(about['c'], 'g')]:.4f})" if about else ""


def learning_rate_text(params: dict[str, Any]) -> str:
    """The learning rate and its schedule in words, as charts show 0.001 as "1m"; empty for what has no optimizer."""
    fit = params.get("fit") or {}
    if "optimizer" not in fit:
        return ""
    optimizer, schedule = fit["optimizer"], fit["schedule"]
    words = f"{optimizer['rate']:.4g} with {optimizer['name']}, {schedule['name']}"
    if schedule["name"] == "exponential":
        words += f", times {schedule['decay_rate']:.4g} every {schedule['decay_steps']:,} steps"
    elif schedule["name"] != "constant":
        words += f" to {100 * schedule['end']:.3g} % of it"
    return words + (f" after a warm-up of {100 * schedule['warmup']:.3g} %" if schedule["warmup"] else "")


def search_of(record: dict[str, Any]) -> str:
    """How many trials a search made, and whether it would make them again; nothing for what is no search's winner."""
    about = record.get("search", {})
    again = "" if about.get("repeats", True) else ", not reproducible: its budget was in minutes"
    return f"{about['n_trials']} trials{again}" if about else ""


def members(record: dict[str, Any]) -> str:
    """Names and keys of what a combined candidate is made of: by the keys their runs are found."""
    made_of = record["inputs"].get("members", {})
    return ", ".join(f"{name} {member['key']}" for name, member in made_of.items())


def same_data(layout: Layout, found: Trail) -> bool:
    """Whether the manifest on disk is the one that the candidate was made from."""
    made_from = found.candidate.record["inputs"]["manifest_sha256"]
    return layout.manifest.exists() and digest(layout.manifest) == made_from


def gate_tags(layout: Layout) -> dict[str, str]:
    """The verdict of the data gate, its warnings, and DVC's hash of the manifest."""
    md5 = {"dvc.manifest_md5": digest(layout.manifest, "md5")}
    path = layout.validation / "verdict.json"
    if not path.exists():
        return md5
    outcome = read_json(path)
    broken = [f"{finding['check']}: {finding['message']}" for finding in outcome["findings"] if not finding["passed"]]
    gone = ", ".join(f"{n:,} for {check}" for check, n in outcome["quarantine"].items()) or "none"
    found = {"imagetrail.verdict": outcome["verdict"], "imagetrail.warnings": "; ".join(broken)[:4000]}
    return {**md5, **found, "imagetrail.quarantine": gone}


def run_name(name: str) -> str:
    """A candidate's name, with that of the DVC experiment it ran in."""
    return f"{name} ({experiment()})" if experiment() else name


def experiment() -> str:
    """Name of the DVC experiment that this runs in; empty outside of one."""
    return os.environ.get("DVC_EXP_NAME", "")


def flattened(tree: Any, prefix: str = "") -> dict[str, Any]:
    """{'fit': {'epochs': 3}} -> {'fit.epochs': 3}; a list of plain values stays one value."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    flat: dict[str, Any] = {}
    for key, value in items:
        deep = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))
        flat |= flattened(value, f"{prefix}{key}.") if deep and value else {f"{prefix}{key}": value}
    return flat


def curve(row: dict[str, float]) -> dict[str, float]:
    """Per-epoch metrics under names of their own, apart from the final ones, with the digits of history.csv.

    So a run that was told of its epochs equals one that was completed from files.
    """
    return {f"curve/{key}": float(f"{value:.6g}") for key, value in row.items() if key != "epoch"}
