"""Nothing that is said holds a user, a password or a token."""

import pytest

from stages.core.tracking.secrets import scrubbed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3cret@host:5000/x", "http://host:5000/x"),
        ("http://ann:p@ss@host/x and http://bob:2@other", "http://host/x and http://other"),
        ("https://token@host", "https://host"),
        ("postgresql+psycopg2://u:p%40w@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("https://host/x?a=1&access_token=abc&b=2", "https://host/x?a=1&access_token=***&b=2"),
        ("sqlite:////home/ann/mlflow.db", "sqlite:////home/ann/mlflow.db"),
        ("write to ann@example.com", "write to ann@example.com"),
    ],
)
def test_an_address_is_shown_without_its_secrets(text, shown, monkeypatch):
    """User, password and token go; what says where the store is stays."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    assert scrubbed(text) == shown


def test_what_the_environment_holds_is_not_said(monkeypatch):
    """An error may quote a password without its address, as written or as in an address."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s/3cret")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-123")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://bob:hidden@host")

    said = scrubbed("ann with s/3cret or s%2F3cret, Bearer tok-123; bob:hidden, an annual planner")

    assert said == "*** with *** or ***, Bearer ***; ***:***, an annual planner"
