"""The search space of a tuned entry: a mapping that mirrors the entry, with what may vary at its leaves.

A leaf is a range {min, max, scale: linear|log, step (where wanted)} or {choices: [any values]}. In the place of a
list, {length: {min, max}, each: <a leaf, or a space of an item>} varies how many items there are and each of them:
item i begins as the entry's item i, and as its last one beyond. What belongs to item i counts only in a trial whose
list is longer than i.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]
RANGE, STEPPED, CHOICES, LIST = (
    {"min", "max", "scale"},
    {"min", "max", "scale", "step"},
    {"choices"},
    {"length", "each"},
)


@dataclass(frozen=True)
class Dimension:
    """One thing that varies: its dotted name, its leaf, and the entry's own value moved into the leaf's bounds.

    `parents` are (name of a length, index): it is active where each of these lengths is above the index.
    """

    name: str
    leaf: dict[str, Any]
    default: Any
    parents: tuple[tuple[str, int], ...]

    def active(self, values: Values) -> bool:
        """Whether it counts in a trial with these values."""
        return all(values.get(length, 0) > index for length, index in self.parents)

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return all(type(value) is int for value in (self.leaf["min"], self.leaf["max"], self.default))

    @property
    def points(self) -> list[Any] | None:
        """Every value that it can take; None for a range without steps."""
        return points_of(self.leaf)

    @property
    def ends(self) -> list[Any]:
        """Every choice, or both ends of the range."""
        return list(self.points or [self.leaf["min"], self.leaf["max"]])


def points_of(leaf: dict[str, Any]) -> list[Any] | None:
    """Values of choices or of a range with steps; None without."""
    if "choices" in leaf:
        return list(leaf["choices"])
    if "step" not in leaf:
        return None
    low, high, step = leaf["min"], leaf["max"], leaf["step"]
    log = leaf["scale"] == "log"
    n = int((math.log(high / low, step) if log else (high - low) / step) + 1e-9) + 1
    return [rounded(low * step**index if log else low + index * step) for index in range(n)]


def rounded(value: Any) -> Any:
    """Six significant digits of a float: what trials.csv shows is what was tried."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def is_leaf(node: dict[str, Any]) -> bool:
    """Whether a node of a space is a range or choices."""
    return set(node) in (RANGE, STEPPED, CHOICES)


def dimensions(space: dict[str, Any], entry: Any) -> list[Dimension]:
    """All that may vary, in the order of the file, the length of a list before its items."""
    return list(within(space, entry, (), ()))


def within(node: dict[str, Any], written: Any, at: tuple[str, ...], parents: Any) -> Iterator[Dimension]:
    """Yield the dimensions below a node of a space; `written` is what the entry has there."""
    name = ".".join(at)
    if is_leaf(node):
        yield Dimension(name, node, moved_in(node, written), parents)
    elif set(node) == LIST:
        low, high = node["length"]["min"], node["length"]["max"]
        if low < high:
            length = {**node["length"], "scale": "linear", "step": 1}
            yield Dimension(f"{name}.length", length, moved_in(length, len(written)), parents)
        for index in range(high):
            above = (*parents, (f"{name}.length", index)) if index >= low else parents
            yield from within(node["each"], item(written, index), (*at, str(index)), above)
    else:
        for key, child in node.items():
            yield from within(child, written[key], (*at, key), parents)


def item(written: list[Any], index: int) -> Any:
    """The entry's item from which item `index` of a varied list begins."""
    return written[min(index, len(written) - 1)]


def moved_in(leaf: dict[str, Any], value: Any) -> Any:
    """The nearest value that a leaf allows; its first where `value` is no number."""
    points, number = points_of(leaf), type(value) in (int, float)
    if points is not None:
        if value in points or "choices" in leaf or not number:
            return value if value in points else points[0]
        return min(points, key=lambda point: abs(point - value))
    return min(max(value, leaf["min"]), leaf["max"]) if number else leaf["min"]


def realised(entry: Any, space: dict[str, Any], values: Values, at: tuple[str, ...] = ()) -> Any:
    """Return a copy of an entry in which what a space varies has these values; inactive ones are not needed."""
    name = ".".join(at)
    if is_leaf(space):
        return values[name]
    if set(space) == LIST:
        length = values.get(f"{name}.length", space["length"]["min"])
        return [realised(item(entry, i), space["each"], values, (*at, str(i))) for i in range(length)]
    return {**entry, **{key: realised(entry[key], child, values, (*at, key)) for key, child in space.items()}}


def changes(entry: Any, space: dict[str, Any], values: Values, at: tuple[str, ...] = ()) -> Values:
    """What `realised` puts into the entry, by dotted path; a varied list stands there whole."""
    if is_leaf(space) or set(space) == LIST:
        return {".".join(at): realised(entry, space, values, at)}
    return {
        path: value
        for key, child in space.items()
        for path, value in changes(entry[key], child, values, (*at, key)).items()
    }


def own_values(entry: Any, space: dict[str, Any]) -> Values | None:
    """The entry's own point of a space; None when it lies outside."""
    values: Values = {}
    for dimension in dimensions(space, entry):
        if dimension.active(values):
            values[dimension.name] = dimension.default
    return values if realised(entry, space, values) == entry else None


def get(entry: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of keys. Raises KeyError."""
    for key in path:
        entry = entry[key]
    return entry


def applied(entry: dict[str, Any], values: Values) -> dict[str, Any]:
    """Return a copy of `entry` with each dotted name of `values` replaced."""
    for name, value in values.items():
        entry = replaced_at(entry, tuple(name.split(".")), value)
    return entry


def replaced_at(entry: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy of `entry` with another value at `path`."""
    key, rest = path[0], path[1:]
    return {**entry, key: replaced_at(entry[key], rest, value) if rest else value}


def ends(entry: Any, space: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, value, the entry with it) for both ends of every range and for every choice."""
    found = dimensions(space, entry)
    longest = {dimension.name: dimension.default for dimension in found}
    longest |= {name: max(d.ends) for d in found for name in [d.name] if name.endswith(".length")}
    for dimension in found:
        for value in dimension.ends:
            yield dimension.name, value, realised(entry, space, {**longest, dimension.name: value})


def grid(found: list[Dimension], values: Values | None = None) -> Iterator[Values]:
    """Yield every point of a space of choices and steps, the last dimension moving fastest."""
    values = values or {}
    if not found:
        yield values
        return
    first, *rest = found
    for value in (first.points or []) if first.active(values) else [None]:
        yield from grid(rest, {**values, first.name: value} if first.active(values) else values)
