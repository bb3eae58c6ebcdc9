"""Answers as a stream: all cores decode while the network predicts, and only a few hundred images are in memory.

Threads are enough: JPEG and PNG are decoded, and a graph runs, without Python's lock.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from stages.core.errors import UserError
from stages.core.images.decoding import NotAnImage
from stages.core.ingest.source import Member, batched
from stages.core.tracking.served_model import ServedModel

DECODED = 64  # images a task of a thread
AHEAD = 4  # tasks a core that may be waiting, decoded: bounds what is held in memory
PREDICTED = 256  # images that the network is given at once


@dataclass(frozen=True)
class Seen:
    """An image as the model sees it, uint8 [H, W, C], or why it can't be read."""

    name: str
    pixels: np.ndarray | None
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """What was said of one image: probabilities float32 [K] and the pixels they are of, or why it can't be read."""

    name: str
    probabilities: np.ndarray | None
    pixels: np.ndarray | None
    error: str = ""


def answers(model: ServedModel, members: list[Member]) -> Iterator[Answer]:
    """Yield an answer an image, in order."""
    for batch in batched((one for chunk in decoded(model, members) for one in chunk), PREDICTED):
        good = [one.pixels for one in batch if one.pixels is not None]
        said = iter(model.probabilities(np.stack(good)) if good else [])
        for one in batch:
            yield Answer(one.name, None if one.pixels is None else next(said), one.pixels, one.error)


def decoded(model: ServedModel, members: list[Member]) -> Iterator[list[Seen]]:
    """Yield images as the model takes them, a task at a time and in order, decoded ahead by all cores."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    tasks = batched(members, DECODED)
    with ThreadPoolExecutor(n_cores, "decode") as pool:
        try:
            waiting = deque(pool.submit(seen, model, task) for task in islice(tasks, n_cores * AHEAD))
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(seen, model, task) for task in islice(tasks, 1))
                yield done
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def seen(model: ServedModel, members: list[Member]) -> list[Seen]:
    """Read and decode some images; an error is part of the answer."""
    return [one(model, member) for member in members]


def one(model: ServedModel, member: Member) -> Seen:
    """The same of one image."""
    try:
        return Seen(member.name, model.pixels(member.read() if member.read else b""))
    except (NotAnImage, UserError, OSError) as error:
        return Seen(member.name, None, str(error))
