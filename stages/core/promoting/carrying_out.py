"""Letting MLflow follow the ledger: what a decision changes in the registry, and mending after one that was cut short.

A decision is prepared (version, files), then its line is written, then it is carried out, and marked as such. Killed
before the line, it has not happened; killed after it, the next promotion or `imagetrail sync` carries it out. All of
this can be done twice.
"""

from stages.core.auditing.chain import Line
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.promoting.decision import summary
from stages.core.promoting.description import description, version_tags
from stages.core.promoting.history import REFUSED, decisions, in_registry, last_change
from stages.core.settings.params import Params
from stages.core.tracking.registry import CHALLENGER, CHAMPION, Registry, model_name

RUN_TAG = "imagetrail.promotion"


def carry_out(registry: Registry, line: Line) -> None:
    """Make the registry say what a line of the ledger does. Raises UserError; what is missing can be done later."""
    body, told = line.body, {RUN_TAG: f"{summary(line.body)} ({line.time[:16]})"}
    if not in_registry(line):
        registry.tag_run(registry.run_of(body["key"]).info.run_id, told)
        return
    version = registry.registered(body["key"], body["package"])
    registry.describe(version, description(registry, version, line), version_tags(line))
    registry.tag_run(version.run_id, told)
    if body["what"] == REFUSED:
        registry.point(CHALLENGER, version)
    else:
        registry.point(CHAMPION, version)
        registry.let_go(CHALLENGER, version)
        former = registry.of_key(body["champion"]["key"]) if body["champion"] else None
        if former and former.run_id not in ("", version.run_id):
            until = f"was champion of {body['model']} until {line.time[:16]}, when {body['candidate']} took its place"
            registry.tag_run(former.run_id, {RUN_TAG: until})
    registry.set_mark(f"{line.time} {line.hash}")


def marked(registry: Registry) -> str:
    """Time of the last decision that was carried out; nothing before the first."""
    return registry.mark().partition(" ")[0]


def pending(registry: Registry, layout: Layout) -> list[Line]:
    """Decisions in the ledger that the registry does not know of: all of them, where the store is a new one."""
    return undone(decisions(layout, registry.model), marked(registry))


def undone(lines: list[Line], since: str) -> list[Line]:
    """Decisions after the last one that was carried out, but for those that leave the registry as it is."""
    return [line for line in lines if line.time > since and in_registry(line)]


def mend(registry: Registry, layout: Layout) -> int:
    """Carry out what was cut short: the last change of the champion, and the last decision. Returns how many."""
    lines, since = decisions(layout, registry.model), marked(registry)
    left = undone(lines, since)
    if not left:
        return 0
    change, last = last_change(left), left[-1]
    wanted = [line for line in (change, last if last is not change else None) if line]
    now = registry.with_alias(CHAMPION)
    if change and now and now.key not in may_stand(lines, since):
        say(
            f"warning: {CHAMPION} of {registry.model} is version {now.number}, set by somebody else since "
            f"{change.body['candidate']} was {change.body['what']}: that decision is not carried out"
        )
        wanted = [line for line in wanted if line is not change]
        registry.set_mark(f"{last.time} {last.hash}")
    able = [line for line in wanted if possible(registry, line)]
    for line in able:
        say(f"promote: carrying out an earlier decision: {summary(line.body)}")
        carry_out(registry, line)
    return len(able)


def possible(registry: Registry, line: Line) -> bool:
    """Whether this store has the model of a decision: one that git has brought may be about a run of another store."""
    try:
        registry.packaged(line.body["key"], line.body["package"])
    except UserError as error:
        say(f"warning: a decision of the ledger is not carried out here ({summary(line.body)}): {error}")
        return False
    return True


def mend_registry(layout: Layout, params: Params) -> None:
    """Mend where the ledger holds decisions; another store, say, knows nothing of them. Raises UserError."""
    if decisions(layout, model_name(params)):
        mend(Registry(layout, params), layout)


def may_stand(lines: list[Line], since: str) -> set[str]:
    """Keys that the champion may have while decisions wait: of the last one done, and before and after the last change.

    The first differs from the second where git has brought a decision that was made over another store.
    """
    done = last_change([line for line in lines if line.time <= since])
    change = last_change(undone(lines, since))
    former = [change.body["champion"]["key"]] if change and change.body["champion"] else []
    return {*former, *(line.body["key"] for line in (done, change) if line)}


def carried_out(registry: Registry, line: Line) -> None:
    """Carry out a decision that has just been written. Raises UserError that says where it stands."""
    try:
        carry_out(registry, line)
    except UserError as error:
        raise UserError(
            f"the decision is in the ledger (line {line.hash[:12]}), but MLflow has not taken all of it: {error}"
        ) from error
