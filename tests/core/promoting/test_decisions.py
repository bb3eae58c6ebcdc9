"""A decision, from the gate to MLflow's aliases, over a real store: whole, or mended by the next one."""

import shutil

import pytest

from stages.commands.audit import judged
from stages.core.auditing.audited import Audited
from stages.core.auditing.chain import read_chain
from stages.core.auditing.finding import ALARM, Verdict
from stages.core.auditing.ledger import append
from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.promoting.carrying_out import mend, mend_registry, pending
from stages.core.promoting.decision import By, body_of
from stages.core.promoting.history import decisions
from stages.core.promoting.promotion import contest_of, record, tried
from stages.core.promoting.rolling_back import roll_back
from stages.core.tracking.registry import CHALLENGER, CHAMPION, Registry
from stages.core.tracking.store import connect
from stages.gates import better, calibration, classes, lineage, same_images
from stages.links import alias
from tests.contests import FINE, candidate, contest, limits, manifest, package_of, run_of
from tests.stores import mlflow_server, stop

pytestmark = pytest.mark.slow
PARAMS = limits(classes={"max_drop": 1.0, "min_recall": 0.0})
GATES = (
    ("same_images", same_images), ("lineage", lineage), ("better", better), ("classes", classes),
    ("calibration", calibration),
)  # fmt: skip
TAMPERED = [Verdict("outs", ALARM, ["data/candidates/new: expected 1, got 2"], [])]
WRITES = ("registered", "keep", "describe", "tag_run", "point", "let_go", "set_mark")
WRONG = {"old": list(range(10)), "new": [1], "twin": [2], "bad": list(range(30))}
ADA = By("Ada", "to *test* <b>it</b>", force=True)


class Killed(BaseException):
    """The process ends here."""


class Breaking(Registry):
    """A registry that dies at the n-th thing it would write."""

    left = 10**9

    def __getattribute__(self, name):
        if name in WRITES:
            if self.left == 0:
                raise Killed(name)
            self.left -= 1
        return super().__getattribute__(name)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four candidates with runs and packaged models, and nothing promoted; where a test leaves it, the next begins."""
    root = tmp_path_factory.mktemp("promoting")
    manifest(root)
    for name, wrong in WRONG.items():
        candidate(root, name, wrong)
    store = connect(Layout(root), PARAMS)
    for name in WRONG:
        run_of(root, store.client, store.experiment_id, name)
    shutil.copy(root / "mlflow.db", root / "fresh.db")
    return root


@pytest.fixture
def root(made, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(made / "fresh.db", made / "mlflow.db")
    for path in (Layout(made).ledger, Layout(made).ledger_copy):
        path.unlink(missing_ok=True)
    return made


def registry(root, kind=Registry):
    return kind(Layout(root), PARAMS)


def promote(root, name, by=None, over=None, verdicts=FINE):
    """Judge and record; returns the line."""
    over, by = over or registry(root), by or By()
    own = contest_of(over, PARAMS, contest(root, name).candidate, lambda: verdicts, root / "scratch")
    gates = [tried(own, gate, module.check) for gate, module in GATES]
    return record(over, own, body_of(own, over.model, gates, by))


def standing(root):
    """Who is champion and challenger, by name."""
    found, names = registry(root), {contest(root, name).candidate.record["key"]: name for name in WRONG}
    held = {alias: found.with_alias(alias) for alias in (CHAMPION, CHALLENGER)}
    return tuple(names[version.key] if version else None for version in held.values())


def audited(root):
    """What the audit says of the aliases."""
    return judged(Audited(Layout(root), PARAMS, contest(root, "old").candidate, root / "scratch"), "alias", alias)


def test_first_champion_refusal_promotion_and_rollback(root):
    """Aliases follow the decisions, and the audit agrees; nobody comes before the first champion."""
    assert audited(root).verdict == "ok"
    with pytest.raises(UserError, match="no champion to roll back"):
        roll_back(registry(root), Layout(root), By())
    assert promote(root, "old").body["what"] == "promoted" and standing(root) == ("old", None)
    assert audited(root).said == ["decisions about pets: 1; champion is old, as the ledger says"]
    assert promote(root, "bad").body["failed"] == ["better"] and standing(root) == ("old", "bad")
    assert promote(root, "new").body["what"] == "promoted" and standing(root) == ("new", "bad")
    assert audited(root).verdict == "ok"
    assert promote(root, "twin").body["what"] == "refused" and standing(root) == ("new", "twin")
    assert audited(root).said[0].endswith("champion is new, as the ledger says; challenger is twin, as the ledger says")
    assert promote(root, "twin", ADA).body["what"] == "forced" and standing(root) == ("twin", None)
    assert audited(root).verdict == "ok"
    assert roll_back(registry(root), Layout(root), By()).body["candidate"] == "new" and standing(root) == ("new", None)
    assert audited(root).verdict == "ok"
    roll_back(registry(root), Layout(root), By())
    assert standing(root) == ("old", None) and audited(root).verdict == "ok"
    with pytest.raises(UserError, match="first champion"):
        roll_back(registry(root), Layout(root), By())


def test_a_refusal_for_lack_of_lineage_leaves_the_registry_alone(root):
    """No version, no alias; the ledger holds it, the run its files and a tag. One that lost a fair contest stays."""
    line, found = promote(root, "new", verdicts=TAMPERED), registry(root)
    assert line.body["failed"] == ["lineage"] and line.body["version"] is None
    assert found.about is None and found.versions() == [] and pending(found, Layout(root)) == []
    assert audited(root).said == ["decisions about pets: 1; champion is nobody, as the ledger says"]
    run = found.run_of(line.body["key"])
    assert run.data.tags["imagetrail.promotion"].startswith("new is not promoted to champion of pets; not passed: line")
    files = found.ask("list_artifacts", run.info.run_id, line.body["artifacts"])
    assert {item.path.rpartition("/")[2] for item in files} >= {"decision.json", "decision.md"}

    promote(root, "old", ADA)
    promote(root, "bad")
    before = (found.about.last_updated_timestamp, found.mark())
    promote(root, "new", verdicts=TAMPERED)
    assert (found.about.last_updated_timestamp, found.mark()) == before and standing(root) == ("old", "bad")
    assert audited(root).verdict == "ok" and mend(registry(root), Layout(root)) == 0
    assert promote(root, "new", ADA, verdicts=TAMPERED).body["what"] == "forced" and standing(root) == ("new", "bad")


def test_every_decision_is_in_the_ledger_and_on_the_model(root):
    """The line holds verdicts, numbers, limits and hashes; the version links to run, data, card and decision, escaped."""
    promote(root, "old")
    line, found = promote(root, "new", ADA), registry(root)
    version = found.ask("get_model_version", "pets", "2")
    files = {item.path for item in found.ask("list_artifacts", version.run_id, line.body["artifacts"])}

    assert line in decisions(Layout(root), "pets") and not read_chain(Layout(root).ledger).faults
    gate = next(gate for gate in line.body["gates"] if gate["gate"] == "better")
    assert gate["verdict"] == "pass" and gate["numbers"]["gain"] == pytest.approx(9 / 40)
    assert line.body["limits"]["better"]["confidence"] == 0.95 and line.body["evidence"].keys() == {
        "test_answers.parquet", "metrics.json"
    }  # fmt: skip
    assert {path.rpartition("/")[2] for path in files} >= {"decision.json", "decision.md", "model_card.md"}
    assert version.tags["imagetrail.ledger_line"] == line.hash and version.tags["imagetrail.decision"] == "promoted"
    for told in (f"runs/{version.run_id}", "decision.md", "model_card.md", line.body["key"], line.hash, "0.9750"):
        assert told in version.description
    assert found.ask("get_run", version.run_id).data.tags["imagetrail.promotion"].startswith("new is champion of pets")
    assert (
        "until"
        in found.ask("get_run", found.of_key(line.body["champion"]["key"]).run_id).data.tags["imagetrail.promotion"]
    )


def test_a_forced_promotion_is_named_and_marked_and_its_text_is_no_markup(root):
    """Who and why stand in the ledger, on the version and in its description; the gates are told all the same."""
    promote(root, "new")
    line = promote(root, "bad", ADA)
    version = registry(root).ask("get_model_version", "pets", "2")

    assert line.body["what"] == "forced" and line.body["failed"] == ["better"] and line.body["by"] == "Ada"
    assert version.tags["imagetrail.decided_by"] == "Ada" and version.tags["imagetrail.why"] == ADA.why
    assert "FORCED by Ada" in version.description and "to \\*test\\* &lt;b&gt;it" in version.description


@pytest.mark.parametrize(
    ("name", "by"), [("new", By()), ("bad", By()), ("bad", ADA)], ids=["promote", "refuse", "force"]
)
def test_a_decision_that_is_cut_short_is_mended(root, name, by):
    """Killed at each thing it writes: before the line nothing has happened, after it the next one carries it out."""
    promote(root, "old")
    before, n_lines, n_broken = standing(root), len(decisions(Layout(root), "pets")), 0
    shutil.copy(root / "mlflow.db", root / "first.db")
    ledger = Layout(root).ledger.read_bytes()
    promote(root, name, by)
    after = standing(root)
    for left in range(20):
        shutil.copy(root / "first.db", root / "mlflow.db")
        for path in (Layout(root).ledger, Layout(root).ledger_copy):
            path.write_bytes(ledger)
        breaking = registry(root, Breaking)
        breaking.left = left
        try:
            promote(root, name, by, breaking)
        except Killed:
            n_broken += 1
        counts = len(decisions(Layout(root), "pets")) > n_lines
        assert audited(root).verdict in ("ok", "unknown")
        mend(registry(root), Layout(root))
        assert standing(root) == (after if counts else before), left
        assert mend(registry(root), Layout(root)) == 0 and audited(root).verdict == "ok"
        promote(root, name, by) if not counts else None
        assert standing(root) == after
        if left >= n_broken:
            break

    assert n_broken >= 6


def test_a_store_that_was_lost_gets_its_aliases_back(root):
    """`imagetrail sync` makes the runs anew; the ledger then says who was champion, and who was refused last."""
    promote(root, "old")
    promote(root, "new")
    promote(root, "bad")
    shutil.copy(root / "fresh.db", root / "mlflow.db")
    assert standing(root) == (None, None) and "sync" in audited(root).said[0] and audited(root).verdict == "unknown"
    mend_registry(Layout(root), PARAMS)

    assert standing(root) == ("new", "bad") and audited(root).verdict == "ok"
    assert promote(root, "twin").body["champion"]["name"] == "new"


def test_an_alias_that_was_moved_by_hand_is_told_and_left(root, capsys):
    """The gate compares with what is really served; it is not put back, and a rollback asks for the ledger."""
    promote(root, "old")
    promote(root, "new")
    found = registry(root)
    found.point(CHAMPION, found.of_key(contest(root, "old").candidate.record["key"]))
    assert mend(registry(root), Layout(root)) == 0 and standing(root)[0] == "old"
    told = audited(root)
    assert told.verdict == "ALARM" and "champion names version 1 (old)" in told.said[0]
    assert "made it new: it was moved around the gate" in told.said[0]

    assert promote(root, "twin").body["champion"]["name"] == "old"
    assert "moved by hand" in capsys.readouterr().err
    found.point(CHAMPION, found.of_key(contest(root, "new").candidate.record["key"]))
    with pytest.raises(UserError, match="git pull"):
        roll_back(registry(root), Layout(root), By())


def test_an_alias_that_was_taken_away_is_no_way_around_the_gate(root):
    """Without it, the candidate is held against the last champion of the ledger."""
    promote(root, "new")
    found = registry(root)
    found.let_go(CHAMPION, found.with_alias(CHAMPION))
    assert "champion names nobody in MLflow" in audited(root).said[0]

    assert promote(root, "bad").body["what"] == "refused" and standing(root) == (None, "bad")


def test_a_champion_that_no_ledger_knows_can_only_be_replaced_by_force(root):
    """Somebody else's model under that name has shown nothing to compare with."""
    found = registry(root)
    found.point(CHAMPION, found.registered(contest(root, "old").candidate.record["key"]))
    assert "in the ledger no line made anyone that" in audited(root).said[0]

    told = promote(root, "new").body
    assert told["failed"] == ["same_images", "better", "classes"] and "git pull" in told["gates"][0]["reason"]
    assert promote(root, "new", ADA).body["what"] == "forced" and standing(root) == ("new", None)


def test_a_champion_that_is_packaged_anew_passes_the_gate_again(root):
    """With another temperature it is another model in use: a version of its own, which need not be better than itself."""
    promote(root, "new")
    store, run_id = connect(Layout(root), PARAMS), registry(root).with_alias(CHAMPION).run_id
    package_of(store.client, store.experiment_id, run_id)
    first, line = registry(root).with_alias(CHAMPION), promote(root, "new")
    second = registry(root).with_alias(CHAMPION)

    assert line.body["what"] == "promoted" and line.body["gates"][2]["verdict"] == "none"
    assert (first.number, second.number) == ("1", "2") and first.package != second.package == line.body["package"]
    assert "is champion" in store.client.get_run(run_id).data.tags["imagetrail.promotion"]
    roll_back(registry(root), Layout(root), By())
    assert registry(root).with_alias(CHAMPION) == first


def test_the_package_counts_and_a_challenger_that_nobody_refused_is_told(root):
    """The alias on another package of the same candidate is another model in use; so is one that was never refused."""
    promote(root, "new")
    store, run_id = connect(Layout(root), PARAMS), registry(root).with_alias(CHAMPION).run_id
    package_of(store.client, store.experiment_id, run_id)
    found = registry(root)
    found.point(CHAMPION, found.registered(contest(root, "new").candidate.record["key"]))
    assert "champion names version 2" in audited(root).said[0]
    found.point(CHAMPION, found.versions()[0])
    assert audited(root).verdict == "ok"

    found.point(CHALLENGER, found.registered(contest(root, "bad").candidate.record["key"]))
    assert "challenger names version 3" in audited(root).said[0]


def test_a_decision_that_git_brought_is_carried_out_and_no_alarm(root):
    """Another checkout, with a store of its own, has promoted since: its line waits, then MLflow here follows it."""
    promote(root, "old")
    shutil.copy(root / "mlflow.db", root / "own.db")
    own = Layout(root).ledger.read_bytes()
    shutil.copy(root / "fresh.db", root / "mlflow.db")
    for path in (Layout(root).ledger, Layout(root).ledger_copy):
        path.unlink()
    promote(root, "new")
    theirs = Layout(root).ledger.read_bytes()
    Layout(root).ledger.write_bytes(theirs + own)  # as git may merge them: the later line first
    shutil.copy(root / "own.db", root / "mlflow.db")

    assert standing(root) == ("old", None) and audited(root).verdict == "unknown"
    mend_registry(Layout(root), PARAMS)
    assert standing(root) == ("new", None) and audited(root).verdict == "ok"
    Layout(root).ledger.write_bytes(own)
    Layout(root).ledger_copy.write_bytes(own)
    assert audited(root).verdict == "unknown" and "git pull" in audited(root).said[0]


def test_a_decision_about_a_model_of_another_store_stops_nothing(root, capsys):
    """Its run was never here: said, and left; the next decision of this checkout is made and carried out all the same."""
    body = dict(promote(root, "old").body)
    append(Layout(root), "promotion", {**body, "candidate": "theirs", "key": "f" * 32, "package": "m-theirs"})

    assert mend(registry(root), Layout(root)) == 0 and standing(root) == ("old", None)
    assert "is not carried out here (theirs is champion" in capsys.readouterr().err
    assert audited(root).verdict == "unknown"
    assert promote(root, "new").body["what"] == "promoted" and standing(root) == ("new", None)
    assert audited(root).verdict == "ok"


def test_evidence_counts_by_its_hash_wherever_it_is(root):
    """The champion's answers are found in MLflow when the checkout has others; edited everywhere, they are gone."""
    promote(root, "old")
    path = Layout(root).evaluation("old") / "test_answers.parquet"
    kept = path.read_bytes()
    path.write_bytes(b"others")
    assert promote(root, "bad").body["failed"] == ["better"]
    copies = list(root.glob("mlruns/*/*/artifacts/promotion/*/test_answers.parquet"))
    texts = [copy.read_bytes() for copy in copies]
    try:
        for copy in copies:
            copy.write_bytes(b"others")
        assert promote(root, "twin").body["failed"] == ["same_images", "better", "classes"]
    finally:
        path.write_bytes(kept)
        for copy, text in zip(copies, texts, strict=True):
            copy.write_bytes(text)


def test_a_champion_that_changes_meanwhile_stops_the_decision(root):
    """On a server others promote too: what was compared with somebody who is champion no more is not written."""
    promote(root, "old")
    own = contest_of(registry(root), PARAMS, contest(root, "twin").candidate, lambda: FINE, root / "scratch")
    body = body_of(own, "pets", [], By())
    promote(root, "new")
    n_lines = len(decisions(Layout(root), "pets"))

    with pytest.raises(UserError, match="another champion meanwhile"):
        record(registry(root), own, body)
    assert len(decisions(Layout(root), "pets")) == n_lines and standing(root) == ("new", None)


def test_over_a_server_all_is_the_same_until_it_dies(root, tmp_path, monkeypatch):
    """Versions, aliases and evidence go through a real server; a decision that its death cuts short is carried out later."""
    with mlflow_server(tmp_path) as (address, process):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        store = connect(Layout(root), PARAMS)
        for name in WRONG:
            run_of(root, store.client, store.experiment_id, name)
        promote(root, "old")
        Layout(root).evaluation("old").rename(root / "aside")
        try:
            assert promote(root, "new").body["what"] == "promoted" and standing(root) == ("new", None)
        finally:
            (root / "aside").rename(Layout(root).evaluation("old"))
        assert (
            registry(root)
            .fetched(registry(root).packaged(contest(root, "new").candidate.record["key"]), tmp_path / "package")
            .exists()
        )
        own, n_lines = registry(root), len(decisions(Layout(root), "pets"))
        stop(process)
        with pytest.raises(UserError, match="run the same command again later"):
            roll_back(own, Layout(root), By())
        assert len(decisions(Layout(root), "pets")) == n_lines
        with pytest.raises(UserError, match="nothing was changed"):
            registry(root)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:///nowhere/mlflow.db"])
def test_a_dead_store_is_a_sentence_and_changes_nothing(root, monkeypatch, uri):
    """Neither ledger nor folder: what can't be compared is not decided."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

    with pytest.raises(UserError, match="nothing was changed"):
        registry(root)
    assert not Layout(root).ledger.exists() and not (root / "nowhere").exists()
