"""The door of the server: its page, its limits, and MLflow's own scoring server behind them.

Only a few paths lead through, as FastAPI would add pages that ask other servers for scripts. Every error is JSON with a
sentence, whoever raised it.
"""

import base64
import hashlib
import re
from typing import Any

from stages.core.serving.refusing import Refused, as_json, sentence_of
from stages.core.serving.requests import JSON, Gone, Receive, Scope, Send, for_mlflow, header, read
from stages.core.settings.serve_options import Serve

PAGE, ASK = "/", "/invocations"
MLFLOW = ("/health", "/ping", "/version")
SAFE = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-store")]


class Front:
    """An ASGI application before another one: `mlflow` is asked only what has been looked at."""

    def __init__(self, mlflow: Any, page: str, limits: Serve) -> None:
        self.mlflow, self.page, self.limits = mlflow, page.encode(), limits
        self.policy, self.n_waiting = policy(page).encode(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that is refused gets a status and a sentence."""
        try:
            await self.answer(scope, receive, send)
        except Refused as refused:
            await respond(send, refused.status, refused.body, JSON, [(b"connection", b"close")])
        except Gone:
            pass

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request where it belongs. Raises Refused, Gone."""
        path, method = scope["path"], scope["method"]
        allowed = {PAGE: ("GET", "HEAD"), ASK: ("POST",), **dict.fromkeys(MLFLOW, ("GET",))}.get(path)
        if allowed is None:
            raise Refused(404, f"there is {PAGE}, {ASK} and {', '.join(MLFLOW)} here")
        if method not in allowed:
            raise Refused(405, f"{path} takes {allowed[0]}, got {method}")
        if path == PAGE:
            headers = [(b"content-security-policy", self.policy)]
            await respond(send, 200, self.page, "text/html; charset=utf-8", headers)
        elif path == ASK:
            await self.ask(scope, receive, send)
        else:
            await self.mlflow(scope, receive, send)

    async def ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a request about images and let MLflow's server answer it. Raises Refused, Gone."""
        if self.n_waiting >= self.limits.max_waiting:
            raise Refused(503, f"{self.n_waiting} requests are waiting already; come back in a moment")
        self.n_waiting += 1
        try:
            body = for_mlflow(header(scope, b"content-type"), await read(scope, receive, self.limits))
            await self.mlflow(as_sent(scope, body), once(body), in_sentences(send))
        finally:
            self.n_waiting -= 1


def as_sent(scope: Scope, body: bytes) -> Scope:
    """The same request, as if this body had been sent as JSON."""
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"content-type", b"content-length")]
    more = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode())]
    return {**scope, "headers": kept + more}


def once(body: bytes) -> Receive:
    """A body that has been read, to be read again."""
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    return receive


def in_sentences(send: Send) -> Send:
    """Pass an answer on; an error as JSON with a sentence, whatever it was."""
    failed: dict[str, Any] = {"status": None, "body": b""}

    async def passed(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            failed["status"] = message["status"]
        elif failed["status"] is None:
            await send(message)
        else:
            failed["body"] += message.get("body", b"")
            if not message.get("more_body"):
                await respond(send, failed["status"], as_json(sentence_of(failed["body"])), JSON)

    return passed


async def respond(send: Send, status: int, body: bytes, kind: str, headers: list[Any] | None = None) -> None:
    """Send a whole answer."""
    sizes = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*sizes, *SAFE, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})


def policy(page: str) -> str:
    """What the page may do: run its own script and style, show pictures of its own, ask this server. Nothing else."""
    parts = {name: re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL) for name in ("script", "style")}
    hashed = {name: " ".join(f"'sha256-{sha256(text)}'" for text in texts) for name, texts in parts.items()}
    own = f"script-src {hashed['script']}; style-src {hashed['style']}; img-src blob: data:; connect-src 'self'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def sha256(text: str) -> str:
    """A hash as a browser compares it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
