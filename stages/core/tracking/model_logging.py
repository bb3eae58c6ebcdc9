"""Models in MLflow: packaged once a run, for raw images and for image files."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import Candidate
from stages.core.candidates.model_files import model_files
from stages.core.console import held_back
from stages.core.files import read_array
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.ingest.source import images_named
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.packaging import LOADER, package, requirements
from stages.core.tracking.runs import files_in
from stages.core.tracking.store import Store
from stages.core.tracking.trails import Trail


@dataclass(frozen=True)
class Form:
    """One way to ask a model: its name, what goes in and out, an example, and the folder of the candidate."""

    name: str
    signature: Any
    example: Any
    candidate: Path


def log_models(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Package the model for raw images and, for a candidate, for image files; once a run. Each gets its measures."""
    if not model_files(trail.candidate.folder):
        return
    forms = {"model": raw_form} | ({} if trail.parent else {"model_from_files": file_form})
    if wanted := forms.keys() - {model.name for model in whole_models(store, run_id)}:
        with tempfile.TemporaryDirectory() as folder:
            package(Path(folder), trail.candidate, params.tree.normalize)
            for name in sorted(wanted):
                signature, example = forms[name](layout, trail.candidate)
                log_model(store, run_id, Path(folder), Form(name, signature, example, trail.candidate.folder))
    log_measures(store, run_id)


def whole_models(store: Store, run_id: str) -> list[Any]:
    """The run's models; those that were cut short while they were logged are deleted."""
    outputs = store.client.get_run(run_id).outputs
    linked = {output.model_id for output in (outputs.model_outputs if outputs else [])}
    made = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'")
    for model in made:
        if model.model_id not in linked:
            store.client.delete_logged_model(model.model_id)
    return [model for model in made if model.model_id in linked]


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
    made = client.create_logged_model(store.experiment_id, form.name, source_run_id=run_id, params=run.data.params)
    with tempfile.TemporaryDirectory() as folder:
        for path in files_in(saved(Path(folder) / "model", packaged, form, made)):
            below = path.relative_to(Path(folder) / "model").parent.as_posix()
            client.log_model_artifact(made.model_id, str(path), None if below == "." else below)
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])


def saved(place: Path, packaged: Path, form: Form, made: Any) -> Path:
    """Write a model into a folder in MLflow's format; speaks to no store. Returns the folder."""
    import mlflow
    from mlflow.models import Model

    about = Model(made.artifact_location, made.source_run_id, model_uuid=made.model_id, model_id=made.model_id)
    with held_back():
        mlflow.pyfunc.save_model(
            place,
            loader_module=LOADER,
            data_path=f"{packaged}/data",
            code_paths=[f"{packaged}/stages"],
            mlflow_model=about,
            signature=form.signature,
            input_example=form.example,
            pip_requirements=requirements(form.candidate),
        )
    return place


def raw_form(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for uint8 [N, H, W, C]."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    images = read_array(layout.images / "val.npy")[:2]
    inputs = Schema([TensorSpec(np.dtype("uint8"), (-1, *images.shape[1:]))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, len(candidate.record["classes"])))])
    return ModelSignature(inputs, outputs), np.asarray(images)


def file_form(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for encoded image files."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    manifest = read_manifest(layout.manifest, ["path", "split"])
    path = rows_of(manifest, "val")["path"].iloc[0]
    example = pd.DataFrame({"image": [data for _, data in images_named(layout.archive, [path])]})
    columns = [ColSpec("string", "label"), ColSpec("double", "confidence")]
    columns += [ColSpec("double", name) for name in candidate.record["classes"]]
    return ModelSignature(Schema([ColSpec("binary", "image")]), Schema(columns)), example
