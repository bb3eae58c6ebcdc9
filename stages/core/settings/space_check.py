"""What is wrong with a search space of params.yaml, said before anything is tried."""

from collections.abc import Iterator
from typing import Any

from stages.core.errors import UserError, did_you_mean
from stages.core.settings.search_space import CHOICES, LIST, RANGE, STEPPED, dimensions, is_leaf

SHAPES = "{min, max, scale}, {min, max, scale, step}, {choices} or {length, each}"
FIXED = {
    "fit.seeds": "a trial's seed is drawn from its settings; leave it out",
    "fit.on": "a search needs validation images; leave it out",
    "kind": "a search stays with one kind; leave it out",
    "input": "a search stays with one input; leave it out",
}


def check_space(where: str, entry: dict[str, Any], space: dict[str, Any]) -> None:
    """Raise UserError unless every leaf is proper and varies a value of the entry."""
    check_node(where, (), space, entry)
    if not dimensions(space, entry):
        raise UserError(f"params.yaml: {where} is empty; name at least one value to vary")


def check_node(where: str, at: tuple[str, ...], node: Any, written: Any) -> None:
    """Check one node of a space and all below it. Raises UserError."""
    name = ".".join((where, *at))
    if ".".join(at) in FIXED:
        raise UserError(f"params.yaml: {name}: {FIXED['.'.join(at)]}")
    if not isinstance(node, dict):
        raise UserError(f"params.yaml: {name} of a search space must be {SHAPES}, got {node!r}")
    if is_leaf(node):
        check_leaf(name, node)
    elif set(node) == LIST:
        check_list(name, node, written)
        for index in range(max(node["length"]["max"], 1)):
            check_node(where, (*at, str(index)), node["each"], written[min(index, len(written) - 1)])
    else:
        for key, child in node.items():
            known = written if isinstance(written, dict) else {}
            if key not in known:
                raise UserError(f"params.yaml: {name}.{key} is no value of the entry; {instead(node, known, key)}")
            check_node(where, (*at, key), child, known[key])


def instead(node: dict[str, Any], known: dict[str, Any], key: str) -> str:
    """What was meant by a key that the entry does not have: a part of a leaf, or a neighbour."""
    if key in RANGE | STEPPED | CHOICES | LIST:
        return f"a leaf of a space is {SHAPES}, got {{{', '.join(node)}}}"
    return did_you_mean(key, known)


def check_list(name: str, node: dict[str, Any], written: Any) -> None:
    """Raise UserError unless a {length, each} stands in the place of a list that has an item to begin with."""
    length = node["length"]
    if not isinstance(written, list) or not written:
        raise UserError(f"params.yaml: {name} varies a list, and the entry has {written!r}; give it an item to vary")
    proper = isinstance(length, dict) and set(length) == {"min", "max"}
    if not proper or not all(type(n) is int for n in length.values()) or not 0 <= length["min"] <= length["max"]:
        raise UserError(f"params.yaml: {name}.length must be {{min, max}} with 0 <= min <= max, got {length!r}")


def check_leaf(name: str, leaf: dict[str, Any]) -> None:
    """Raise UserError unless a leaf is a proper range or a list of choices."""
    if "choices" in leaf:
        if not isinstance(leaf["choices"], list) or not leaf["choices"]:
            raise UserError(f"params.yaml: {name} must have a list of choices, got {leaf['choices']!r}")
        if twice := list(repeated(leaf["choices"])):
            raise UserError(f"params.yaml: {name} has the choice {twice[0]!r} twice")
        return
    low, high, scale = leaf["min"], leaf["max"], leaf["scale"]
    proper = is_number(low) and is_number(high) and low < high
    if not proper or not (scale == "linear" or (scale == "log" and low > 0)):
        raise UserError(f"params.yaml: {name} must have min < max and scale linear or log (log: min > 0), got {leaf}")
    least, step = (1 if scale == "log" else 0), leaf.get("step", 2)
    if not is_number(step) or step <= least:
        raise UserError(
            f"params.yaml: {name}.step must be above {least} (linear: what is added, log: the factor), got {step!r}"
        )


def repeated(choices: list[Any]) -> Iterator[Any]:
    """Yield the choices that stand there before."""
    yield from (choice for index, choice in enumerate(choices) if choice in choices[:index])


def is_number(value: Any) -> bool:
    """Whether a value can lie in a range; YAML's true can't."""
    return isinstance(value, int | float) and not isinstance(value, bool)
