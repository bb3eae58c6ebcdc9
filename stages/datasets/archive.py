"""archive: zips or tars at URLs or paths; the class of an image is the last folder above it, or at `class_depth`.

Of several archives, the images of each lie below a folder of its name: train.zip and test.zip are splits.
"""

from functools import partial
from pathlib import Path

from pydantic import Field, model_validator

from stages.core.ingest.archive import archive_members, archives, problem
from stages.core.ingest.folders import FolderRules
from stages.core.ingest.image_filter import ImageFilter
from stages.core.ingest.source import Source
from stages.core.settings.options import Download, Encoding, Folders, Sha256s, Uris


class Options(Folders):
    """Where the archives are and whose they are."""

    uri: Uris = Field(description="URL or path of a zip or tar (also .gz, .bz2, .xz, .zst), or a list of them")
    sha256: Sha256s = Field(description="what the file must hash to, or a list of as many; null takes any")
    encoding: Encoding = Field(
        description="of names in archives that are not UTF-8, e.g. cp932 (Japanese) or gbk (Chinese); null for none"
    )
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")

    @model_validator(mode="after")
    def fits_together(self) -> "Options":
        """Raise ValueError when hashes and archives differ in number, or two archives have one name."""
        if wrong := problem(self.uri, self.sha256):
            raise ValueError(wrong)
        return self


def source(options: Options, limits: Download, cache: Path) -> Source:
    """The images of the archives. Raises UserError; see `archives`."""
    images = ImageFilter()
    read = partial(archive_members, limits=limits, cache=cache, wanted=images, encoding=options.encoding)
    origin, members = archives(options.uri, options.sha256, cache, read)
    origin |= {"licence": options.licence, "citation": options.citation}
    rules = FolderRules(options.splits, options.class_depth)
    return Source(origin, members, left_out=images.counted, rules=rules)
