"""One promotion: who is champion now, what the gate says, and the decision written where it counts."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stages.core.auditing.chain import Line
from stages.core.auditing.finding import Unknown, Verdict
from stages.core.auditing.ledger import append
from stages.core.candidates.candidate import Candidate
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import write_json, write_text
from stages.core.governance.card import card
from stages.core.layout import Layout
from stages.core.plain_text import one_line
from stages.core.promoting.carrying_out import carried_out, pending
from stages.core.promoting.contest import Champion, Contest
from stages.core.promoting.decision import as_markdown
from stages.core.promoting.evidence import champion_of, kept
from stages.core.promoting.history import PROMOTION, champions, decisions, may_register, n_tried
from stages.core.promoting.outcome import FAIL, Outcome
from stages.core.reporting.standing import Standing
from stages.core.settings.params import Params
from stages.core.tracking.registry import CHAMPION, Registry, Version


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Keep other promotions of this checkout waiting outside. Raises UserError."""
    lock = layout.main_checkout / ".dvc/tmp/promotion.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise UserError(f"another process promotes a model of this checkout ({lock}); wait for it") from error


def standing_champion(registry: Registry, layout: Layout) -> Version | None:
    """Who is champion now: whom the alias names; where someone has taken it away, the last one of the ledger."""
    lines = decisions(layout, registry.model)
    stack, version = champions(lines), registry.with_alias(CHAMPION)
    if version is None and stack:
        say(f"warning: {registry.model} has no alias {CHAMPION} in MLflow; the ledger's last one is taken for it")
        key = str(stack[-1].body["key"])
        return registry.of_key(key) or Version("none", key, "", "")
    if version and stack and version.key != stack[-1].body["key"] and not pending(registry, layout):
        say(
            f"warning: the alias {CHAMPION} of {registry.model} names version {version.number}, which the ledger does "
            f"not: it was moved by hand, or by a checkout whose ledger is not merged"
        )
    return version


def contest_of(
    registry: Registry, params: Params, candidate: Candidate, audit: Callable[[], list[Verdict]], scratch: Path
) -> Contest:
    """Bring a candidate and the champion of now together."""
    layout, lines = registry.layout, decisions(registry.layout, registry.model)
    version = standing_champion(registry, layout)
    champion = champion_of(registry, lines, version, scratch / "champion") if version else None
    key = str(candidate.record["key"])

    packaged = registry.packaged(key)

    def package() -> Path:
        return registry.fetched(packaged, scratch / "package")

    contest = Contest(layout, params, candidate, champion, audit, package, packaged.model_id)
    contest.n_tried = n_tried(lines, key, champion.key if champion else None, exam_or_none(contest))
    return contest


def exam_or_none(contest: Contest) -> str | None:
    """Hash of the test images, where that can be told."""
    try:
        return contest.exam.digest
    except Unknown:
        return None


def tried(contest: Contest, name: str, check: Callable[[Contest], Outcome]) -> dict[str, Any]:
    """Let a gate judge; what it can't tell, or can't read, is not passed."""
    say(f"promote: {name} …")
    try:
        outcome = check(contest)
    except Unknown as error:
        outcome = Outcome(FAIL, f"can't be told: {error}")
    except Exception as error:  # damaged files make every reader raise its own
        outcome = Outcome(FAIL, f"can't be told: {type(error).__name__}: {one_line(error)[:200]}")
    return outcome.named(name)


def record(registry: Registry, contest: Contest, body: dict[str, Any]) -> Line:
    """Write a decision: its files and the version first, then the line that counts, then the aliases.

    A refusal for want of proof makes no version: its files are kept with the run, and the registry stays as it is.

    Raises UserError where the champion has changed meanwhile, or MLflow or the ledger can't be written.
    """
    unchanged(registry, contest.champion)
    version = registry.registered(body["key"], body["package"]) if may_register(body) else None
    run_id = version.run_id if version else registry.run_of(body["key"]).info.run_id
    place = f"promotion/{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%fZ}"
    with tempfile.TemporaryDirectory() as folder:
        evidence = kept(contest, Path(folder))
        number = version.number if version else None
        body = {**body, "version": number, "artifacts": place, "evidence": evidence}
        write_json(Path(folder) / "decision.json", body)
        write_text(Path(folder) / "decision.md", as_markdown(body))
        write_text(Path(folder) / "model_card.md", card_of(contest))
        registry.keep(run_id, Path(folder), place)
    line = entered(registry.layout, body)
    carried_out(registry, line)
    return line


def entered(layout: Layout, body: dict[str, Any]) -> Line:
    """Write the line of a decision, whatever the last one said. Raises UserError."""
    try:
        return append(layout, PROMOTION, body, lambda _: None)
    except Timeout as error:
        raise UserError(f"nothing was decided: another process holds {layout.ledger}; run it again") from error


def unchanged(registry: Registry, champion: Champion | None) -> None:
    """Raise UserError where the alias has moved since the gate looked at it: on a server, others promote too."""
    now = registry.with_alias(CHAMPION)
    if now and (champion is None or now.key != champion.key):
        raise UserError(f"{registry.model} got another champion meanwhile (version {now.number}); run it again")


def card_of(contest: Contest) -> str:
    """The model card of a candidate, whether it leads the report or not."""
    candidate = contest.candidate
    subject = Standing(candidate.name, contest.evaluation, candidate.record, contest.metrics_or_none())
    try:
        return card(contest.layout, subject, contest.params.tree.evaluate.confidence)
    except (UserError, OSError, KeyError) as error:
        return f"# {candidate.name}\n\nNo card: {error}\n"
