"""What is wrong in params.yaml, and what would be right, in our words instead of pydantic's."""

import re
import typing
from types import SimpleNamespace
from typing import Any

from stages.core.errors import did_you_mean
from stages.core.settings import options as o

MEMBER = re.compile(r"[\[\](]|^(constrained-)?(int|float|str)$")  # what a union adds to a path: nothing for a user


def meant(problems: list[Any]) -> list[Any]:
    """Drop what a union says for the member that was not meant: of a wrong list, that it is no text."""
    of_type = ("string_type", "list_type")
    left = []
    for problem in problems:
        *base, last = problem["loc"] or ("",)
        beside = [other for other in problems if list(other["loc"][: len(base)]) == base and other is not problem]
        better = [other for other in beside if other["type"] not in of_type or len(other["loc"]) > len(base) + 1]
        if not (better and problem["type"] in of_type and MEMBER.search(str(last))):
            left.append(problem)
    return left


def sentence(kind: type[o.Section], where: str, problem: Any) -> str:
    """One mistake found by pydantic, in our words."""
    path = [str(part) for part in problem["loc"]]
    siblings, field = find(kind, path)
    plain = [part for part in without_tags(kind, path) if not MEMBER.search(part)]
    shown = ".".join(part for part in [where, *plain] if part)
    got = problem["input"]
    if problem["type"].startswith("union_tag"):
        tag = problem["ctx"]["discriminator"].strip("'")
        known = ", ".join(name for one in sections_in(field.annotation) for name in sorted(tags(one)))
        found = f"must be one of {known}, got {got[tag]!r}" if tag in got else f"is missing; it is one of {known}"
        return f"params.yaml: {shown}.{tag} {found}"
    if problem["type"] == "extra_forbidden":
        return f"params.yaml: {shown} is not known; {did_you_mean(path[-1], siblings)}"
    if problem["type"] == "missing":
        return f"params.yaml: {shown} is missing; it is {field.description if field else 'required'}"
    if problem["type"] == "value_error":
        return f"params.yaml: {shown}: {problem['ctx']['error']}"
    return f"params.yaml: {shown} must {expected(field, problem)}, got {got!r}"


def sections_in(annotation: Any) -> list[Any]:
    """All sections inside an annotation, e.g. the members of a union that a key such as `method` tells apart."""
    inner = [found for part in typing.get_args(annotation) for found in sections_in(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, o.Section) else inner


def tags(kind: Any) -> set[str]:
    """The values by which a section is told from others: of its fields that allow one text only."""
    allowed = [typing.get_args(field.annotation) for field in kind.model_fields.values()]
    return {one[0] for one in allowed if len(one) == 1 and isinstance(one[0], str)}


def without_tags(kind: Any, path: list[str]) -> list[str]:
    """A path of keys without what pydantic puts in for the member of a union."""
    left, known = [], [kind]
    for key in path:
        tagged = [one for one in known if len(known) > 1 and key in tags(one)]
        if tagged:
            known = tagged
            continue
        left.append(key)
        fields = [one.model_fields[key] for one in known if key in getattr(one, "model_fields", {})]
        known = sections_in(fields[0].annotation) if fields else known
    return left


def find(kind: Any, path: list[str]) -> tuple[list[str], Any]:
    """Return the names known at the last step of a path of keys, and the last field itself."""
    names, field = list(kind.model_fields), None
    for key in path:
        union: list[Any] = sections_in(field.annotation) if field else []
        kind = next((one for one in union if len(union) > 1 and key in tags(one)), kind)
        fields = getattr(kind, "model_fields", {})
        if key in fields:
            names, field = list(fields), fields[key]
            kind = section_in(field.annotation)
        elif fields:
            names = list(fields)
    return names, field


def section_in(annotation: Any) -> Any:
    """Return the first Section that an annotation holds, however deep, or None."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation
    members = map(section_in, getattr(annotation, "__args__", ()))
    return next((found for found in members if found is not None), None)


def expected(field: Any, problem: Any) -> str:
    """Say what it must do: lie in its bounds or be one of the choices, else pydantic's own words."""
    if problem["type"] == "literal_error":
        return "be one of " + problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    if problem["type"].startswith(("greater", "less")):
        own = bounds(getattr(field, "metadata", []))
        return "be " + " and ".join(own or bounds([SimpleNamespace(**problem["ctx"])]))
    words = re.sub(r"^[\w ]+? should ", "", str(problem["msg"]))  # "Input should be …", "List should have …"
    return re.sub(r" or instance of \w+| after validation.*", "", words)


def described_rule(field: Any) -> str:
    """Say what a setting may be, for people: its bounds, its choices or its type."""
    choices = [str(choice) for choice in typing.get_args(field.annotation) if isinstance(choice, str)]
    plain = re.sub(r"typing\.|<class '|'>|Annotated\[|, FieldInfo.*?\]", "", str(field.annotation))
    inner = [rule for part in typing.get_args(field.annotation) for rule in getattr(part, "__metadata__", [])]
    rules = [r for f in inner for r in getattr(f, "metadata", [f])]
    words = " and ".join(bounds([*field.metadata, *rules]))
    name = "null or a number" if "None" in plain and words else plain.split(" | ")[0].split("[")[0]
    name = plain_type(field.annotation) if name in ("Union", "Optional") else name
    return ", ".join(choices) or " ".join(filter(None, [name.removeprefix("stages.core.settings.options."), words]))


def plain_type(annotation: Any) -> str:
    """Say a type of several members for people: "str or list of str"."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return plain_type(inner[0])
    if origin is typing.Literal:
        return ", ".join(map(str, inner))
    if origin is list:
        name = plain_type(inner[0])
        return f"list of ({name})" if " or " in name else f"list of {name}"
    names = [plain_type(member) for member in inner] or [getattr(annotation, "__name__", str(annotation))]
    return " or ".join(names).replace("NoneType", "null")


def bounds(rules: list[Any]) -> list[str]:
    """Bounds of a number, in words: of the field's own rules, or of the one that pydantic found broken."""
    words = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
    found = [(name, getattr(rule, name, None)) for rule in rules for name in words]
    return [words[name].format(str(limit).removesuffix(".0")) for name, limit in found if limit is not None]
