"""The same training again, each in a process of its own: whether it gives the same bytes, and what that costs."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

from stages.core.errors import UserError
from stages.core.training.determinism import Job, Trace, traced

MODES = ("strict", "fast")


def jobs(job: Job, is_network: bool) -> list[Job]:
    """Return the trainings of one entry: each mode twice, in turns, so that a busy machine slows both alike.

    A planted fault stands in the second of strict. A head knows no modes.
    """
    plain = replace(job, threads=None, spoiled=False)
    if not is_network:
        return [plain, job]
    return [replace(kind, determinism=mode) for kind in (plain, job) for mode in MODES]


def run(job: Job) -> Trace:
    """Train in a new process. Raises UserError when that dies."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(traced, job).result()
    except BrokenProcessPool as error:
        raise UserError(
            f"the process that trained {job.entry} died, for want of memory perhaps; name a smaller model"
        ) from error


def difference(one: Trace, other: Trace) -> dict[str, Any] | None:
    """The first step and layer whose hashes differ, or None; step 0 is before the first."""
    for place, (left, right) in enumerate(zip(one.hashes, other.hashes, strict=False)):
        if left != right:
            layer = next((name for name in left if left[name] != right.get(name)), "another set of layers")
            return {"step": place * one.stride, "layer": layer}
    if len(one.hashes) != len(other.hashes):
        return {"step": min(len(one.hashes), len(other.hashes)) * one.stride, "layer": "one training ended there"}
    return None


def cost(strict: list[Trace], fast: list[Trace]) -> dict[str, Any]:
    """CPU seconds of strict and of fast over the same steps, without the first of each, in which they are traced."""
    spent = {
        mode: [round(sum(trace.cpu_s[1:]), 3) for trace in of] for mode, of in zip(MODES, (strict, fast), strict=True)
    }
    total = sum(spent["fast"])
    return {"cpu_s": spent, "strict_over_fast": round(sum(spent["strict"]) / total, 3) if total else None}


def verdict(name: str, traces: list[Trace]) -> dict[str, Any]:
    """What the trainings of one entry, in the order of `jobs`, say."""
    failure = next((trace.failure for trace in traces if trace.failure), None)
    about: dict[str, Any] = {"model": name, "failure": failure}
    if failure:
        return about
    if len(traces) == 2:
        return {**about, "steps": 1, "strict": difference(*traces), "fast": None, "cost": None}
    strict, fast = traces[0::2], traces[1::2]
    steps = min(len(trace.cpu_s) for trace in strict) * strict[0].stride
    both = {mode: difference(*of) for mode, of in zip(MODES, (strict, fast), strict=True)}
    return {**about, "steps": steps, **both, "cost": cost(strict, fast)}


def verdicts(planned: dict[str, list[Job]]) -> Iterator[tuple[str, Trace | dict[str, Any]]]:
    """Run every training of every entry: yields each trace as it ends, and after the last of an entry its verdict."""
    for name, of in planned.items():
        traces = []
        for job in of:
            traces.append(run(job))
            yield name, traces[-1]
        yield name, verdict(name, traces)
