"""Every kind of data set keeps the contract: options without defaults, each described, and `source`."""

import importlib
import inspect

import pytest

from stages.core.settings.entries import kinds
from stages.core.settings.options import Download, Section

KINDS = kinds("datasets")


def sections(options):
    """The Options of a kind and every section within."""
    yield options
    for field in options.model_fields.values():
        members = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for member in members:
            if isinstance(member, type) and issubclass(member, Section):
                yield from sections(member)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_described_and_has_no_default(kind):
    """What isn't written in params.yaml can't change a result, and `imagetrail explain` says what it is."""
    for section in sections(importlib.import_module(f"stages.datasets.{kind}").Options):
        for name, field in section.model_fields.items():
            nested = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            assert field.is_required(), name
            assert field.description or nested, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_called_alike(kind):
    """`download` calls source(options, limits, cache)."""
    module = importlib.import_module(f"stages.datasets.{kind}")
    parameters = inspect.signature(module.source).parameters

    assert list(parameters) == ["options", "limits", "cache"]
    assert parameters["limits"].annotation is Download and issubclass(module.Options, Section)
    assert module.__doc__.startswith(f"{kind}: ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_read_without_heavy_imports(kind):
    """params.yaml is checked in every stage: neither Keras nor a hub's client is imported for that."""
    import subprocess
    import sys

    heavy = ("keras", "tensorflow", "kagglehub", "datasets", "sklearn", "fsspec", "requests")
    code = f"import sys, stages.datasets.{kind}; print([m for m in {heavy} if m in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
