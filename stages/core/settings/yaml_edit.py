"""Change single values of a YAML text and leave every other byte, comment and blank line as it is."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from stages.core.errors import UserError
from stages.core.plain_text import one_line

Path = list[str]


def set_value(text: str, path: Path, value: Any) -> str:
    """Return the text with `value` at `path`; a key that its mapping lacks is added. Raises UserError."""
    parent, key = _node_at(text, path[:-1]), path[-1]
    if isinstance(parent, SequenceNode):
        if not (key.isdecimal() and int(key) < len(parent.value)):
            raise UserError(f"params.yaml: {'.'.join(path[:-1])} is a list of {len(parent.value)}, it has no {key}")
        return _replace(text, path, parent.value[int(key)], value)
    if not isinstance(parent, MappingNode):
        raise UserError(f"params.yaml: {'.'.join(path[:-1])} is a single value, it has no {key}")
    child = next((child for name, child in parent.value if name.value == key), None)
    if child is not None:
        return _replace(text, path, child, value)
    return _insert(text, path, parent, value)


def remove_key(text: str, path: Path) -> str:
    """Return the text without the entry at `path`. Raises UserError when it is not there."""
    parent = _node_at(text, path[:-1])
    _node_at(text, path)
    rest = {name: value for name, value in _value_at(text, path[:-1]).items() if name != path[-1]}
    if _is_flow(parent) or not rest:
        return _replace(text, path[:-1], parent, rest)
    key, value = next((key, value) for key, value in parent.value if key.value == path[-1])
    start = text.rindex("\n", 0, key.start_mark.index) + 1 if key.start_mark.line else 0
    return _checked(text[:start] + text[_line_end(text, _content_end(value)) + 1 :], path[:-1], rest)


def in_one_line(value: Any) -> str:
    """Return a value as YAML in one line, e.g. `[1, 2]`; texts are quoted where they would not read back."""
    stream, yaml = io.StringIO(), YAML()
    yaml.default_flow_style, yaml.width, yaml.preserve_quotes = True, 2**30, True
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    yaml.dump([value], stream)  # inside a list, so that a text is quoted for every place
    return stream.getvalue().strip()[1:-1]


def _root(text: str) -> Node:
    try:
        return YAML(typ="rt", pure=True).compose(text)
    except YAMLError as error:
        raise UserError(f"params.yaml is not YAML: {one_line(error)}") from error


def _node_at(text: str, path: Path) -> Node:
    """Return the node at a path. Raises UserError naming the first key that does not exist."""
    node = _root(text)
    for depth, key in enumerate(path, 1):
        children: dict[str, Node] = {}
        if isinstance(node, MappingNode):
            children = {str(name.value): child for name, child in node.value}
        elif isinstance(node, SequenceNode):
            children = {str(index): child for index, child in enumerate(node.value)}
        if key not in children:
            raise UserError(f"params.yaml has no {'.'.join(path[:depth])}")
        node = children[key]
    return node


def _value_at(text: str, path: Path) -> Any:
    value = YAML(typ="safe", pure=True).load(text)
    for key in path:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _replace(text: str, path: Path, node: Node, value: Any) -> str:
    start, end = node.start_mark.index, _content_end(node)
    if _is_block(node):  # a block, below its key
        key_line_end = text.index("\n", _key_end(text, path))
        colon = text.index(":", _key_end(text, path))
        changed = text[: colon + 1] + " " + in_one_line(value) + text[colon + 1 : key_line_end + 1]
        return _checked(changed + text[_line_end(text, end) + 1 :], path, value)
    gap = " " if text[start - 1] == ":" else ""
    return _checked(text[:start] + gap + in_one_line(value) + text[end:], path, value)


def _key_end(text: str, path: Path) -> int:
    """Index just after the key at a path."""
    parent = _node_at(text, path[:-1])
    return int(next(key.end_mark.index for key, _ in parent.value if key.value == path[-1]))


def _insert(text: str, path: Path, parent: MappingNode, value: Any) -> str:
    whole = {**_value_at(text, path[:-1]), path[-1]: value}
    if _is_flow(parent) or not parent.value:
        return _replace(text, path[:-1], parent, whole)
    end = _line_end(text, _content_end(parent))
    line = "\n" + " " * parent.start_mark.column + in_one_line(path[-1]) + ": " + in_one_line(value)
    return _checked(text[:end] + line + text[end:], path, value)


def _content_end(node: Node) -> int:
    """Index after the last character of a node: a block's own mark stands after the comments that follow it."""
    if _is_block(node) and isinstance(node, MappingNode):
        return _content_end(node.value[-1][1])
    if _is_block(node):
        return _content_end(node.value[-1])
    return int(node.end_mark.index)


def _is_block(node: Node) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and node.flow_style is False


def _is_flow(node: Node) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and not _is_block(node)


def _line_end(text: str, index: int) -> int:
    """Index of the end of the line at `index`."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found


def _checked(changed: str, path: Path, value: Any) -> str:
    """Return the changed text if it reads back as meant. Raises UserError, e.g. where anchors tie places together."""
    try:
        if _value_at(changed, path) == YAML(typ="safe", pure=True).load(in_one_line(value)):
            return changed
    except (YAMLError, LookupError, TypeError):
        pass
    raise UserError(f"params.yaml: {'.'.join(path)} can't be changed in place; change it with an editor")
