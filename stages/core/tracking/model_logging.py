"""Models in MLflow: packaged once a run, for raw images and for image files."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.model_files import model_files
from stages.core.console import held_back
from stages.core.files import canonical, text_digest
from stages.core.images.decoding import decode, fitted
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.ingest.source import images_named
from stages.core.layout import Layout
from stages.core.tracking.packaging import LOADER, about, package, requirements
from stages.core.tracking.runs import files_in
from stages.core.tracking.served_names import CONFIDENCE, EACH, LABEL, SURE
from stages.core.tracking.store import Store
from stages.core.tracking.trails import Trail

ABOUT_TAG, SUPERSEDED = "imagetrail.about", "imagetrail.superseded"  # of a logged model


@dataclass(frozen=True)
class Form:
    """One way to ask a model: its name, what goes in and out, an example, the candidate's folder, tags."""

    name: str
    signature: Any
    example: Any
    candidate: Path
    tags: dict[str, str]


def log_models(store: Store, run_id: str, layout: Layout, trail: Trail) -> None:
    """Package the model for raw images and, for a candidate, for image files, once it is evaluated.

    One that says something else of itself (about.json) is logged anew; the earlier stays, marked, as a version of the
    registry may point at it. Each gets its measures.
    """
    if not model_files(trail.candidate.folder) or not trail.evaluation:
        return
    told = about(trail.candidate, trail.evaluation)
    marked = text_digest(canonical(told))
    forms = {"model": raw_form} | ({} if trail.parent else {"model_from_files": file_form})
    found = current_models(store, run_id).items()
    known = {name: model for name, model in found if model.tags.get(ABOUT_TAG) == marked}
    if wanted := [name for name in sorted(forms) if name not in known or not has_files(store, known[name])]:
        with tempfile.TemporaryDirectory() as folder:
            package(Path(folder), trail.candidate, told)
            for name in wanted:
                signature, example = forms[name](layout, told)
                form = Form(name, signature, example, trail.candidate.folder, {ABOUT_TAG: marked})
                if name in known:
                    upload(store, known[name], Path(folder), form)
                else:
                    log_model(store, run_id, Path(folder), form)
        mark_superseded(store, run_id)
    log_measures(store, run_id)


def whole_models(store: Store, run_id: str) -> list[Any]:
    """The run's models, the newest last; those that were cut short while they were logged are deleted."""
    outputs = store.client.get_run(run_id).outputs
    linked = {output.model_id for output in (outputs.model_outputs if outputs else [])}
    made = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'")
    for model in made:
        if model.model_id not in linked:
            store.client.delete_logged_model(model.model_id)
    return sorted((model for model in made if model.model_id in linked), key=lambda model: model.creation_timestamp)


def current_models(store: Store, run_id: str) -> dict[str, Any]:
    """The newest of the run's models of each form, by its name."""
    return {model.name: model for model in whole_models(store, run_id)}


def has_files(store: Store, model: Any) -> bool:
    """Whether a model still has its files: someone may have deleted mlruns/, or copied the store without it."""
    return any(item.path == "MLmodel" for item in store.client.list_logged_model_artifacts(model.model_id))


def mark_superseded(store: Store, run_id: str) -> None:
    """Mark the models that newer ones have replaced."""
    current = {model.model_id for model in current_models(store, run_id).values()}
    for model in whole_models(store, run_id):
        if model.model_id not in current and SUPERSEDED not in model.tags:
            store.client.set_logged_model_tags(model.model_id, {SUPERSEDED: "yes"})


def log_measures(store: Store, run_id: str) -> None:
    """Give the run's models its final metrics, where they lack them."""
    from mlflow.entities import Metric

    final = [metric for metric in store.client.get_run(run_id).data._metric_objs if metric.step == 0]
    for model in whole_models(store, run_id):
        known = {(metric.key, metric.value) for metric in model.metrics or []}
        new = [m for m in final if (m.key, m.value) not in known]
        own = [Metric(m.key, m.value, m.timestamp, 0, model_id=model.model_id, run_id=run_id) for m in new]
        if own:
            store.client.log_batch(run_id, metrics=own)


def log_model(store: Store, run_id: str, packaged: Path, form: Form) -> None:
    """Log one form of a packaged model: what `mlflow.pyfunc.log_model` does, one call at a time.

    Each can so be given up, and the run names the model only once it is whole.
    """
    from mlflow.entities import LoggedModelOutput

    client, run = store.client, store.client.get_run(run_id)
    of_run = {"source_run_id": run_id, "params": run.data.params, "tags": form.tags}
    made = client.create_logged_model(store.experiment_id, form.name, **of_run)
    upload(store, made, packaged, form)
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])


def upload(store: Store, made: Any, packaged: Path, form: Form) -> None:
    """Give a logged model its files."""
    with tempfile.TemporaryDirectory() as folder:
        for path in files_in(saved(Path(folder) / "model", packaged, form, made)):
            below = path.relative_to(Path(folder) / "model").parent.as_posix()
            store.client.log_model_artifact(made.model_id, str(path), None if below == "." else below)


def saved(place: Path, packaged: Path, form: Form, made: Any) -> Path:
    """Write a model into a folder in MLflow's format; speaks to no store. Returns the folder."""
    import mlflow
    from mlflow.models import Model

    entry = Model(made.artifact_location, made.source_run_id, model_uuid=made.model_id, model_id=made.model_id)
    with held_back():
        mlflow.pyfunc.save_model(
            place,
            loader_module=LOADER,
            data_path=f"{packaged}/data",
            code_paths=[f"{packaged}/stages"],
            mlflow_model=entry,
            signature=form.signature,
            input_example=form.example,
            pip_requirements=requirements(form.candidate),
        )
    return place


def raw_form(layout: Layout, told: dict[str, Any]) -> tuple[Any, Any]:
    """Signature and example of the model for uint8 [N, H, W, C]."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    images = np.stack(
        [fitted(decode(data, told.get("ranges")).pixels, **told["normalize"]) for data in examples(layout, 2)]
    )
    inputs = Schema([TensorSpec(np.dtype("uint8"), (-1, *images.shape[1:]))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, len(told["classes"])))])
    return ModelSignature(inputs, outputs), images


def file_form(layout: Layout, told: dict[str, Any]) -> tuple[Any, Any]:
    """Signature and example of the model for encoded image files."""
    return file_signature(told["classes"]), pd.DataFrame({"image": examples(layout, 1)})


def file_signature(classes: list[str]) -> Any:
    """What goes into and comes out of a model for image files."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = [ColSpec("string", LABEL), ColSpec("double", CONFIDENCE), ColSpec("boolean", SURE, required=False)]
    columns += [ColSpec("double", f"{EACH}{name}") for name in classes]
    return ModelSignature(Schema([ColSpec("binary", "image")]), Schema(columns))


def examples(layout: Layout, n: int) -> list[bytes]:
    """Files of the first validation images."""
    manifest = read_manifest(layout.manifest, ["path", "split"])
    paths = rows_of(manifest, "val")["path"].iloc[:n]
    return [data for _, data in images_named(layout.archive, paths)]
