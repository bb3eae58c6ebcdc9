"""The evaluation of a candidate in depth: calibrated, with curves, slices, a threshold and golden answers."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.candidates.calibrated import CALIBRATION, Calibration
from stages.core.candidates.candidate import Candidate
from stages.core.errors import UserError
from stages.core.evaluating.curves import precision_recall, roc
from stages.core.evaluating.evaluation import METRICS, draw, measure
from stages.core.evaluating.gaps import gaps
from stages.core.evaluating.golden import GOLDEN, golden
from stages.core.evaluating.intervals import proportion
from stages.core.evaluating.metrics import Outcomes, classes_of, expected_calibration_error, outcomes
from stages.core.evaluating.reliability import maximum_calibration_error, reliability, reliability_picture
from stages.core.evaluating.selection import risk_coverage, threshold_of
from stages.core.evaluating.slices import READ, sliced
from stages.core.evaluating.temperature import told
from stages.core.files import write_csv, write_json
from stages.core.images.manifest import read_manifest
from stages.core.settings.evaluate_options import Evaluate


def evaluate_in_depth(candidate: Candidate, options: Evaluate, manifest: Path, folder: Path) -> dict[str, float]:
    """Write every number and table of a candidate; returns its flat metrics, none for a failed one.

    All are functions of its predictions and of what the manifest says of their images, and of probabilities as they
    are told: calibrated where options.temperature is on. Raises UserError when the manifest is another one.
    """
    raw = candidate.repeats
    pairs = [told(table, options) for table in raw]
    metrics = measure(candidate, [table for table, _ in pairs], options, folder)
    if not candidate.failure:
        draw(candidate, [table for table, _ in pairs], folder)
    if pairs and not candidate.failure:
        table, temperature = pairs[0]
        facts = facts_of(table, manifest)
        metrics |= deeper(raw[0], table, facts, options, folder)
        metrics |= gaps(candidate, metrics, options.confidence)
        metrics |= kept(table, temperature, options, folder)
        sha256 = dict(zip(facts["path"], facts["sha256"], strict=True))
        write_json(folder / GOLDEN, golden(table, sha256, options.golden_images))
    write_json(folder / METRICS, metrics)
    return metrics


def facts_of(table: pd.DataFrame, manifest: Path) -> pd.DataFrame:
    """Rows of the manifest for a table of predictions, in its order. Raises UserError where one is missing."""
    facts = table[["path"]].merge(read_manifest(manifest, READ), on="path", how="left")
    unknown = facts["path"][facts["split"].isna()]
    if len(unknown):
        raise UserError(f"{manifest.name} has no row for {unknown.iloc[0]}, which was predicted; run `dvc repro`")
    return facts


def deeper(
    raw: pd.DataFrame, table: pd.DataFrame, facts: pd.DataFrame, options: Evaluate, folder: Path
) -> dict[str, float]:
    """Write the tables and pictures that each split gets beside the plain ones; returns its metrics beside those."""
    metrics: dict[str, float] = {}
    for split in table["split"].unique():
        inside, outcome = (table["split"] == split).to_numpy(), outcomes(table, split)
        curves_of(outcome, classes_of(table), folder, split)
        hit = outcome.predicted == outcome.truth
        write_csv(folder / f"{split}_slices.csv", sliced(hit, facts[inside], options))
        bins = reliability(outcome, options.calibration_bins, options.confidence)
        write_csv(folder / f"{split}_reliability.csv", bins)
        reliability_picture(bins, f"{split}: accuracy by confidence", folder / f"{split}_reliability.png")
        before = outcomes(raw, split)
        ece = expected_calibration_error(before, np.ones(len(hit)), options.calibration_bins)
        metrics |= {f"{split}_mce": maximum_calibration_error(bins), f"{split}_ece_raw": ece}
    return metrics


def curves_of(outcome: Outcomes, classes: list[str], folder: Path, split: str) -> None:
    """Write the curves of a split."""
    write_csv(folder / f"{split}_roc.csv", roc(outcome, classes))
    write_csv(folder / f"{split}_pr.csv", precision_recall(outcome, classes))
    write_csv(folder / f"{split}_risk_coverage.csv", risk_coverage(outcome))


def kept(table: pd.DataFrame, temperature: float | None, options: Evaluate, folder: Path) -> dict[str, float]:
    """Write calibration.json, which goes with the model; returns it as metrics, with what the threshold means.

    `<split>_coverage`: share of the images that are answered; `<split>_answered_accuracy`: of those, the right ones.
    """
    has_val = bool((table["split"] == "val").any())
    threshold = threshold_of(outcomes(table, "val"), options) if has_val else None
    write_json(folder / CALIBRATION, asdict(Calibration(temperature, threshold, options.wanted_precision)))
    metrics = {} if temperature is None else {"temperature": temperature}
    if threshold is None:
        return metrics
    metrics["threshold"] = threshold
    for split in table["split"].unique():
        outcome = outcomes(table, split)
        sure = outcome.probabilities.max(axis=1) >= threshold
        n, n_hits = int(sure.sum()), int((sure & (outcome.predicted == outcome.truth)).sum())
        name = f"{split}_answered_accuracy"
        metrics[f"{split}_coverage"] = n / len(sure)
        if n:
            metrics[name] = n_hits / n
            metrics[f"{name}_low"], metrics[f"{name}_high"] = proportion(n_hits, n, options.confidence)
    return metrics
