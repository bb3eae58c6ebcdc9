"""Passwords, tokens and signatures: never in params.yaml, never in what is said or recorded.

dvc.lock and git keep the parameters as typed. So an address names an environment variable, `${NAME}`, where it needs
a secret, and it is filled in at the moment of fetching.
"""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from stages.core.errors import UserError

NAMES = (
    r"(?:[\w-]*(?:token|secret|signature|password|passwd|credential|api_?key|access_?key)[\w-]*|sig|key|pwd|auth|"
    r"awsaccesskeyid)"
)
PARAMETER = re.compile(rf"([?&;]{NAMES}=)([^&;#\s\"'<>)]+)", re.IGNORECASE)
USER = re.compile(r"(\w+://)([^/\s@\"'<>]+)@")
HEADER = re.compile(r"(\bauthorization:?\s+(?:bearer|basic)\s+)(\S+)", re.IGNORECASE)
VARIABLE = re.compile(r"\$\{(\w+)\}")
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|KAGGLE_KEY|SIGNATURE")
SHORTEST = 8  # a shorter value of a variable may be a common word
HIDDEN = "***"


def cleaned(text: str) -> str:
    """Return text without the secrets of addresses in it, and without those that the environment holds."""
    for value in secret_values():
        text = text.replace(value, HIDDEN).replace(quote(value, safe=""), HIDDEN)
    text = USER.sub(rf"\1{HIDDEN}@", text)
    return HEADER.sub(rf"\1{HIDDEN}", PARAMETER.sub(rf"\1{HIDDEN}", text))


def secret_values() -> list[str]:
    """Values of the variables whose names say that they are secret, longest first."""
    found = {value for name, value in os.environ.items() if SECRET_NAME.search(name.upper()) and len(value) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def filled(uri: str) -> str:
    """Return an address with the values of the variables that it names. Raises UserError for one that is not set."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise UserError(f"{cleaned(uri)}: the environment variable {found[1]} is not set; export it")
        return os.environ[found[1]]

    return VARIABLE.sub(value, uri) if "://" in uri else uri


def check_no_secrets(tree: Any) -> None:
    """Look at every address in params.yaml. Raises UserError for one that holds a secret itself."""
    for where, uri in addresses(tree, ""):
        if held := secret_in(VARIABLE.sub("", uri)):
            raise UserError(
                f"params.yaml: {where} holds a secret ({held}), which dvc.lock and git would keep; write ${{NAME}} in "
                "its place and export NAME"
            )


def secret_in(uri: str) -> str | None:
    """What of an address without its variables is secret: a password, a token as user, a parameter."""
    user, colon, password = found[2].partition(":") if (found := USER.search(uri)) else ("", "", "")
    if password or (user and not colon and uri.startswith("http")):  # a user alone is a token there
        return "user or password"
    parameter = PARAMETER.search(uri)
    return parameter[1].lstrip("?&;") if parameter else None


def addresses(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every text with :// in a tree, with its dotted place."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield from addresses(value, f"{where}.{key}".lstrip("."))
    if isinstance(node, str) and "://" in node:
        yield where, node
