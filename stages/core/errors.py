"""The errors that are shown to a user as a sentence instead of a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something a user can mend: the message says where, what was got and what would be right."""

    exit_code = 1
    heading = "error"


class UnwelcomeAnswer(UserError):
    """No mistake, but an answer that nobody hoped for: told apart by its exit code."""

    exit_code = 3


class DriftFound(UnwelcomeAnswer):
    """New images are not like those that a model was made from."""

    heading = "drift"


class Unreadable(UnwelcomeAnswer):
    """Some of the images that a model was asked about are none."""

    heading = "unreadable"


class BytesDiffer(UnwelcomeAnswer):
    """Two trainings that should be equal are not."""

    heading = "differs"


class PackagesDiffer(UnwelcomeAnswer):
    """What is installed is not what the lock file names."""

    heading = "differs"


class NotPromoted(UnwelcomeAnswer):
    """A candidate did not pass every gate to champion."""

    heading = "not promoted"


class Worse(UnwelcomeAnswer):
    """A candidate is significantly worse than another."""

    heading = "worse"


class Alarm(UnwelcomeAnswer):
    """Something that is kept of a model disagrees, or a withdrawn image is in one."""

    heading = "ALARM"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the closest known word, or list them all when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
