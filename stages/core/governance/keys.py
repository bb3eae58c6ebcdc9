"""A local pair of keys to sign with: ECDSA on P-384, as PEM files. The private one is never written where git looks."""

import hashlib
import os
import subprocess
from pathlib import Path

from stages.core.errors import UserError
from stages.core.files import replaced_folder

PRIVATE, PUBLIC = "private.pem", "public.pem"
PASSWORD = "IMAGETRAIL_KEY_PASSWORD"  # noqa: S105, the name of a variable


def password(file: Path | None) -> bytes | None:
    """The password of a private key, from a file or the environment; None where neither has one. Raises UserError."""
    if file is None:
        return os.environ[PASSWORD].encode() if os.environ.get(PASSWORD) else None
    try:
        found = file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise UserError(
            f"--password-file {file} can't be read ({error.strerror}); give a file with one line"
        ) from error
    if not found:
        raise UserError(f"--password-file {file} is empty; give a file with one line")
    return found


def make_keys(folder: Path, secret: bytes | None) -> str:
    """Write a new pair into a new folder, the private key for its owner only; returns the public one's fingerprint.

    Raises UserError for a folder that exists, or that git would take into a repository.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if folder.exists():
        raise UserError(f"{folder} exists; name a new folder, as a key that is overwritten can't be had back")
    check_not_in_git(folder)
    key, pem = ec.generate_private_key(ec.SECP384R1()), serialization.Encoding.PEM
    locked = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    with replaced_folder(folder) as made:
        made.chmod(0o700)
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked)
        descriptor = os.open(made / PRIVATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private)
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        (made / PUBLIC).write_bytes(public)
    return hashlib.sha256(public).hexdigest()


def check_not_in_git(folder: Path) -> None:
    """Raise UserError where a git repository would find a private key."""
    place = next(parent for parent in folder.resolve().parents if parent.exists())
    inside = asked(place, "rev-parse", "--is-inside-work-tree")
    if inside == 0 and asked(place, "check-ignore", "--quiet", str(folder.resolve() / PRIVATE)) != 0:
        raise UserError(
            f"{folder} is in a git repository, which would take the private key in; name a folder outside of it"
        )


def asked(place: Path, *question: str) -> int:
    """What git answers, as its exit code; 127 without git."""
    try:
        return subprocess.run(["git", "-C", str(place), *question], capture_output=True, check=False).returncode
    except OSError:
        return 127


def fingerprint(public_key: Path) -> str:
    """SHA-256 of a public key, as signatures name it. Raises UserError for what is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(public_key.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise UserError(f"{public_key} is no public key; give the {PUBLIC} that `imagetrail keys` wrote") from error
    text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(text).hexdigest()


def fingerprint_of_private(private_key: Path, secret: bytes | None) -> str:
    """SHA-256 of the public key that belongs to a private one. Raises UserError for one that can't be opened."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(private_key.read_bytes(), secret)
    except OSError as error:
        raise UserError(f"--key {private_key} can't be read ({error.strerror}); `imagetrail keys` makes one") from error
    except (ValueError, TypeError) as error:  # the message of the error may quote the file
        said = f"is no private key, or {PASSWORD} is not its password (or set for a key without one)"
        raise UserError(f"--key {private_key} {said}") from error
    text = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(text).hexdigest()
