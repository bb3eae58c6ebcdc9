"""Going back to the champion before this one: no gate, as it has passed one; recorded like any decision."""

from typing import Any

from stages.core.auditing.chain import Line
from stages.core.candidates.machine import in_words
from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.promoting.carrying_out import carried_out
from stages.core.promoting.decision import By
from stages.core.promoting.history import ROLLED_BACK, champions, decisions
from stages.core.promoting.promotion import entered
from stages.core.tracking.registry import CHAMPION, Registry

COPIED = ("candidate", "key", "model_sha256", "package", "about", "artifacts")


def roll_back(registry: Registry, layout: Layout, by: By) -> Line:
    """Give the alias back to the champion before. Raises UserError where the ledger or MLflow knows none."""
    line = entered(layout, body_of(registry, layout, by))
    carried_out(registry, line)
    return line


def body_of(registry: Registry, layout: Layout, by: By) -> dict[str, Any]:
    """What is decided. Raises UserError."""
    stack, now = champions(decisions(layout, registry.model)), registry.with_alias(CHAMPION)
    if not stack or now is None:
        raise UserError(f"{registry.model} has no champion to roll back; `imagetrail promote NAME` makes one")
    own = stack[-1].body
    if now.key != own["key"]:
        raise UserError(
            f"{CHAMPION} of {registry.model} is version {now.number}, and the ledger says {own['candidate']}: merge "
            "the ledger of who promoted it (`git pull`), or promote a candidate by name"
        )
    if len(stack) == 1:
        raise UserError(f"{own['candidate']} is the first champion of {registry.model}: there is none before it")
    before = stack[-2].body
    version = registry.registered(before["key"], before["package"])
    return {
        "what": ROLLED_BACK,
        "model": registry.model,
        **{name: before[name] for name in COPIED},
        "champion": {"name": own["candidate"], "key": own["key"], "version": now.number},
        "version": version.number,
        "machine": in_words(),
        "by": by.name,
        "why": by.why,
    }
