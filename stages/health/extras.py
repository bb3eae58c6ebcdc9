"""extras: packages that the chosen source, weights or DVC remote need and no lock file holds."""

from collections.abc import Iterator
from configparser import ConfigParser, Error
from importlib.util import find_spec
from typing import Any

from stages.core.doctor.findings import Finding, Patient, ok

BY_KIND = {"kaggle": ("kagglehub", "kaggle"), "huggingface": ("datasets", "huggingface")}
BY_SCHEME = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gs"), "gcs": ("gcsfs", "gs")}
OF_DVC = {"s3": ("dvc_s3", "dvc-s3"), "gs": ("dvc_gs", "dvc-gs"), "azure": ("dvc_azure", "dvc-azure")}
OF_DVC |= {"ssh": ("dvc_ssh", "dvc-ssh"), "gdrive": ("dvc_gdrive", "dvc-gdrive"), "hdfs": ("dvc_hdfs", "dvc-hdfs")}


def examine(patient: Patient) -> Iterator[Finding]:
    """Look for what params.yaml and DVC's remotes ask for."""
    missing = False
    for why, (module, extra) in asked(patient):
        if find_spec(module) is None:
            missing = True
            name = extra if extra.startswith("dvc-") else f".[{extra}]"
            yield Finding("broken", f"{why} needs package {module!r}", f"run `pip install '{name}'`")
    if not missing:
        yield ok("nothing asks for a package that is not here")


def asked(patient: Patient) -> Iterator[tuple[str, tuple[str, str]]]:
    """What asks, and the module and extra that it needs."""
    name = (patient.written.get("download") or {}).get("dataset")
    source = (patient.written.get("datasets") or {}).get(name) or {}
    if source.get("kind") in BY_KIND:
        yield f"dataset {name}", BY_KIND[source["kind"]]
    backbones = (patient.written.get("backbones") or {}).values()
    for text in [*texts(source), *(text for one in backbones for text in texts(one))]:
        if (scheme := text.split("://")[0]) in BY_SCHEME and "://" in text:
            yield f"{scheme}:// in params.yaml", BY_SCHEME[scheme]
    for remote, scheme in remotes(patient):
        if scheme in OF_DVC:
            yield f"DVC's {remote}", OF_DVC[scheme]


def texts(value: Any) -> list[str]:
    """Every text in nested values."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def remotes(patient: Patient) -> Iterator[tuple[str, str]]:
    """Name and scheme of each DVC remote, from the shared and the private configuration."""
    found = ConfigParser(interpolation=None)
    try:
        found.read([patient.layout.root / ".dvc" / name for name in ("config", "config.local")])
    except Error:
        return
    for section in found.sections():
        if "remote" in section and "://" in found[section].get("url", ""):
            yield section.strip("'").replace('"', "'"), found[section]["url"].split("://")[0]
