"""All that imagetrail says to Great Expectations: promises in, results and its Data Docs out.

It judges; which rows break a promise is found by us as well (it would list a million), and the two counts must agree.
"""

import gc
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.files import write_text
from stages.core.gate.promises import Promise, broken_rows, comparable
from stages.core.lean_import import without

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CLOCK = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d:?\d\d:?\d\d(?:\.\d+)?(?:Z|\+00:00| UTC)?")
RUN = re.compile(r"validations/(\w+)/__none__/[^/]+/[\w-]+\.html")
FOREIGN = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<form\b.*?</form>|<nav\b.*?</nav>|<!--.*?-->", re.DOTALL
)
STYLE = Path(__file__).parents[2] / "templates/data_docs.css"
Promised = list[tuple[str, Promise]]


def judged(
    tables: dict[str, pd.DataFrame], promised: dict[str, Promised], with_data_docs: bool = False
) -> tuple[dict[int, bool], dict[str, str]]:
    """Validate tables against promises; returns by id(promise) whether it holds, and the pages of the Data Docs.

    The pages are built only where they are asked for: they cost twice as much as the verdicts.
    tables and promised have the same keys. Raises RuntimeError when an expectation could not be evaluated, or when its
    count of broken rows is not ours.
    """
    with without("rfc3987_syntax"):  # optional to jsonschema, which checks no address here: 1.2 of 6.1 CPU s
        import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    tables = {name: as_compared(table) for name, table in tables.items()}
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    with tempfile.TemporaryDirectory() as folder:
        context.add_data_docs_site("gate", site(folder))
        results = {name: run_suite(context, name, tables[name], items) for name, items in promised.items() if items}
        if with_data_docs:
            context.build_data_docs()
        pages = offline_pages(Path(folder))
    held = {
        id(promise): settled(promise, result, tables[name])
        for name, found in results.items()
        for (_, promise), result in zip(promised[name], found, strict=True)
    }
    del context, results
    gc.collect()  # its objects point at each other and would keep the tables: 150 MB of a million images
    return held, pages


def as_compared(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with values as they are compared with limits; what need not change is not copied."""
    return pd.DataFrame({name: comparable(table[name]) for name in table}, copy=False)


def site(folder: str) -> dict[str, Any]:
    """Settings of Data Docs in a folder."""
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    return {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": store}


def expectation(check: str, promise: Promise) -> Any:
    """The expectation of Great Expectations that a promise is."""
    import great_expectations.expectations as gxe

    common = {"column": promise.measure, "severity": promise.severity, "meta": {"notes": f"{check}: {promise.text}"}}
    if promise.among is not None:
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(promise.among), **common)
    return gxe.ExpectColumnValuesToBeBetween(min_value=promise.minimum, max_value=promise.maximum, **common)


def run_suite(context: Any, name: str, table: pd.DataFrame, promised: Promised) -> list[Any]:
    """Validate one table against all its promises at once, in memory; results in the order of the promises."""
    import great_expectations as gx

    asset = context.data_sources.add_or_update_pandas("imagetrail").add_dataframe_asset(name)
    expectations = [expectation(check, promise) for check, promise in promised]
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    batch = asset.add_batch_definition_whole_dataframe("all")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    brief = {"result_format": "BASIC", "partial_unexpected_count": 0}
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=name, validation_definitions=[definition], result_format=brief)
    )
    (outcome,) = checkpoint.run(batch_parameters={"dataframe": table}).run_results.values()
    ids = [item.id for item in expectations]
    return sorted(outcome.results, key=lambda result: ids.index(result.expectation_config.id))


def settled(promise: Promise, result: Any, table: pd.DataFrame) -> bool:
    """Whether a promise holds. Raises RuntimeError when Great Expectations can't tell, or tells otherwise than we."""
    raised = result.exception_info
    if "exception_message" not in raised:
        raised = next(iter(raised.values()), {})
    if raised.get("raised_exception"):
        raise RuntimeError(f"{promise.measure} could not be judged: {raised['exception_message']}")
    ours, theirs = int(broken_rows(promise, table[promise.measure]).sum()), result.result["unexpected_count"]
    if ours != theirs:
        raise RuntimeError(f"{promise.measure}: {theirs} rows break the promise for Great Expectations, {ours} for us")
    return bool(result.success)


def offline_pages(folder: Path) -> dict[str, str]:
    """The pages of built Data Docs by their path, made to be read without a network and to be the same each time.

    Their index is left out: it is empty without scripts from elsewhere. Foreign styles and scripts give way to a
    style of ours, random ids to numbers, times to words.
    """
    return {
        RUN.sub(r"validations/\1.html", path.relative_to(folder).as_posix()): steady(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/**/*.html"))
    }


def steady(page: str) -> str:
    """One page, with what differs between two runs or needs a network replaced."""
    page = RUN.sub(r"validations/\1.html", FOREIGN.sub("", page))
    ids: dict[str, str] = {}
    page = UUID.sub(lambda found: ids.setdefault(found[0], f"id-{len(ids) + 1:04d}"), page)
    page = CLOCK.sub("(time left out)", page)
    return page.replace("</head>", f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>", 1)


def write_pages(folder: Path, pages: dict[str, str]) -> None:
    """Write Data Docs into a folder."""
    for name, text in pages.items():
        write_text(folder / name, text)
