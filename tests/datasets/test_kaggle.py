"""kaggle: one sentence without kagglehub, network or folder; what it has fetched is read as a folder.

kagglehub itself is no dependency of the tests: a module of its documented shape stands in its place.
"""

import sys
from types import SimpleNamespace

import pytest

from tests.datasets.test_download import FOLDERS, OWN, downloaded, picture, refusal

ENTRY = {"kind": "kaggle", "handle": "owner/name", "version": None, "subfolder": "", **FOLDERS, **OWN}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """kagglehub with owner/name, version 3, in its cache; returns the handles that were asked for."""
    found, asked = tmp_path / "kagglehub/datasets/owner/name/versions/3", []
    (found / "images/cat").mkdir(parents=True)
    (found / "images/cat/1.png").write_bytes(picture(1))
    (found / "labels.csv").write_text("")
    stand_in = SimpleNamespace(dataset_download=lambda handle: asked.append(handle) or str(found))
    monkeypatch.setitem(sys.modules, "kagglehub", stand_in)
    return asked


def test_what_was_fetched_is_read_as_a_folder(tmp_path, hub):
    """The version that was got is recorded, also when the newest was asked for."""
    source, found = downloaded(tmp_path, ENTRY | {"subfolder": "images"})

    assert hub == ["owner/name"] and list(found) == ["cat/1.png"]
    assert source["uri"] == "https://www.kaggle.com/datasets/owner/name/versions/3"


def test_a_version_is_asked_for(tmp_path, hub):
    """As kagglehub writes it."""
    downloaded(tmp_path, ENTRY | {"version": 2})

    assert hub == ["owner/name/versions/2"]


def test_a_missing_folder_names_those_there_are(tmp_path, hub):
    """One level down."""
    assert refusal(tmp_path, ENTRY | {"subfolder": "image"}) == "owner/name holds no folder 'image'; there are: images"


def test_without_kagglehub_the_command_is_told(tmp_path, monkeypatch):
    """The extra of pyproject.toml."""
    monkeypatch.setitem(sys.modules, "kagglehub", None)

    assert refusal(tmp_path, ENTRY) == (
        "kaggle needs kagglehub, which is not installed; run `pip install -e '.[kaggle]'`"
    )


def test_without_a_network_it_is_one_sentence(tmp_path, monkeypatch):
    """What was asked for, what went wrong, and what could help."""

    def fail(handle):
        raise ConnectionError("no route to host, token=abc")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=fail))
    message = refusal(tmp_path, ENTRY)

    assert message.startswith("owner/name could not be fetched from Kaggle (ConnectionError); check the handle")
    assert "KAGGLE_API_TOKEN" in message and "abc" not in message


@pytest.mark.parametrize("handle", ["name", "https://www.kaggle.com/datasets/owner/name", "owner/name/versions/1", ""])
def test_a_handle_is_owner_and_name(tmp_path, handle):
    """Said when params.yaml is checked."""
    assert "datasets.mine.handle must match pattern" in refusal(tmp_path, ENTRY | {"handle": handle})
