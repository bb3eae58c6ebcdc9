"""Signatures of candidates with a local key, by OpenSSF model-signing: of every file in the folder of one.

A signature is a file beside the reports that git keeps, `<candidate>-<key of the run>-<key that signed>.sig`: a
sigstore bundle with the SHA-256 of every file. It travels without DVC, and several people can sign one candidate.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.core.candidates.candidate import Candidate
from stages.core.errors import UserError
from stages.core.files import digest, replaced
from stages.core.layout import Layout
from stages.core.plain_text import one_line

SHORT = 12
SIGNATURE = "signature"  # kind of a line in the ledger


@dataclass(frozen=True)
class Statement:
    """What a signature file says, before anybody has checked who says it: the key's fingerprint, and hashes by file."""

    fingerprint: str
    files: dict[str, str]


def signature_path(layout: Layout, candidate: Candidate, fingerprint: str) -> Path:
    """Where the signature of a candidate by a key lies."""
    return layout.signatures / f"{stem(candidate)}-{fingerprint[:SHORT]}.sig"


def signatures(layout: Layout, candidate: Candidate) -> list[Path]:
    """Every signature of a candidate."""
    return sorted(path for path in layout.signatures.glob("*.sig") if path.name.startswith(f"{stem(candidate)}-"))


def stem(candidate: Candidate) -> str:
    """How the names of a candidate's signatures begin."""
    return f"{candidate.name}-{candidate.record['key'][:SHORT]}"


def sign(candidate: Candidate, private_key: Path, secret: bytes | None, path: Path) -> None:
    """Sign every file in the candidate's folder. Raises UserError without model-signing."""
    signer, hashing = of_package("signing"), of_package("hashing")
    path.parent.mkdir(parents=True, exist_ok=True)
    config = signer.Config().set_hashing_config(every_file(hashing))
    config.use_elliptic_key_signer(private_key=private_key, password=secret)
    with replaced(path) as temporary:
        config.sign(candidate.folder, temporary)


def proven(candidate: Candidate, path: Path, public_key: Path) -> str:
    """Check a signature with a public key; returns what is wrong, or nothing. Raises UserError without the package."""
    verifier, hashing = of_package("verifying"), of_package("hashing")
    config = verifier.Config().set_hashing_config(every_file(hashing))
    try:
        config.use_elliptic_key_verifier(public_key=public_key).verify(candidate.folder, path)
    except Exception as error:  # a damaged signature raises whatever its reader does
        return one_line(error)[:200] or f"the signature is not of this key ({type(error).__name__})"
    return ""


def every_file(hashing: ModuleType) -> Any:
    """How files are hashed: all of them, also where DVC has laid links to its cache."""
    config = hashing.Config().use_file_serialization(hashing_algorithm="sha256", allow_symlinks=True)
    return config.set_ignored_paths(paths=[], ignore_git_paths=False).set_allow_symlinks(True)


def of_package(name: str) -> ModuleType:
    """A module of model-signing. Raises UserError where it is not installed."""
    import importlib

    try:
        return importlib.import_module(f"model_signing.{name}")
    except ModuleNotFoundError as error:
        raise UserError(
            f"package {error.name!r} is missing: run `make setup`, or pip install '.[governance]'"
        ) from error


def stated(path: Path) -> Statement:
    """Read what a signature file says. Raises ValueError for one that is damaged."""
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
        said = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        files = {one["name"]: one["digest"] for one in said["predicate"]["resources"]}
        return Statement(str(bundle["verificationMaterial"]["publicKey"]["hint"]), files)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} is no signature of model-signing ({type(error).__name__})") from error


def line_body(candidate: Candidate, fingerprint: str, path: Path) -> dict[str, Any]:
    """What the ledger says of a signature."""
    return {
        "candidate": candidate.name,
        "key": candidate.record["key"],
        "candidate_sha256": digest(candidate.folder / "candidate.json"),
        "public_key_sha256": fingerprint,
        "file": path.name,
        "signature_sha256": digest(path),
    }
