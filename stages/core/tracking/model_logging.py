"""Models in MLflow: packaged once a run, for raw images and for image files."""

import tempfile
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
from stages.core.tracking.store import Store
from stages.core.tracking.trails import Trail


def log_models(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Package the model for raw images and, for a candidate, for image files; once a run."""
    if not model_files(trail.candidate.folder):
        return
    import mlflow

    outputs = store.client.get_run(run_id).outputs
    known = {store.client.get_logged_model(m.model_id).name for m in (outputs.model_outputs if outputs else [])}
    forms = {"model": raw_form} | ({} if trail.parent else {"model_from_files": file_form})
    with tempfile.TemporaryDirectory() as folder:
        package(Path(folder), trail.candidate, params.tree.normalize)
        for name in forms.keys() - known:
            signature, example = forms[name](layout, trail.candidate)
            with held_back(), mlflow.start_run(run_id=run_id):  # it loads the model and answers the example
                mlflow.pyfunc.log_model(
                    name=name,
                    loader_module=LOADER,
                    data_path=f"{folder}/data",
                    code_paths=[f"{folder}/stages"],
                    signature=signature,
                    input_example=example,
                    pip_requirements=requirements(trail.candidate.folder),
                )


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
