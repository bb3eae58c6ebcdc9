"""Work on many images by all cores, a few tasks at a time, in order."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Any

CHUNK = 256  # images a task of a worker: about 20 ms of work
ALONE = 4000  # below this many images, starting workers costs more than they save
AHEAD = 4  # tasks a worker may have waiting: bounds what is held in memory


def mapped(work: Any, tasks: Iterable[Any], n_images: int, n_workers: int | None = None) -> Iterator[Any]:
    """Yield work(task) in order: in worker processes where the images are many, else here.

    Only a few tasks are under way at a time, so neither tasks nor results pile up.
    """
    n_workers = n_workers or len(os.sched_getaffinity(0))
    if n_images < ALONE or n_workers == 1:
        yield from map(work, tasks)
        return
    left = iter(tasks)
    with ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = deque(pool.submit(work, task) for task in islice(left, n_workers * AHEAD))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(work, task) for task in islice(left, 1))
            yield done
