"""validate: source -> the manifest with its splits, and the verdict of the data gate."""

import re
import time
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.console import progress, say
from stages.core.errors import UserError
from stages.core.files import digest, remove, replaced_folder, write_json, write_parquet, write_text
from stages.core.findings import N_EXAMPLES, Finding, Promise, verdict
from stages.core.layout import PROJECT, Layout
from stages.core.manifest import intact, measured, table
from stages.core.pages import validation_page
from stages.core.params import Entry, open_project
from stages.core.splitting import assign_splits

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CLOCK = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d:?\d\d(?:\.\d+)?(?:Z|\+00:00| UTC)?")


def main(root: Path = PROJECT) -> None:
    """Write data/manifest.parquet, or say why the data is not fit to train on. Raises UserError."""
    params, layout = open_project(root)
    remove(layout.manifest)  # until the data has passed there is none, whatever stops us
    manifest = table(read_images(layout.archive))
    manifest["split"] = assign_splits(manifest, params.tree.split)
    findings, data_docs = inspect(manifest, params.checks)
    outcome = verdict(findings)
    with replaced_folder(layout.validation) as folder:
        write_json(folder / "verdict.json", {"verdict": outcome, "findings": [vars(found) for found in findings]})
        write_text(folder / "index.html", validation_page(manifest, findings, outcome, layout.archive))
        write_text(folder / "great_expectations.html", data_docs)
        if outcome == "fail":
            write_parquet(folder / "rejected.parquet", manifest)
    settle(outcome, findings, manifest, layout)


def read_images(archive: Path) -> list[dict[str, Any]]:
    """Measure every image of the zip, with a progress bar; says how fast. Raises UserError without a whole source."""
    with intact(archive):
        with zipfile.ZipFile(archive) as source:
            total = len(source.namelist())
        started = time.perf_counter()
        rows = list(progress(measured(archive), total=total, desc="validate"))
    say(f"validate: {total:,} images at {total / (time.perf_counter() - started):,.0f} images/s")
    return rows


def settle(outcome: str, findings: list[Finding], manifest: pd.DataFrame, layout: Layout) -> None:
    """Let the manifest through, or keep it back. Raises UserError on a critical finding."""
    broken = sorted((found for found in findings if not found.passed), key=lambda found: found.severity)
    lines = [f"  {found.severity:<10}{found.check:<14}{found.message}" for found in broken]
    if outcome == "fail":
        n_critical = sum(found.severity == "critical" for found in broken)
        page = (layout.validation / "index.html").relative_to(layout.root)
        head = f"the data is not fit to train on: {n_critical} critical finding{'s' * (n_critical > 1)} ({page})"
        raise UserError("\n".join([head, *lines]))
    write_parquet(layout.manifest, manifest)
    say(f"validate: verdict {outcome}, manifest {digest(layout.manifest)[:12]}")
    for found in broken:
        say(f"warning: {found.check} {found.message}")


def inspect(manifest: pd.DataFrame, checks: dict[str, Entry]) -> tuple[list[Finding], str]:
    """Run every promise of every check over the manifest with Great Expectations.

    Returns the findings in the order of params.yaml and Great Expectations' own page.
    """
    modules = {name: entry.module("checks") for name, entry in checks.items()}
    extra = {key: values for module in modules.values() for key, values in module.columns(manifest).items()}
    wide = manifest.assign(**extra)
    promised = [(name, promise) for name, entry in checks.items() for promise in modules[name].promises(entry.options)]
    outcome = run_suite(wide, promised)
    findings = [
        finding(name, promise, result, wide) for (name, promise), result in zip(promised, outcome.results, strict=True)
    ]
    return findings, rendered(outcome)


def run_suite(wide: pd.DataFrame, promised: list[tuple[str, Promise]]) -> Any:
    """Validate the table against all expectations at once, in memory."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_or_update_pandas("images").add_dataframe_asset("manifest")
    for name, promise in promised:
        promise.expectation.severity = promise.severity
        promise.expectation.meta = {"check": name}
    suite = context.suites.add(gx.ExpectationSuite(name="gate", expectations=[p.expectation for _, p in promised]))
    definition = gx.ValidationDefinition(
        name="gate", data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
    )
    complete = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["path"],
        "include_unexpected_rows": False,
    }
    outcome = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": wide}, result_format=complete
    )
    outcome.results.sort(key=lambda result: order_of(result, promised))
    return outcome


def order_of(result: Any, promised: list[tuple[str, Promise]]) -> int:
    """Return the place in params.yaml of the promise that a result belongs to."""
    ids = [promise.expectation.id for _, promise in promised]
    return ids.index(result.expectation_config.id)


def finding(check: str, promise: Promise, result: Any, wide: pd.DataFrame) -> Finding:
    """Turn one result of Great Expectations into ours. Raises RuntimeError when the check itself broke."""
    raised = result.exception_info
    if "exception_message" not in raised:
        raised = next(iter(raised.values()), {})
    if raised.get("raised_exception"):
        raise RuntimeError(f"check {check} could not be run: {raised['exception_message']}")
    details = result.result
    per_row = "unexpected_index_list" in details
    paths = {row["path"] for row in details.get("unexpected_index_list") or []}
    bad = wide[wide["path"].isin(paths)] if per_row else wide
    observed = len(bad) if per_row else tidy(details["observed_value"])
    message = promise.text if result.success else promise.explain(bad, observed)
    examples = [] if result.success or not per_row else list(bad["path"][:N_EXAMPLES])
    return Finding(check, promise.severity, bool(result.success), observed, promise.limit, message, examples)


def tidy(value: Any) -> float | int:
    """A measured number as Python's own, whole where it is whole."""
    return int(value) if float(value).is_integer() else float(f"{value:.4g}")


def rendered(outcome: Any) -> str:
    """Great Expectations' own result page, with its times and random ids made constant.

    They are all that differs between two runs on the same data.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    for result in outcome.results:
        for key in ("unexpected_list", "unexpected_index_list", "unexpected_index_query"):
            result.result.pop(key, None)
        if hasattr(result.result.get("observed_value"), "item"):
            result.result["observed_value"] = result.result["observed_value"].item()  # it can't render NumPy's
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(outcome))
    ids: dict[str, str] = {}
    page = UUID.sub(lambda found: ids.setdefault(found[0], f"id-{len(ids) + 1:04d}"), page)
    return CLOCK.sub("(time left out)", page)
