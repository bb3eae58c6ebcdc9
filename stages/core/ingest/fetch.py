"""Get a file from a URL or a path into a folder: resumable, with a progress bar, checked by its SHA-256.

http(s) by requests; s3, gs and every other protocol by fsspec. Secrets come from the environment (AWS_…,
GOOGLE_APPLICATION_CREDENTIALS, ~/.netrc, or `${NAME}` in a URL); what a URL holds of them is neither said nor recorded.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from stages.core.console import progress, say
from stages.core.errors import UserError
from stages.core.files import CHUNK, digest, remove, text_digest
from stages.core.secrets import filled

TRIES, WAIT_S, TIMEOUT_S = 4, 1.0, 30
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # protocol: extra of pyproject.toml


class FetchError(Exception):
    """A try that failed: why, and whether another one may help."""

    def __init__(self, reason: str, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def shown(uri: str) -> str:
    """Return the URI as it may be said and recorded: without user, password, query and fragment."""
    if "://" not in uri:
        return uri
    parts = urlparse(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], params="", query="", fragment="").geturl()


def is_local(uri: str) -> bool:
    """Whether it is a path or file://."""
    return "://" not in uri or urlparse(uri).scheme == "file"


def fetched(uri: str, sha256: str | None, cache: Path) -> Path:
    """Return the path of the file behind `uri`, fetched into `cache` where it isn't local.

    Raises UserError when it can't be had or its hash is not `sha256`. A cut download leaves a `.part`
    file in `cache`, with which the next call goes on.
    """
    if is_local(uri):
        path = Path(unquote(urlparse(uri).path) if "://" in uri else uri).expanduser()
        if not path.is_file():
            raise UserError(f"{uri}: no such file; give a path that exists, or a URL")
    else:
        path = cache / text_digest(uri)[:12] / (Path(unquote(urlparse(uri).path)).name or "download")
        if not (path.exists() and sha256 and digest(path) == sha256):
            download(filled(uri), path)
    got = digest(path) if sha256 else None
    if got != sha256:
        None if is_local(uri) else remove(path.parent)
        raise UserError(
            f"{shown(uri)}: its SHA-256 is {got}, and params.yaml says {sha256}: another file, or a damaged one"
        )
    return path


def download(uri: str, path: Path) -> None:
    """Fetch `uri` into `path`, going on where an earlier try stopped. Raises UserError after the last try."""
    rest = http_rest if urlparse(uri).scheme in ("http", "https") else object_rest
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for n_try in range(1, TRIES + 1):
        try:
            rest(uri, part)
            part.replace(path)
            part.with_suffix(".etag").unlink(missing_ok=True)
            return
        except FetchError as error:
            if not error.again or n_try == TRIES:
                raise UserError(
                    f"{shown(uri)} could not be fetched ({error}, try {n_try} of {TRIES}); "
                    "check the address and the network, or give the path of a file you have"
                ) from error
            say(f"{shown(uri)}: {error}; trying again in {WAIT_S * 2**n_try:.0f} s")
            time.sleep(WAIT_S * 2**n_try)


def append(part: Path, pieces: Iterable[bytes], start: int, total: int | None) -> None:
    """Write pieces from byte `start` on, behind a bar. Raises FetchError when they end before `total`."""
    left = -(-(total - start) // CHUNK) if total else None
    with part.open("ab" if start else "wb") as stream:
        for piece in progress(pieces, total=left, desc=f"fetching {part.stem}", unit="MB"):
            stream.write(piece)
    if total and part.stat().st_size < total:
        raise FetchError(f"ended after {part.stat().st_size:,} of {total:,} bytes", again=True)


def http_rest(url: str, part: Path) -> None:
    """Append to `part` what is missing of `url`. Raises FetchError."""
    import requests

    try:
        http_append(url, part)
    except requests.RequestException as error:
        status = getattr(error.response, "status_code", None)
        if status == 416:
            part.unlink(missing_ok=True)  # the server's file is shorter than ours: begin anew
        refused = status is not None and 400 <= status < 500 and status not in (408, 416, 429)
        hopeless = refused or isinstance(error, ValueError)  # requests' errors of an address that can't be one
        raise FetchError(f"HTTP status {status}" if status else type(error).__name__, not hopeless) from error


def http_append(url: str, part: Path) -> None:
    """As `http_rest`. Raises requests.RequestException."""
    import requests

    have, tag = part.stat().st_size if part.exists() else 0, part.with_suffix(".etag")
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    if have and tag.exists():  # a file that has changed since comes whole, not as the tail of another
        headers["If-Range"] = tag.read_text()
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        answer.raise_for_status()
        tag.write_text(answer.headers["ETag"]) if "ETag" in answer.headers else tag.unlink(missing_ok=True)
        start = have if answer.status_code == 206 else 0
        left = int(answer.headers.get("Content-Length", 0))
        append(part, answer.iter_content(CHUNK), start, left and start + left)


def object_rest(uri: str, part: Path) -> None:
    """Append to `part` what is missing of an object behind fsspec. Raises FetchError, UserError on no file system."""
    store, path = file_system(uri)
    try:
        store.invalidate_cache()
        size, key = store.info(path)["size"], store.ukey(path)
        have, tag = part.stat().st_size if part.exists() else 0, part.with_suffix(".etag")
        start = have if tag.exists() and tag.read_text() == key and have <= (size or 0) else 0
        tag.write_text(key)
        with store.open(path, "rb") as remote:
            remote.seek(start)
            append(part, iter(lambda: remote.read(CHUNK), b""), start, size)
    except FetchError:
        raise
    except Exception as error:  # the libraries behind fsspec have no error in common
        final = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | ValueError | TypeError)
        raise FetchError(type(error).__name__, again=not final) from error


def file_system(uri: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URI and the path in it. Raises UserError when there is none for it."""
    from fsspec.core import url_to_fs

    protocol = urlparse(uri).scheme
    try:
        found: tuple[Any, str] = url_to_fs(uri)
        return found
    except ImportError as error:
        advice = f"run `pip install -e '.[{EXTRAS[protocol]}]'`" if protocol in EXTRAS else str(error)
        raise UserError(f"{shown(uri)}: {protocol}:// needs a package that is not installed; {advice}") from error
    except ValueError as error:
        raise UserError(
            f"{shown(uri)}: no way is known to read {protocol}://; give a path, http(s)://, s3:// or gs://"
        ) from error
