"""Archives and folders from outside, read with care: never unpacked, nothing leaves its folder."""

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlparse

from stages.core.console import progress
from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.ingest.admission import DAMAGE, Wanted, damaged_archive, once, readable_name
from stages.core.ingest.fetch import fetched, shown
from stages.core.ingest.image_filter import HEAD, ImageFilter, is_system_name
from stages.core.ingest.source import Member
from stages.core.ingest.tar_archive import opener_of, tar_members
from stages.core.ingest.zip_archive import zip_members
from stages.core.settings.options import Download

ARCHIVE_SUFFIXES = {".zip", ".tar", ".gz", ".bz2", ".xz", ".zst", ".tgz", ".tbz2", ".txz", ".tzst"}
USTAR = (257, b"ustar")  # place and text that every tar since 1988 has


def folder_members(folder: Path, images: ImageFilter | None = None) -> Iterator[Member]:
    """Yield the images below a folder; what is hidden or a system's own is left out, and counted by `images`.

    A link to a file inside the folder is read, a link to a folder inside is not followed, as its images are read
    where they lie. Raises UserError when the folder is missing, or on a link that leads outside or nowhere.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the path of a folder with one folder of images a class")
    inside, images = Path(os.path.realpath(folder)), images or ImageFilter()
    for parent, folders, files in os.walk(folder, onerror=unreadable):
        for name in filter(is_system_name, folders):
            images.leave_out_folder(Path(parent, name))
        folders[:] = sorted(name for name in folders if not is_system_name(name))
        if not files and not folders and Path(parent) != folder:
            images.note_empty_folder(Path(parent).relative_to(folder).as_posix())
        for name in folders:
            check_link(Path(parent, name), folder, inside)
        for path in (Path(parent, file) for file in files):
            name = path.relative_to(folder).as_posix()
            if images(name, partial(beginning, path, folder, inside)):
                check_link(path, folder, inside)
                if path.is_file():
                    yield Member(readable_name(name, str(folder)), path.read_bytes)


def beginning(path: Path, folder: Path, inside: Path) -> bytes:
    """First bytes of a file; none of a link that leads outside, of a pipe, or of what may not be read."""
    if not path.is_file() or not Path(os.path.realpath(path)).is_relative_to(inside):
        return b""
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except PermissionError:
        return b""


def unreadable(error: OSError) -> None:
    """Stop at a folder that can't be listed: its images would be missed without a word."""
    raise error


def check_link(path: Path, folder: Path, inside: Path) -> None:
    """Raise UserError for a symbolic link that leads out of the folder, or nowhere."""
    if path.is_symlink():
        name, target = path.relative_to(folder).as_posix(), Path(os.path.realpath(path))
        if not target.is_relative_to(inside):
            raise UserError(f"{folder}: {name} is a link that leads outside the folder; put the files themselves there")
        if not path.exists():
            raise UserError(f"{folder}: {name} is a link that leads nowhere; remove it or mend it")


def archive_members(
    path: Path, limits: Download, cache: Path, wanted: Wanted | None = None, encoding: str | None = None
) -> Iterator[Member]:
    """Yield the images in a zip or tar (also compressed), never unpacking to disk under their names.

    The images of a compressed tar are copied to one nameless file in `cache`. Raises UserError on something that
    is no archive, and on members that could do harm: names outside or twice, links, devices, encryption, too
    many, too large, too densely packed or overlapping. `encoding` is that of names which are not UTF-8; None for none.
    """
    wanted = wanted or ImageFilter()
    if is_tar(path):
        members = tar_members(path, limits, wanted, cache, encoding)
    elif zipfile.is_zipfile(path):
        members = zip_members(path, limits, wanted, encoding)
    else:
        raise UserError(f"{path} is neither a zip nor a tar archive ({path.stat().st_size:,} bytes); check the file")
    yield from progress(once(members, str(path)), desc=f"read {path.name}")


def is_tar(path: Path) -> bool:
    """Whether a file begins as a tar. Raises UserError for a compressed one that is damaged at its beginning.

    Looked at before zip: a tar whose last member is a zip ends as one.
    """
    opener, (place, text) = opener_of(path), USTAR
    try:
        with opener(path) if opener else path.open("rb") as stream:
            beginning = bytes(stream.read(tarfile.BLOCKSIZE))
    except DAMAGE as error:
        raise damaged_archive(path, error) from error
    return beginning[place:].startswith(text) or bool(not zipfile.is_zipfile(path) and old_tar(beginning))


def old_tar(block: bytes) -> bool:
    """Whether the first block has the checksum of a tar header, as of one older than USTAR."""
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def archives(
    uris: str | list[str],
    hashes: str | list[str | None] | None,
    cache: Path,
    read: Callable[[Path], Iterator[Member]],
) -> tuple[dict[str, Any], Iterator[Member]]:
    """Fetch one or several archives; return what source.json records of them, and their images.

    `read` gives the images of one of them. Those of several lie below the name of their archive, so that train.zip
    and test.zip are splits.
    Raises UserError; see `fetched` and `archive_members`.
    """
    if isinstance(uris, str):
        path = fetched(uris, hashes if isinstance(hashes, str) else None, cache)
        return {"uri": shown(uris), "sha256": digest(path)}, read(path)
    wanted = hashes if isinstance(hashes, list) else [None] * len(uris)
    paths = [fetched(uri, sha256, cache) for uri, sha256 in zip(uris, wanted, strict=True)]
    found = [{"uri": shown(uri), "sha256": digest(path)} for uri, path in zip(uris, paths, strict=True)]
    members = (partial(below, stem(uri), read(path)) for uri, path in zip(uris, paths, strict=True))
    return {"uri": ", ".join(map(shown, uris)), "archives": found}, (one for each in members for one in each())


def below(folder: str, members: Iterable[Member]) -> Iterator[Member]:
    """Yield the images of an archive with a folder before their names."""
    for member in members:
        yield replace(member, name=f"{folder}/{member.name}")


def stem(uri: str) -> str:
    """Name of an archive without its suffixes: train of https://host/train.tar.gz."""
    path = PurePosixPath(unquote(urlparse(uri).path) if "://" in uri else uri)
    while path.suffix.lower() in ARCHIVE_SUFFIXES:
        path = path.with_suffix("")
    return path.name


def problem(uris: str | list[str], hashes: str | list[str | None] | None) -> str | None:
    """What is wrong with archives and their hashes, as a rule of `Options`, or None."""
    n_uris, n_hashes = (len(value) if isinstance(value, list) else None for value in (uris, hashes))
    if hashes is not None and n_uris != n_hashes:
        counted = "one archive" if n_uris is None else f"{n_uris} archives"
        return f"sha256 must be null or as many as the archives, got {n_hashes or 'one'} for {counted}"
    names = [stem(uri) for uri in uris] if isinstance(uris, list) else []
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"two archives are called {twice[0]!r}, which is the folder of their images; rename one" if twice else None
