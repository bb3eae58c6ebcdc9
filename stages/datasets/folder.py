"""folder: a folder on this machine; the class of an image is the last folder above it.

DVC does not watch it: after a change, `dvc repro -f download` reads it again.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from stages.core.archive import Member, folder_members
from stages.core.options import Download, Section


class Options(Section):
    """Where the folder is and whose it is."""

    path: str = Field(description="a folder with one folder a class, or train/val/test with such folders", min_length=1)
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def origin(options: Options) -> dict[str, str | None]:
    """Where the images come from, for source.json: the folder's name, as its place differs by machine."""
    return {"uri": Path(options.path).name, "licence": options.licence, "citation": options.citation}


def members(options: Options, limits: Download, cache: Path) -> Iterator[Member]:
    """Yield the images below the folder. Raises UserError when it is missing."""
    yield from folder_members(Path(options.path).expanduser())
