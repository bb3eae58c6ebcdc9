"""What the ledger says of earlier promotions: who was champion when, and who was tried against whom.

The ledger is the truth: a decision counts once its line is written, and MLflow's aliases are made to follow it.
"""

from collections.abc import Iterable
from typing import Any

from stages.core.auditing.chain import Line, read_chain
from stages.core.layout import Layout

PROMOTION = "promotion"  # kind of a line
PROMOTED, FORCED, ROLLED_BACK, REFUSED = "promoted", "forced", "rolled back", "refused"
MADE_CHAMPION = (PROMOTED, FORCED)
PROVING = ("same_images", "lineage", "served")  # gates without which nothing is known of a model in the registry


def decisions(layout: Layout, model: str) -> list[Line]:
    """Lines of the ledger about one registered model, in the order in which they were decided."""
    return of_model(read_chain(layout.ledger).lines, model)


def of_model(lines: list[Line], model: str) -> list[Line]:
    """Decisions about one registered model, in the order in which they were made.

    In a file that git has merged, a later line of one branch may stand before an earlier one of the other. So they are
    sorted by time; by the chain where a clock was set back.
    """
    since: dict[str, str] = {}
    for line in lines:
        since[line.hash] = max([line.time, *(since.get(before, "") for before in line.previous)])
    own = [line for line in lines if line.kind == PROMOTION and line.body.get("model") == model]
    return sorted(own, key=lambda line: since[line.hash])


def may_register(body: dict[str, Any]) -> bool:
    """Whether the registry takes the model of a decision: a champion, or one that was compared in full and lost."""
    return body["what"] != REFUSED or not set(PROVING) & set(body["failed"])


def in_registry(line: Line) -> bool:
    """Whether a decision has a version in the registry; those of before this rule all have one."""
    return line.body.get("version") is not None


def last_change(lines: list[Line]) -> Line | None:
    """The last decision that changed the champion."""
    return next((line for line in reversed(lines) if line.body["what"] != REFUSED), None)


def champion_said(lines: list[Line]) -> str:
    """The champion of the registry in words, as the ledger knows it; nothing before the first."""
    last = last_change(lines)
    return f"{last.body['candidate']} ({last.body['what']} {last.time[:10]})" if last else ""


def champions(lines: Iterable[Line]) -> list[Line]:
    """Decisions that made the champion of now and those before it: a promotion adds one, a rollback takes it away."""
    stack: list[Line] = []
    for line in lines:
        if line.body["what"] in MADE_CHAMPION:
            stack.append(line)
        elif line.body["what"] == ROLLED_BACK and stack:
            stack.pop()
    return stack


def evidence_of(lines: list[Line], key: str) -> Line | None:
    """The last decision that noted what a candidate answered."""
    return next((line for line in reversed(lines) if line.body["key"] == key and "evidence" in line.body), None)


def n_tried(lines: list[Line], candidate: str, champion: str | None, exam: str | None) -> int:
    """How many candidates, this one included, were held against a champion on the same images; keys each."""
    before = {line.body["key"] for line in lines if "gates" in line.body and against(line.body) == (champion, exam)}
    return len(before | {candidate})


def against(body: dict[str, Any]) -> tuple[str | None, str | None]:
    """Key of the champion that a decision was about, and the exam."""
    return (body["champion"] or {}).get("key"), body.get("exam")
