"""What a value typed on the command line means: text where the setting is text, YAML elsewhere."""

import importlib
import typing
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.errors import UserError
from stages.core.settings.entries import kinds
from stages.core.settings.fit_options import Fit
from stages.core.settings.params import Tree


def parse_value(written: dict[str, Any], path: list[str], typed: str) -> Any:
    """Return the value that `typed` means at this place of params.yaml.

    A text setting takes every character as it is; where it may also be null, the word `null` is null; where it may
    also be a list or a mapping, what reads as one in YAML is one. Anything else is YAML. Raises UserError where it
    is none.
    """
    allowed = members(annotation_at(written, path))
    as_text = str in allowed or any(typing.get_origin(one) is typing.Literal for one in allowed)
    others = [one for one in allowed if not is_text(one)]
    if not as_text:
        return read_value(typed, ".".join(path))
    if type(None) in others and typed == "null":
        return None
    if any(is_collection(one) for one in others) and reads_as_collection(typed):
        return read_value(typed, ".".join(path))
    if any(one in (int, float, bool) for one in others):
        return read_value(typed, ".".join(path))
    return typed


def read_value(typed: str, where: str) -> Any:
    """Read one value of YAML. Raises UserError."""
    try:
        return YAML(typ="rt", pure=True).load(typed)
    except YAMLError as error:
        problem = getattr(error, "problem", None) or "can't be read"
        raise UserError(
            f"--set {where}: {typed!r} is not YAML ({problem}); write e.g. 3, true, [a, b] or {{a: 1}}"
        ) from error


def reads_as_collection(typed: str) -> bool:
    """Whether a text is a list or a mapping in brackets of YAML."""
    try:
        return typed.lstrip().startswith(("[", "{")) and isinstance(
            YAML(typ="safe", pure=True).load(typed), list | dict
        )
    except YAMLError:
        return False


def is_collection(annotation: Any) -> bool:
    """Whether a type is a list, a mapping or a section."""
    return typing.get_origin(annotation) in (list, dict) or hasattr(annotation, "model_fields")


def is_text(annotation: Any) -> bool:
    """Whether only text is allowed: str, or a choice of words."""
    words = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    return annotation is str or (bool(words) and all(isinstance(word, str) for word in words))


def annotation_at(written: dict[str, Any], path: list[str]) -> Any:
    """Return the type of the setting at a path, or Any where it is not known or free."""
    annotation: Any = Tree
    for depth, key in enumerate(path):
        entries = ("datasets", "models", "checks")
        if depth == 2 and path[0] in entries:
            annotation = entry_type(path[0], path[1], key, written)
        else:
            annotation = step(annotation, key, _get(written, path[:depth]))
    return annotation


def entry_type(group: str, name: str, key: str, written: dict[str, Any]) -> Any:
    """Return the type of one key of an entry of datasets, models or checks, whose kind says what it holds."""
    kind = name if group == "checks" else _get(written, [group, name, "kind"])
    if group == "models" and key == "fit":
        return getattr(importlib.import_module(f"stages.models.{kind}"), "Fit", Fit) if kind in kinds(group) else Any
    if key in ("kind", "input") and group != "checks":
        return str
    return step(importlib.import_module(f"stages.{group}.{kind}").Options, key, {}) if kind in kinds(group) else Any


def step(annotation: Any, key: str, written: Any) -> Any:
    """Return the type of one key below a type; of a union of sections, of the one that the written tags name."""
    for member in members(annotation):
        fields = getattr(member, "model_fields", {})
        if key in fields and tagged_so(fields, written):
            return fields[key].annotation
        if typing.get_origin(member) in (dict, list):
            return typing.get_args(member)[-1]
    return Any


def tagged_so(fields: dict[str, Any], written: Any) -> bool:
    """Whether what is written has the tag, such as `method: stack`, that tells a section from its siblings."""
    for name, field in fields.items():
        words = typing.get_args(field.annotation)
        if len(words) == 1 and typing.get_origin(field.annotation) is typing.Literal:
            return not isinstance(written, dict) or written.get(name, words[0]) == words[0]
    return True


def members(annotation: Any) -> list[Any]:
    """Return the members of a union, without what only limits them."""
    if typing.get_origin(annotation) is typing.Annotated:
        return members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) is typing.Union or type(annotation).__name__ == "UnionType":
        return [one for member in typing.get_args(annotation) for one in members(member)]
    return [annotation]


def _get(written: Any, path: list[str]) -> Any:
    for key in path:
        if isinstance(written, list):
            written = written[int(key)] if key.isdecimal() and int(key) < len(written) else None
        else:
            written = written.get(key) if isinstance(written, dict) else None
    return written
