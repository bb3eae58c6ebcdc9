"""What is not answered, and why: a status of HTTP and a sentence."""

import json
from typing import Any

from stages.core.images.decoding import NotAnImage
from stages.core.images.header import size
from stages.core.settings.serve_options import Serve

MOST_SAID = 300  # characters of an error that is not ours


class Refused(Exception):
    """A request that is not answered: 4xx where the caller can mend it, 5xx where not."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence

    @property
    def body(self) -> bytes:
        """What the caller gets."""
        return as_json(self.sentence)


def as_json(sentence: str) -> bytes:
    """An error as the body of an answer."""
    return json.dumps({"error": sentence}, ensure_ascii=False).encode()


def check_images(files: list[bytes], limits: Serve) -> None:
    """Raise Refused for too many images, too many pixels or what is no image, by headers alone."""
    if not files:
        raise Refused(400, "no image was sent")
    if len(files) > limits.max_images:
        raise Refused(413, f"{len(files):,} images are more than the {limits.max_images:,} that a request may hold")
    n_pixels = 0
    for number, data in enumerate(files):
        n_pixels += area(f"image {number}" if len(files) > 1 else "the image", data)
        if n_pixels > limits.max_pixels:
            raise Refused(413, f"{n_pixels:,} pixels are more than the {limits.max_pixels:,} that a request may hold")


def area(named: str, data: bytes) -> int:
    """Pixels that the header of an image claims. Raises Refused for what is no image."""
    try:
        width, height = size(data)
    except NotAnImage as error:
        raise Refused(422, f"{named} can't be read: {error}") from error
    return width * height


def sentence_of(body: bytes) -> str:
    """The reason in an answer of MLflow's or FastAPI's server, without what was sent and without a traceback."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        told = body.decode(errors="replace")
    if isinstance(told, dict):
        told = told.get("error") or told.get("message") or told.get("detail") or "the request could not be answered"
    text = str(told).partition("\nInput:")[0].rpartition("\nError: ")[2]
    return " ".join(text.split())[:MOST_SAID] or "the request could not be answered"
