"""alias: whom `champion` and `challenger` name in MLflow's registry <-> the decisions of the ledger."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.chain import Line
from stages.core.auditing.finding import Found, Unknown
from stages.core.errors import UserError
from stages.core.promoting.carrying_out import may_stand, undone
from stages.core.promoting.history import REFUSED, in_registry, last_change, of_model
from stages.core.tracking.registry import CHALLENGER, CHAMPION, Registry, Version

PLACE = 157


def check(audited: Audited, found: Found) -> str:
    """Compare each alias with the last decision about it. Raises Unknown where the registry can't be read."""
    try:
        return compared(audited, Registry(audited.layout, audited.params), found)
    except UserError as error:
        raise Unknown(str(error)) from error


def compared(audited: Audited, registry: Registry, found: Found) -> str:
    """Look at both aliases; a decision that MLflow has not taken yet leaves open what they should be.

    Raises Unknown where the last decision was made in another checkout, UserError where MLflow fails.
    """
    lines, (time, _, mark) = of_model(audited.lines, registry.model), registry.mark().partition(" ")
    if mark and all(line.hash != mark for line in lines):
        raise Unknown(
            f"the last decision that MLflow knows ({time[:16]}) is in no ledger here; `git pull` may bring it"
        )
    left, champion = undone(lines, time), registry.with_alias(CHAMPION)
    change, told = last_change(left), [f"decisions about {registry.model}: {len(lines)}"]
    if left:
        found.unknown.append(
            f"{len(left)} decisions of the ledger are not in MLflow yet; `imagetrail sync` brings them"
        )
    if change is None or (champion and champion.key not in may_stand(lines, time)):
        told.append(held(audited, CHAMPION, (champion, last_change(lines)), registry.versions(), found))
    challenger = registry.with_alias(CHALLENGER)
    if challenger and not left:  # none is right, too: a store that was lost gets only the last decision back
        told.append(
            held(audited, CHALLENGER, (challenger, last_refusal(lines, challenger)), registry.versions(), found)
        )
    return "; ".join(told)


def last_refusal(lines: list[Line], version: Version) -> Line | None:
    """The last time that this candidate was refused; else anybody was. A later one need not have reached this store."""
    refused = [line for line in reversed(lines) if line.body["what"] == REFUSED and in_registry(line)]
    own = (line for line in refused if line.body["package"] == version.package or line.body["key"] == version.key)
    return next(own, refused[0] if refused else None)


def held(
    audited: Audited, alias: str, sides: tuple[Version | None, Line | None], versions: list[Version], found: Found
) -> str:
    """Hold the version that an alias names against the decision about it; returns how they agree."""
    version, line = sides
    if right(version, line, versions):
        return f"{alias} is {line.body['candidate'] if line else 'nobody'}, as the ledger says"
    named = f"version {version.number} ({name_of(audited, version.key)})" if version else "nobody"
    decided = f"line {line.hash[:12]} made it {line.body['candidate']}" if line else "no line made anyone that"
    found.alarm(f"{alias} names {named} in MLflow, and in the ledger {decided}: it was moved around the gate")
    return ""


def right(version: Version | None, line: Line | None, versions: list[Version]) -> bool:
    """Whether a version is what a decision was about: its package, or where that went with a store, its candidate."""
    if version is None or line is None:
        return version is None and line is None
    known = line.body["package"] in {one.package for one in versions}
    return version.package == line.body["package"] if known else version.key == line.body["key"]


def name_of(audited: Audited, key: str) -> str:
    """The name of a candidate, where the ledger knows its key."""
    lines = (line for line in audited.lines if "candidate" in line.body and line.body.get("key") == key)
    return next((str(line.body["candidate"]) for line in lines), "of no candidate that the ledger knows")
