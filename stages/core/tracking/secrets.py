"""What may be said of a store: its address and errors without user, password or token."""

import os
import re
from urllib.parse import quote

from stages.core.secrets import HIDDEN, cleaned

USERINFO = re.compile(r"(?<=://)[^/\s]+@")
PAIR = re.compile(r"://([^/\s:]*):?([^/\s]*)@")
ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
NAMED = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def without_user(uri: str) -> str:
    """An address without user and password."""
    return USERINFO.sub("", uri)


def scrubbed(text: str) -> str:
    """Return text without what the environment holds as secret: quoted errors of MLflow repeat the whole address."""
    text = without_user(text)
    for secret in sorted(named(), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return cleaned(text)


def named() -> set[str]:
    """Users, passwords and tokens for MLflow, however short, as written and as an address holds them."""
    found = {os.environ.get(name, "") for name in NAMED}
    for name in ADDRESSES:
        found |= {part for pair in PAIR.findall(os.environ.get(name, "")) for part in pair}
    return {form for value in found if value for form in (value, quote(value, safe=""))}
