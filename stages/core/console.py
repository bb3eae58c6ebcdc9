"""What a person sees: lines on stderr, progress bars, and errors as one sentence with exit code 1."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

from stages.core.errors import UserError

T = TypeVar("T")


def say(message: str) -> None:
    """Print a line of progress to stderr, so that stdout stays a command's answer."""
    print(message, file=sys.stderr, flush=True)


def progress(items: Iterable[T], total: int | None = None, desc: str = "", unit: str = "img") -> Iterable[T]:
    """Wrap `items` in a progress bar; where nobody watches (no terminal) it prints a line every 30 s."""
    from tqdm import tqdm

    watched = sys.stderr.isatty()
    return tqdm(items, total=total, desc=desc, unit=unit, mininterval=0.2 if watched else 30, leave=watched)


def silence_telemetry() -> None:
    """Switch off what the tools send home, whichever way they are started, before they are imported.

    DVC has its own switch, in .dvc/config. Names read in each tool's source.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["DVC_NO_ANALYTICS"] = "true"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def run(main: Callable[..., None], *args: str) -> int:
    """Call `main` and return its exit code; a user's own mistake becomes `error: …`, never a traceback."""
    silence_telemetry()
    try:
        main(*args)
    except UserError as error:
        say(f"error: {error}")
        return 1
    except PermissionError as error:
        say(f"error: {error.filename}: no permission to write or read it; change its mode or owner")
        return 1
    except ModuleNotFoundError as error:
        say(wrong_environment(error))
        return 1
    except KeyboardInterrupt:
        say("error: interrupted; nothing half-written was kept")
        return 128 + signal.SIGINT
    return 0


def wrong_environment(error: ModuleNotFoundError) -> str:
    """Say which Python ran and how to get the one that holds the locked packages."""
    return (
        f"error: {sys.executable} (Python {sys.version.split()[0]}) has no module {error.name!r}: this is not the "
        "project's environment. Run `make setup`, then `. .venv/bin/activate`, then this command again."
    )
