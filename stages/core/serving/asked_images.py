"""Images as a person names them: files, folders, archives and patterns, read one at a time where they lie."""

import glob
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.ingest.archive import archive_members, folder_members, is_tar
from stages.core.ingest.image_filter import ImageFilter, is_image_name, told
from stages.core.ingest.source import Member
from stages.core.settings.options import Download


def members(words: list[str], limits: Download, cache: Path) -> list[Member]:
    """Every image that the words name, in their order; none is read yet. Raises UserError for a word that names none.

    A folder's and an archive's images are called after it: `new/a.jpg`, `new.zip/a.jpg`.
    """
    return [member for place in places(words) for member in members_at(place, limits, cache)]


def places(words: list[str]) -> list[Path]:
    """Files and folders behind the words, patterns resolved. Raises UserError before anything is read."""
    found = []
    for word in words:
        named = [word] if Path(word).exists() else sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - absolute, too
        here = [Path(name) for name in named]
        if not here:
            raise UserError(f"{word}: no such file, folder or archive, and no pattern that finds one")
        found += here
    return found


def members_at(place: Path, limits: Download, cache: Path) -> Iterator[Member]:
    """The images of one place. Raises UserError for a folder or an archive that holds none."""
    images = ImageFilter()
    if place.is_dir():
        inner = sorted(folder_members(place, images), key=lambda member: member.name)
    elif not is_image_name(place.name) and (zipfile.is_zipfile(place) or is_tar(place)):
        inner = sorted(archive_members(place, limits, cache, images), key=lambda member: member.name)
    else:
        yield Member(readable_name(place), place.read_bytes)
        return
    if not inner:
        raise UserError(f"{place} holds no image ({told(images.counted()) or 'no file'})")
    if left_out := told(images.counted()):
        say(f"{place}: {left_out}")
    for member in inner:
        yield replace(member, name=f"{readable_name(place)}/{member.name}")


def readable_name(place: Path) -> str:
    """A path as text that any file can hold: bytes of it that are no UTF-8 are written as numbers."""
    return os.fsencode(place).decode("utf-8", "backslashreplace")
