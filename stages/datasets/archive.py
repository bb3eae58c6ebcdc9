"""archive: a zip or tar at a URL or path; the class of an image is the last folder above it."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from stages.core.archive import Member, archive_members
from stages.core.fetch import fetched
from stages.core.options import Download, Section


class Options(Section):
    """Where the archive is and whose it is."""

    uri: str = Field(description="URL or path of a zip or tar", min_length=1)
    sha256: str | None = Field(description="what the file must hash to; null takes any", pattern=r"^[0-9a-f]{64}$")
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def origin(options: Options) -> dict[str, str | None]:
    """Where the images come from, for source.json."""
    return options.model_dump()


def members(options: Options, limits: Download, cache: Path) -> Iterator[Member]:
    """Yield the images of the archive. Raises UserError; see `fetched` and `archive_members`."""
    yield from archive_members(fetched(options.uri, options.sha256, cache), limits)
