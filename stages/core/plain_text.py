"""Text from outside (file names, classes, errors of others) on its way to a terminal, a page of Markdown or a table."""

import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # all but tab and line feed
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # an ANSI sequence that only says how the text after it looks
MARKS = re.compile(r"([\\`*_\[\]|~#])")
HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # how a cell begins that a spreadsheet would calculate
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def visible(text: str) -> str:
    r"""Return text as a terminal may have it: what would move the cursor, colour or reorder it is written as \x1b."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: object) -> str:
    """Return the text of an error of another library on one line, without the colours and bold that Keras puts in."""
    return " ".join(COLOUR.sub("", str(text)).split())


def in_markdown(text: str) -> str:
    """Return text as Markdown shows it literally, on one line: no HTML, no link, no cell of a table."""
    one_line = " ".join(visible(str(text)).split())
    return MARKS.sub(r"\\\1", "".join(HTML.get(letter, letter) for letter in one_line))


def guarded(cell: str) -> str:
    """Return a cell of a CSV so that no spreadsheet takes it for a formula: with an apostrophe before it."""
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def unguarded(cell: str) -> str:
    """Return the text behind a guarded cell."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
