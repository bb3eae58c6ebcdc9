"""The text of a label: what is cleaned, what stands for no label, and which labels look the same."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))  # no script needs them, as some do the joiners
WHOLE = re.compile(r"([+-]?\d+)\.0+")


def clean_label(text: str) -> str:
    """Return a label in NFC, without invisible characters; any blanks become one plain blank, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def is_nothing(value: object) -> bool:
    """Whether a value of a table is null, or a float that is no number, as pandas writes a missing one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def present(text: str, missing: Collection[str]) -> str:
    """Return a cleaned value of a table, "" when it is one of the words for nothing, in whatever case."""
    cleaned = clean_label(text)
    return "" if cleaned.casefold() in {word.casefold() for word in missing} else cleaned


def are_floats_of_integers(labels: Iterable[str]) -> bool:
    """Whether every label is a whole number with .0: integers that a table beside a missing value holds as floats."""
    found = False
    for label in labels:
        if label and not WHOLE.fullmatch(label):
            return False
        found = found or bool(label)
    return found


def as_integer(label: str) -> str:
    """Return 7 for 7.0; any other label as it is."""
    whole = WHOLE.fullmatch(label)
    return whole[1] if whole else label


def look(label: str) -> str:
    """Return what a reader sees of a label: equal for two that differ in case, width, blanks, joiners or a .0 alone."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    seen = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return as_integer("".join(unicodedata.normalize("NFKC", seen).split()))
