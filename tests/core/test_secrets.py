"""A secret in an address is never said, and never written into params.yaml."""

import pytest

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.secrets import check_no_secrets, cleaned, filled
from stages.core.settings.params import check, read_yaml

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{SECRET}@host.example/a.zip",
        f"https://{SECRET}@host.example/a.zip",
        f"https://host.example/a.zip?token={SECRET}&x=1",
        f"https://account.blob.core.windows.net/c/a.zip?sv=2022&sig={SECRET}",
        f"https://b.s3.amazonaws.com/a.zip?X-Amz-Credential=x&X-Amz-Signature={SECRET}",
        f"https://storage.googleapis.com/b/a.zip?X-Goog-Signature={SECRET}",
        f"https://host.example/a.zip?api_key={SECRET}",
        f"s3://key:{SECRET}@bucket/a.zip",
    ],
)
def test_it_is_neither_said_nor_accepted(address, capfd):
    """Cleaned out of every line, and refused in params.yaml with its place and the way out."""
    say(f"could not reach {address}, sorry")

    assert SECRET not in capfd.readouterr().err and SECRET not in cleaned(f"<{address}>")
    with pytest.raises(UserError, match=r"datasets\.a\.uri\.1 holds a secret") as caught:
        check_no_secrets({"datasets": {"a": {"uri": ["x.zip", address]}}})
    assert SECRET not in str(caught.value) and "${NAME}" in str(caught.value)


def test_the_whole_params_file_is_looked_at():
    """Weights of a backbone, too."""
    tree = read_yaml(PROJECT / "params.yaml")
    tree["datasets"]["eurosat"]["uri"] += "?access_token=" + SECRET

    with pytest.raises(UserError, match="eurosat"):
        check(tree)


@pytest.mark.parametrize(
    "address",
    [
        "https://zenodo.org/records/7711810/files/EuroSAT_RGB.zip?download=1",
        "https://host.example/a.zip?versionId=3&format=key",
        "https://host.example/a.zip?token=${TOKEN}",
        "https://me:${PASSWORD}@host.example/a.zip",
        "https://${ME}:${PASSWORD}@host.example/a.zip",
        "images/a?token=b.zip",
    ],
)
def test_what_holds_none_is_accepted(address):
    """A variable in place of the secret is right."""
    check_no_secrets({"uri": address})


def test_a_variable_is_filled_in_when_fetching(monkeypatch):
    """Only in an address; one that is not set is named."""
    monkeypatch.setenv("MY_TOKEN", SECRET)

    assert filled("https://h.example/a?token=${MY_TOKEN}") == f"https://h.example/a?token={SECRET}"
    assert filled("folder/${MY_TOKEN}") == "folder/${MY_TOKEN}"
    with pytest.raises(UserError, match="OTHER_TOKEN is not set"):
        filled("https://h.example/a?token=${OTHER_TOKEN}")


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "KAGGLE_KEY", "MLFLOW_TRACKING_PASSWORD"])
def test_what_the_environment_holds_is_not_said(name, monkeypatch):
    """Even when a library writes it into an error."""
    monkeypatch.setenv(name, SECRET)

    assert cleaned(f"401 for {SECRET}") == "401 for ***"
    assert SECRET not in cleaned(f"Authorization: Bearer {SECRET}x")
