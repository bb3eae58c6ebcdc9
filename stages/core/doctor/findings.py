"""What an examination looks at, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stages.core.layout import Layout

if TYPE_CHECKING:
    from stages.core.settings.params import Params

LEVELS = ("ok", "warning", "broken")


@dataclass(frozen=True)
class Finding:
    """One thing that was examined: how it is, what to do, and, where the doctor can do it, how.

    `repair` returns what it did, in a sentence; it deletes nothing that can't be made again.
    """

    level: str
    text: str
    advice: str = ""
    repair: Callable[[], str] | None = None


@dataclass(frozen=True)
class Patient:
    """The checkout that is examined. `deep`: read every byte, however long that takes."""

    layout: Layout
    deep: bool = False

    @cached_property
    def params(self) -> "Params":
        """The checked params.yaml. Raises UserError when it is wrong, ImportError without what checks it."""
        from stages.core.settings.params import open_project

        return open_project(self.layout.root)[0]

    @cached_property
    def written(self) -> dict[str, Any]:
        """params.yaml as it stands, checked or not; empty where it can't be read at all."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            found = YAML(typ="safe", pure=True).load(self.layout.params.read_text(encoding="utf-8"))
        except (OSError, ValueError, YAMLError):
            return {}
        return found if isinstance(found, dict) else {}


def ok(text: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", text)
