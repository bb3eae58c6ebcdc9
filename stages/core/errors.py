"""The errors that are shown to a user as a sentence instead of a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something a user can mend: the message says where, what was got and what would be right."""

    exit_code = 1
    heading = "error"


class DriftFound(UserError):
    """New images are not like those that a model was made from: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "drift"


class Unreadable(UserError):
    """Some of the images that a model was asked about are none: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "unreadable"


class BytesDiffer(UserError):
    """Two trainings that should be equal are not: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "differs"


class PackagesDiffer(UserError):
    """What is installed is not what the lock file names: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "differs"


class NotPromoted(UserError):
    """A candidate did not pass every gate to champion: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "not promoted"


class Worse(UserError):
    """A candidate is significantly worse than another: an answer, told apart by its exit code."""

    exit_code = 3
    heading = "worse"


class Alarm(UserError):
    """Something that is kept of a model disagrees, or a withdrawn image is in one: told apart by its exit code."""

    exit_code = 3
    heading = "ALARM"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the closest known word, or list them all when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
