"""Requests over HTTP as MLflow's server takes them: read within limits, whatever form the images came in.

An image as it is (`image/jpeg`, …), `{"images": [base64, …]}`, or what MLflow's own protocol knows.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from stages.core.serving.refusing import Refused
from stages.core.settings.serve_options import Serve

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
LINGER_S = 2
JSON, BYTES = "application/json", "application/octet-stream"


class Gone(Exception):
    """The caller went away before everything was sent."""


def header(scope: Scope, name: bytes) -> str:
    """A header's value, without what follows a semicolon; empty where there is none."""
    found = next((value for key, value in scope["headers"] if key == name), b"")
    return str(found.decode("latin-1")).partition(";")[0].strip().lower()


async def read(scope: Scope, receive: Receive, limits: Serve) -> bytes:
    """The body of a request. Raises Refused when it is too long or too slow, Gone."""
    length = header(scope, b"content-length")
    announced = int(length) if length.isdigit() else 0
    try:
        async with asyncio.timeout(limits.timeout_s):
            body = await gathered(receive, 0 if announced > limits.max_body_bytes else limits.max_body_bytes)
    except TimeoutError as error:
        raise Refused(408, f"the request took longer than {limits.timeout_s} s to arrive") from error
    if body is None:
        await forgotten(receive, limits.max_body_bytes)
        raise Refused(413, f"the request holds more than {limits.max_body_bytes:,} bytes")
    return body


async def gathered(receive: Receive, most: int) -> bytes | None:
    """The pieces of a body; None at the first byte too many. Raises Gone."""
    body = bytearray()
    async for piece in pieces(receive):
        body += piece
        if len(body) > most:
            return None
    return bytes(body)


async def forgotten(receive: Receive, most: int) -> None:
    """Let a caller finish a body that is too long, within reason: many read no answer before they have sent all."""
    n_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            async for piece in pieces(receive):
                n_bytes += len(piece)
                if n_bytes > most:
                    return


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """What arrives of a body. Raises Gone."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def for_mlflow(kind: str, body: bytes) -> bytes:
    """A body in the JSON of MLflow's protocol. Raises Refused for another kind, or JSON that is none."""
    if kind.startswith("image/") or kind == BYTES:
        return split([base64.b64encode(body).decode()])
    if kind != JSON:
        raise Refused(415, f"send an image (image/jpeg, image/png, …) or {JSON}, got {kind or 'no content type'!r}")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body is no JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("images"), list):
        return body
    if not all(isinstance(image, str) for image in told["images"]):
        raise Refused(400, "every image must be text in base64")
    return split(told["images"])


def split(images: list[Any]) -> bytes:
    """Images in base64 as a table of one column."""
    rows = [[image] for image in images]
    return json.dumps({"dataframe_split": {"columns": ["image"], "data": rows}}).encode()
