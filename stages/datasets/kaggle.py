"""kaggle: a data set of kaggle.com; needs the extra `kaggle`, and a token where the data set asks for one.

kagglehub fetches and unpacks it below $KAGGLEHUB_CACHE (~/.cache/kagglehub); what lies there is read as a folder.
"""

from pathlib import Path
from typing import Any

from pydantic import Field

from stages.core.errors import UserError
from stages.core.ingest.archive import folder_members
from stages.core.ingest.folders import FolderRules
from stages.core.ingest.image_filter import ImageFilter
from stages.core.ingest.source import Source
from stages.core.settings.options import Download, Folders


class Options(Folders):
    """Which data set."""

    handle: str = Field(description="owner/name, as in its address", pattern=r"^[\w-]+/[\w-]+$")
    version: int | None = Field(description="its number; null takes the newest", ge=1)
    subfolder: str = Field(description="folder in it that holds the images; '' for all of it")
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def source(options: Options, limits: Download, cache: Path) -> Source:
    """The images of the data set, as `folder` reads them. Raises UserError."""
    found = downloaded(options)
    version = found.name if found.parent.name == "versions" else options.version
    origin: dict[str, Any] = {
        "uri": f"https://www.kaggle.com/datasets/{options.handle}" + (f"/versions/{version}" if version else "")
    }
    folder = found / options.subfolder
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in found.iterdir() if path.is_dir()))
        raise UserError(f"{options.handle} holds no folder {options.subfolder!r}; there are: {there or 'none'}")
    origin |= {"licence": options.licence, "citation": options.citation}
    images, rules = ImageFilter(), FolderRules(options.splits, options.class_depth)
    return Source(origin, folder_members(folder, images), left_out=images.counted, rules=rules)


def downloaded(options: Options) -> Path:
    """Folder that kagglehub has put it in. Raises UserError without kagglehub, network, permission or data set."""
    try:
        import kagglehub
    except ImportError as error:
        raise UserError("kaggle needs kagglehub, which is not installed; run `pip install -e '.[kaggle]'`") from error
    handle = options.handle + (f"/versions/{options.version}" if options.version else "")
    try:
        return Path(kagglehub.dataset_download(handle))
    except Exception as error:  # kagglehub's errors have no ancestor of their own
        raise UserError(
            f"{handle} could not be fetched from Kaggle ({type(error).__name__}); check the handle and the network, "
            "and set KAGGLE_API_TOKEN (kaggle.com/settings) for what needs a permission"
        ) from error
