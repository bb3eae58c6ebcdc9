"""What others are told of a model is held against the model: description, card, list of packages and signature."""

import json
import shutil

import pytest

from stages.commands.audit import judged
from stages.commands.sign import check_same
from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import ALARM, OK, UNKNOWN
from stages.core.auditing.ledger import append
from stages.core.candidates.candidate import read_candidate
from stages.core.errors import UserError
from stages.core.files import canonical, write_json, write_text
from stages.core.governance.card import card as card_of
from stages.core.governance.croissant import described
from stages.core.governance.keys import fingerprint, make_keys
from stages.core.governance.sbom import bill, serial_number
from stages.core.governance.signing import SIGNATURE, line_body, sign, signature_path
from stages.core.layout import PROJECT, Layout
from stages.core.reporting.decision import decide
from stages.core.settings.params import load
from stages.links import card, croissant, sbom, signature
from tests.core.governance.data_set import data_set, evaluated

PARAMS = load(PROJECT / "params.yaml")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Candidates with everything that others are told of the champion, and no signature."""
    layout = data_set(tmp_path_factory.mktemp("told"))
    for name in PARAMS.candidates:
        evaluated(layout, name)
    shutil.copy(PROJECT / "requirements.lock", layout.lock)
    write_json(layout.croissant, described(layout))
    champion = decide(layout, PARAMS.candidates, PARAMS.tree.report.champion, PARAMS.tree.evaluate).choice.champion
    write_text(layout.card, card_of(layout, champion, PARAMS.tree.evaluate.confidence))
    write_json(layout.sbom, bill(layout.lock))
    return layout.root


@pytest.fixture
def audited(told, tmp_path):
    """A copy of it, with one candidate under audit."""
    layout = Layout(tmp_path / "project")
    shutil.copytree(told, layout.root)
    return Audited(layout, PARAMS, read_candidate(layout.candidate(PARAMS.candidates[0])), tmp_path)


@pytest.fixture
def signed(audited, tmp_path):
    """The same, signed and entered in the ledger; its key is in keys/."""
    make_keys(tmp_path / "keys", None)
    signed_by(audited, tmp_path / "keys")
    return audited


def signed_by(audited, keys):
    """Sign with a key and enter it in the ledger, as `imagetrail sign` does."""
    who = fingerprint(keys / "public.pem")
    path = signature_path(audited.layout, audited.candidate, who)
    sign(audited.candidate, keys / "private.pem", None, path)
    append(audited.layout, SIGNATURE, line_body(audited.candidate, who, path))
    return path


def verdict(audited, link):
    """The verdict of a link, and all that it says."""
    found = judged(audited, "x", link)
    return found.verdict, " ".join([*found.said, *found.notes])


def test_what_nobody_touched_is_right(audited):
    """Written anew, all three are the same."""
    assert [verdict(audited, link)[0] for link in (croissant, card, sbom)] == [OK, OK, OK]


def test_an_edited_description_is_named_by_its_key(audited):
    """Another licence, and one space more."""
    told = json.loads(audited.layout.croissant.read_text())
    write_json(audited.layout.croissant, {**told, "license": "MIT"})
    assert verdict(audited, croissant) == (ALARM, "croissant.json: license: expected CC0-1.0, got MIT")

    audited.layout.croissant.write_text(canonical(told) + " ")
    assert verdict(audited, croissant)[0] == ALARM


def test_an_edited_card_is_named_by_its_line(audited):
    """A better accuracy, and a limit that was taken out."""
    text = audited.layout.card.read_text()
    audited.layout.card.write_text(text.replace("| accuracy | 0.", "| accuracy | 1."))
    assert verdict(audited, card)[0] == ALARM and "1 differ" in verdict(audited, card)[1]

    audited.layout.card.write_text(text.replace("- no licence is stated for the model", ""))
    assert verdict(audited, card)[0] == ALARM


def test_an_edited_list_of_packages_is_seen(audited):
    """A version, a licence, a hash, though its serial number is made to fit."""
    for name, value in {"version": "0.0.1", "licenses": [{"license": {"id": "MIT"}}], "hashes": []}.items():
        told = json.loads(audited.layout.sbom.read_text())
        next(one for one in told["components"] if one["name"] == "tensorflow")[name] = value
        told["serialNumber"] = serial_number([one for one in told["components"] if one["type"] == "library"])
        write_json(audited.layout.sbom, told)
        assert verdict(audited, sbom)[0] == ALARM, name


def test_another_lock_file_than_listed_is_seen(audited):
    """The list was made with the lock that stands here, or with another."""
    audited.layout.lock.write_text(audited.layout.lock.read_text() + "no-such-package==1.0\n")

    assert verdict(audited, sbom)[0] == ALARM and "no-such-package" in verdict(audited, sbom)[1]


def test_without_a_signature_it_is_unknown_until_a_key_is_named(audited, tmp_path):
    """Nobody asked for one; who names a key does, as who rewrites all can also take a signature away."""
    make_keys(tmp_path / "keys", None)
    assert verdict(audited, signature) == (UNKNOWN, "it is not signed; `imagetrail sign` does it")

    audited.public_key = tmp_path / "keys/public.pem"
    assert verdict(audited, signature)[0] == ALARM


def test_a_signature_counts_only_with_a_key_that_is_named(signed, tmp_path):
    """Without one it is unknown, with the right one right, with another an alarm."""
    assert verdict(signed, signature)[0] == UNKNOWN and "--public-key" in verdict(signed, signature)[1]

    signed.public_key = tmp_path / "keys/public.pem"
    assert verdict(signed, signature)[0] == OK

    make_keys(tmp_path / "other", None)
    signed.public_key = tmp_path / "other/public.pem"
    assert verdict(signed, signature)[0] == ALARM and "not signed by the named key" in verdict(signed, signature)[1]


@pytest.mark.parametrize("named", [True, False], ids=["key named", "no key"])
@pytest.mark.parametrize("what", ["model", "record", "more", "less"])
def test_a_file_that_changed_after_signing_is_named(signed, tmp_path, what, named):
    """The model, its record, one file more or one less; the hashes tell even without the key."""
    folder = signed.candidate.folder
    signed.public_key = tmp_path / "keys/public.pem" if named else None
    if what == "less":
        (folder / "history.csv").unlink()
    else:
        path = folder / {"model": "model.keras", "record": "candidate.json", "more": "more.bin"}[what]
        path.write_bytes(path.read_bytes() + b" " if path.exists() else b"more")

    assert verdict(signed, signature)[0] == ALARM


def test_all_stores_rewritten_consistently_is_caught_by_the_named_key(signed, tmp_path):
    """The model changed, signed anew by another key, ledger without a trace: right to all but the key that is named."""
    signed.layout.ledger.unlink()
    signed.layout.ledger_copy.unlink()
    shutil.rmtree(signed.layout.signatures)
    (signed.candidate.folder / "model.keras").write_bytes(b"another model")
    make_keys(tmp_path / "attacker", None)
    signed_by(signed, tmp_path / "attacker")
    assert verdict(signed, signature)[0] == UNKNOWN

    signed.public_key = tmp_path / "keys/public.pem"
    assert verdict(signed, signature)[0] == ALARM


@pytest.mark.parametrize("edit", ["cut", "hash", "hint"])
def test_an_edited_signature_is_seen(signed, tmp_path, edit):
    """Cut off, another hash in it, or another key's name on it; the ledger has its hash."""
    path = next(signed.layout.signatures.glob("*.sig"))
    text = path.read_text()
    bundle = json.loads(text)
    if edit == "hash":
        bundle["dsseEnvelope"]["payload"] = bundle["dsseEnvelope"]["payload"][:-8] + "AAAAAAA="
    bundle["verificationMaterial"]["publicKey"]["hint"] = "0" * 64 if edit == "hint" else "x"
    path.write_text(text[:100] if edit == "cut" else json.dumps(bundle))

    assert verdict(signed, signature)[0] == ALARM
    signed.public_key = tmp_path / "keys/public.pem"
    assert verdict(signed, signature)[0] == ALARM


def test_a_signature_that_was_taken_away_is_missed(signed):
    """The ledger knows it."""
    shutil.rmtree(signed.layout.signatures)

    assert verdict(signed, signature)[0] == ALARM and "no such file" in verdict(signed, signature)[1]


def test_two_people_can_sign_one_candidate(signed, tmp_path):
    """Each with a file of its own."""
    make_keys(tmp_path / "second", None)
    signed_by(signed, tmp_path / "second")
    for keys in ("keys", "second"):
        signed.public_key = tmp_path / keys / "public.pem"
        assert verdict(signed, signature)[0] == OK


def test_links_to_dvcs_cache_are_the_files_behind_them(signed, tmp_path):
    """Signed as files, checked where DVC has laid symbolic links."""
    model = signed.candidate.folder / "model.keras"
    model.rename(tmp_path / "cached")
    model.symlink_to(tmp_path / "cached")
    signed.public_key = tmp_path / "keys/public.pem"

    assert verdict(signed, signature)[0] == OK


def test_other_bytes_are_not_signed_over(signed):
    """Who signs again is told that what was signed is not what is here."""
    path = next(signed.layout.signatures.glob("*.sig"))
    check_same(signed.candidate, path)
    (signed.candidate.folder / "model.keras").write_bytes(b"another model")

    with pytest.raises(UserError, match="other bytes"):
        check_same(signed.candidate, path)
