"""environment: variables that change results, or where runs go."""

import os
from collections.abc import Iterator

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.tracking.secrets import scrubbed

RESULTS = {
    "TF_ENABLE_ONEDNN_OPTS": "params.yaml (runtime.onednn) decides, and overrides it",
    "TF_DETERMINISTIC_OPS": "params.yaml (runtime.determinism) decides",
    "TF_CUDNN_DETERMINISTIC": "params.yaml (runtime.determinism) decides",
    "TF_NUM_INTRAOP_THREADS": "params.yaml (runtime.threads) decides",
    "TF_NUM_INTEROP_THREADS": "params.yaml (runtime.threads) decides",
    "OMP_NUM_THREADS": "classical models and oneDNN may give other bits with another number",
    "TF_XLA_FLAGS": "compiled code may give other bits; unset it",
    "XLA_FLAGS": "compiled code may give other bits; unset it",
    "TF_FORCE_GPU_ALLOW_GROWTH": "changes memory, no result",
    "CUDA_VISIBLE_DEVICES": "hides cards: a CPU and a GPU give other bits",
    "PYTHONHASHSEED": "no result depends on it",
    "KERAS_BACKEND": "only tensorflow works; unset it",
}
HARMLESS = ("PYTHONHASHSEED", "TF_FORCE_GPU_ALLOW_GROWTH")
OUR_OWN = ("MLFLOW_DISABLE_TELEMETRY",)
HIDDEN = ("PASSWORD", "TOKEN", "SECRET", "USERNAME")


def examine(patient: Patient) -> Iterator[Finding]:
    """Name those that are set."""
    of_mlflow = sorted(name for name in os.environ if name.startswith("MLFLOW_") and name not in OUR_OWN)
    for name in of_mlflow:
        value = "set" if any(word in name for word in HIDDEN) else scrubbed(os.environ[name])
        yield ok(f"{name} is {value}: it changes where runs go or how MLflow is reached")
    for name, what in RESULTS.items():
        if name in os.environ:
            level = "ok" if name in HARMLESS else "warning"
            yield Finding(level, f"{name} is {os.environ[name]!r}: {what}", "" if level == "ok" else f"unset {name}")
    if not of_mlflow and not RESULTS.keys() & os.environ.keys():
        yield ok("no variable changes results or the store")
