"""What may be said of a store: its address and errors without user, password or token."""

import os
import re
from urllib.parse import quote

USERINFO = re.compile(r"(?<=://)[^/\s]+@")
IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:token|key|secret|passw|pwd|sig|credential)[\w.-]*=)[^&\s'\"]+")
PAIR = re.compile(r"://([^/\s:]*):?([^/\s]*)@")
SECRET = re.compile(r"(?i)token|passw|secret|access_key|api_key|account_key|connection_string")
NAMED = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def scrubbed(text: str) -> str:
    """Return text without what the environment holds as secret: quoted errors of MLflow repeat the whole address."""
    text = IN_QUERY.sub(r"\1***", USERINFO.sub("", text))
    for secret in sorted(secrets(), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def secrets() -> set[str]:
    """Every user name, password and token in the environment, as written and as an address holds it."""
    found = set()
    for name, value in os.environ.items():
        if name in NAMED:
            found |= set(next(iter(PAIR.findall(value)), ())) if "://" in value else {value}
        elif SECRET.search(name):
            found.add(value)
    return {form for value in found if value for form in (value, quote(value, safe=""))}
