"""Images as a person names them."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.serving.asked_images import members
from stages.core.settings.options import Download
from tests.core.serving.asked import picture

LIMITS = Download(dataset="any", max_images=100, max_bytes=10**6, max_ratio=200.0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a picture, a folder of pictures, a zip and a tar.gz of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.png").write_bytes(picture(1))
    (tmp_path / "new/deep").mkdir(parents=True)
    (tmp_path / "new/b.png").write_bytes(picture(2))
    (tmp_path / "new/deep/a.jpg").write_bytes(picture(3, kind="jpeg"))
    (tmp_path / "new/notes.txt").write_text("no image")
    with zipfile.ZipFile("new.zip", "w") as archive, tarfile.open("new.tar.gz", "w:gz") as tar:
        archive.write("new/b.png", "x/b.png")
        tar.add("new/b.png", "x/b.png")
    return tmp_path


def named(*words):
    return [member.name for member in members(list(words), LIMITS, Path("cache"))]


def test_files_folders_archives_and_patterns(here):
    """In the order of the words; of a folder or an archive, images alone, under its name."""
    inside = ["new/b.png", "new/deep/a.jpg"]

    assert named("one.png", "new", "new.zip", "new.tar.gz") == [
        "one.png",
        *inside,
        "new.zip/x/b.png",
        "new.tar.gz/x/b.png",
    ]
    assert named("*.png") == ["one.png"] and named("new/*") == ["new/b.png", "new/deep/a.jpg", "new/notes.txt"]
    assert named("**/*.jpg") == ["new/deep/a.jpg"] and named(str(here / "new/b*")) == [f"{here}/new/b.png"]
    assert all(member.read() for member in members(["new.zip", "new.tar.gz"], LIMITS, here / "cache"))


def test_nothing_is_unpacked(here):
    """After reading a zip and a tar no file of theirs is anywhere."""
    before = sorted(path.name for path in here.rglob("*"))
    [member.read() for member in members(["new.zip", "new.tar.gz"], LIMITS, here / "cache")]

    assert sorted(path.name for path in here.rglob("*") if path.name != "cache") == before


@pytest.mark.parametrize(
    ("word", "reason"),
    [("gone.png", "no such file"), ("*.bmp", "no pattern that finds one"), ("empty", "holds no image")],
)
def test_a_word_that_names_nothing_is_an_error(here, word, reason):
    """Before anything is read."""
    (here / "empty").mkdir()

    with pytest.raises(UserError, match=reason):
        members(["one.png", word], LIMITS, here / "cache")


def test_a_hostile_archive_is_refused(here):
    """A member that points outside, as everywhere."""
    with zipfile.ZipFile("evil.zip", "w") as archive:
        archive.writestr("../out.png", picture(1))

    with pytest.raises(UserError, match="points outside"):
        members(["evil.zip"], LIMITS, here / "cache")


def test_a_name_that_is_no_utf8_can_be_written(here):
    """Its bytes are written as numbers."""
    os.rename("one.png", b"\xff.png")

    (name,) = named("*.png")
    assert name == "\\xff.png" and name.encode()
