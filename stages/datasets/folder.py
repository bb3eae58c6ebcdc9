"""folder: a folder on this machine; the class of an image is the last folder above it, or that at `class_depth`.

DVC does not watch it: after a change, `dvc repro -f download` reads it again.
"""

from pathlib import Path

from pydantic import Field

from stages.core.ingest.archive import folder_members
from stages.core.ingest.folders import FolderRules
from stages.core.ingest.image_filter import ImageFilter
from stages.core.ingest.source import Source
from stages.core.settings.options import Download, Folders


class Options(Folders):
    """Where the folder is and whose it is."""

    path: str = Field(description="a folder with one folder a class, or train/val/test with such folders", min_length=1)
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def source(options: Options, limits: Download, cache: Path) -> Source:
    """The images below the folder, named by its last part as its place differs by machine. Raises UserError."""
    folder = Path(options.path).expanduser()
    origin = {"uri": folder.name, "licence": options.licence, "citation": options.citation}
    images, rules = ImageFilter(), FolderRules(options.splits, options.class_depth)
    return Source(origin, folder_members(folder, images), left_out=images.counted, rules=rules)
