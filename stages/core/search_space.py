"""The search space of a tuned entry: a mapping that mirrors the entry, with ranges at its leaves."""

from collections.abc import Iterator
from typing import Any

from stages.core.errors import UserError, did_you_mean

Path = tuple[str, ...]
RANGE, CHOICES = {"min", "max", "scale"}, {"choices"}


def leaves(space: dict[str, Any], at: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield (path, range) of every dimension, in the order of the file."""
    for key, value in space.items():
        if not isinstance(value, dict):
            name = ".".join((*at, key))
            raise UserError(
                f"params.yaml: {name} of a search space must be {{min, max, scale}} or {{choices}}, got {value!r}"
            )
        if set(value) in (RANGE, CHOICES):
            yield (*at, key), value
        else:
            yield from leaves(value, (*at, key))


def ends(space: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) for both ends of every range and for every choice."""
    for path, leaf in leaves(space):
        yield from ((path, value) for value in leaf.get("choices", [leaf.get("min"), leaf.get("max")]))


def get(entry: Any, path: Path) -> Any:
    """Return the value at a path of keys. Raises KeyError."""
    for key in path:
        entry = entry[key]
    return entry


def replaced_at(entry: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of `entry` with another value at `path`."""
    key, rest = path[0], path[1:]
    return {**entry, key: replaced_at(entry[key], rest, value) if rest else value}


def applied(entry: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `entry` with each dotted name of `values` replaced."""
    for name, value in values.items():
        entry = replaced_at(entry, tuple(name.split(".")), value)
    return entry


def check_space(where: str, entry: dict[str, Any], space: dict[str, Any]) -> None:
    """Raise UserError unless every dimension varies a value of the entry and holds that value."""
    found = [(path[1:], leaf) for path, leaf in leaves(space, (where,))]
    if not found:
        raise UserError(f"params.yaml: {where} is empty; name at least one value to vary")
    for path, leaf in found:
        name = f"{where}.{'.'.join(path)}"
        if path == ("fit", "seed"):
            raise UserError(f"params.yaml: {name}: a trial's seed is drawn from its settings; leave it out")
        try:
            written = get(entry, path)
        except (KeyError, TypeError) as error:
            raise UserError(f"params.yaml: {name} is no value of the entry; {neighbour(entry, path)}") from error
        check_leaf(name, leaf, written)


def neighbour(entry: Any, path: Path) -> str:
    """Name what stands where a path of keys leaves the entry."""
    for key in path:
        if not isinstance(entry, dict) or key not in entry:
            break
        entry = entry[key]
    return did_you_mean(key, entry if isinstance(entry, dict) else ())


def is_number(value: Any) -> bool:
    """Whether a value can lie in a range; YAML's true can't."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_range(leaf: dict[str, Any]) -> bool:
    """Whether a leaf is a proper {min, max, scale}."""
    low, high, scale = leaf["min"], leaf["max"], leaf["scale"]
    proper = is_number(low) and is_number(high) and low < high
    return proper and (scale == "linear" or (scale == "log" and low > 0))


def one_type(choices: list[Any]) -> bool:
    """Whether keras-tuner can hold these choices: words, switches, or numbers, and nothing mixed."""
    kinds = {type(choice) for choice in choices}
    return any(kinds <= allowed for allowed in ({str}, {bool}, {int}, {float}, {int, float}))


def check_leaf(name: str, leaf: dict[str, Any], written: Any) -> None:
    """Raise UserError unless a leaf is a proper range that holds the value the entry has."""
    if "choices" in leaf:
        if not isinstance(leaf["choices"], list):
            raise UserError(f"params.yaml: {name} must have a list of choices, got {leaf['choices']!r}")
        if not one_type(leaf["choices"]):
            raise UserError(
                f"params.yaml: {name} must have choices of one kind, words or numbers, got {leaf['choices']}"
            )
        inside, shape = written in leaf["choices"], f"one of {leaf['choices']}"
    else:
        low, high = leaf["min"], leaf["max"]
        if not is_range(leaf):
            raise UserError(
                f"params.yaml: {name} must have min < max and scale linear or log (log: min > 0), got {leaf}"
            )
        inside, shape = is_number(written) and low <= written <= high, f"from {low} to {high}"
    if not inside:
        raise UserError(f"params.yaml: {name} is {shape}, and the entry itself has {written!r}: trial 1 is the entry")
