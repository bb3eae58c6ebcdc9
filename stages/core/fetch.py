"""Get a file from a URL or a path into a folder: resumable, with a progress bar, checked by its SHA-256."""

import time
from pathlib import Path
from urllib.parse import unquote, urlparse

from stages.core.console import progress, say
from stages.core.errors import UserError
from stages.core.files import CHUNK, digest, remove, text_digest

TRIES, WAIT_S, TIMEOUT_S = 4, 1.0, 30


def fetched(uri: str, sha256: str | None, cache: Path) -> Path:
    """Return the path of the file behind `uri`, fetched into `cache` where it isn't local.

    Raises UserError when it can't be had or its hash is not `sha256`. A cut download leaves a `.part`
    file in `cache`, with which the next call goes on.
    """
    parts = urlparse(uri)
    if parts.scheme in ("http", "https"):
        path = cache / text_digest(uri)[:12] / (Path(unquote(parts.path)).name or "download")
        if not (path.exists() and sha256 and digest(path) == sha256):
            download(uri, path)
    else:
        path = Path(unquote(parts.path) if parts.scheme == "file" else uri).expanduser()
        if not path.is_file():
            raise UserError(f"{uri}: no such file; give a path that exists, or a URL")
    got = digest(path) if sha256 else None
    if got != sha256:
        if parts.scheme in ("http", "https"):
            remove(path.parent)
        raise UserError(f"{uri}: its SHA-256 is {got}, and params.yaml says {sha256}: another file, or a damaged one")
    return path


def download(url: str, path: Path) -> None:
    """Fetch `url` into `path`, going on where an earlier try stopped. Raises UserError after the last try."""
    import requests

    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for n_try in range(1, TRIES + 1):
        try:
            fetch_rest(url, part)
            part.replace(path)
            return
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            refused = status is not None and 400 <= status < 500 and status not in (408, 416, 429)
            hopeless = refused or isinstance(error, ValueError)  # requests' errors of an address that can't be one
            if hopeless or n_try == TRIES:
                reason = f"HTTP status {status}" if status else type(error).__name__
                raise UserError(
                    f"{url} could not be fetched ({reason}, try {n_try} of {TRIES}); "
                    "check the address and the network, or give the path of a file you have"
                ) from error
            if status == 416:
                part.unlink(missing_ok=True)  # the server's file is shorter than ours: begin anew
            say(f"{url}: {type(error).__name__}; trying again in {WAIT_S * 2**n_try:.0f} s")
            time.sleep(WAIT_S * 2**n_try)


def fetch_rest(url: str, part: Path) -> None:
    """Append to `part` what is missing of `url`. Raises requests.RequestException."""
    import requests

    have, tag = part.stat().st_size if part.exists() else 0, part.with_suffix(".etag")
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    if have and tag.exists():  # a file that has changed since comes whole, not as the tail of another
        headers["If-Range"] = tag.read_text()
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        answer.raise_for_status()
        resumed = answer.status_code == 206
        tag.write_text(answer.headers["ETag"]) if "ETag" in answer.headers else tag.unlink(missing_ok=True)
        left = int(answer.headers.get("Content-Length", 0))
        total = left + (have if resumed else 0)
        with part.open("ab" if resumed else "wb") as stream:
            pieces = answer.iter_content(CHUNK)
            for piece in progress(pieces, total=-(-left // CHUNK) or None, desc=f"fetching {part.stem}", unit="MB"):
                stream.write(piece)
    if total and part.stat().st_size < total:
        raise requests.ConnectionError(f"{url} ended after {part.stat().st_size:,} of {total:,} bytes")
