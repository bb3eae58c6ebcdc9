"""Keys: the private one is its owner's alone, and never where git would take it in."""

import stat
import subprocess

import pytest

from stages.core.errors import UserError
from stages.core.governance.keys import PASSWORD, fingerprint, fingerprint_of_private, make_keys, password


def test_a_pair_has_one_fingerprint_and_the_private_one_is_for_its_owner(tmp_path):
    """Mode 0600 in a folder 0700; both files lead to the same fingerprint."""
    found = make_keys(tmp_path / "new", b"correct horse")
    private, public = tmp_path / "new/private.pem", tmp_path / "new/public.pem"

    assert (stat.S_IMODE(private.stat().st_mode), stat.S_IMODE(private.parent.stat().st_mode)) == (0o600, 0o700)
    assert fingerprint(public) == fingerprint_of_private(private, b"correct horse") == found
    assert b"ENCRYPTED" in private.read_bytes() and b"PRIVATE" not in public.read_bytes()


@pytest.mark.parametrize("secret", [None, b"another one"])
def test_a_wrong_or_missing_password_is_a_sentence_without_it(tmp_path, secret):
    """It names the variable, and holds neither password nor key."""
    make_keys(tmp_path / "new", b"correct horse")

    with pytest.raises(UserError, match=PASSWORD) as caught:
        fingerprint_of_private(tmp_path / "new/private.pem", secret)
    assert "another" not in str(caught.value) and "BEGIN" not in str(caught.value)


def test_no_key_is_overwritten(tmp_path):
    """A folder that exists is refused, even an empty one."""
    with pytest.raises(UserError, match="exists"):
        make_keys(tmp_path, None)


def test_git_never_gets_a_private_key(tmp_path):
    """Within a repository only where it is ignored, and nothing is left behind where it is not."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(UserError, match="git repository"):
        make_keys(tmp_path / "deep/er/keys", None)
    assert not (tmp_path / "deep").exists()

    (tmp_path / ".gitignore").write_text("/deep/\n")
    make_keys(tmp_path / "deep/er/keys", None)
    assert (tmp_path / "deep/er/keys/private.pem").exists()


def test_a_password_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    """The file first; an empty or missing one is said."""
    monkeypatch.setenv(PASSWORD, "from the environment")
    (tmp_path / "file").write_text("from the file\n")
    (tmp_path / "empty").write_text("\n")

    assert password(tmp_path / "file") == b"from the file"
    assert password(None) == b"from the environment"
    for wrong in ("empty", "missing"):
        with pytest.raises(UserError, match="--password-file"):
            password(tmp_path / wrong)


def test_what_is_no_public_key_is_said(tmp_path):
    """A missing file, a text, and a private key."""
    make_keys(tmp_path / "new", None)
    (tmp_path / "text").write_text("hello")

    for wrong in (tmp_path / "missing", tmp_path / "text", tmp_path / "new/private.pem"):
        with pytest.raises(UserError, match="no public key"):
            fingerprint(wrong)
