"""keys: make a pair of keys to sign with, in a new folder of yours.

private.pem (mode 0600) stays with you; public.pem goes to whoever audits, by another way than this repository. A
password, where you want one, comes from the variable IMAGETRAIL_KEY_PASSWORD or from --password-file.
"""

import argparse
from pathlib import Path

from stages.core.console import say, show
from stages.core.governance.keys import PASSWORD, PRIVATE, PUBLIC, make_keys, password


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folder and the password."""
    parser.add_argument("folder", type=Path, metavar="NEW_FOLDER")
    parser.add_argument("--password-file", type=Path, metavar="FILE")


def main(parsed: argparse.Namespace) -> None:
    """Write both keys. Raises UserError for a folder that exists or that git would take in."""
    secret = password(parsed.password_file)
    found = make_keys(parsed.folder, secret)
    if not secret:
        say(f"keys: {PRIVATE} has no password; {PASSWORD} would have given it one")
    show(f"{parsed.folder / PRIVATE} signs, {parsed.folder / PUBLIC} checks; fingerprint {found}")
