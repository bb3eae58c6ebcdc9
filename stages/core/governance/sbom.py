"""The packages that really are installed, as a CycloneDX bill of materials, and where they differ from the lock file.

The same environment gives the same bytes: no time is in it, and its serial number is a hash of what it lists.
"""

import platform
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import canonical, digest, text_digest
from stages.core.governance.lock_file import Pin, additional_pins, normalized, pins

PROJECT_NAME = "imagetrail"
OF_NO_LOCK = (PROJECT_NAME, "pip")  # the project itself, and what installs the others
LONGEST_NAME = 100  # of a licence; longer ones are its whole text
LOCKED, LOCK_SHA256 = "imagetrail:locked", "imagetrail:lock_sha256"


@dataclass(frozen=True)
class Differences:
    """Names of locked packages that are missing, those of another version, and those that no lock knows."""

    missing: list[str]
    other: list[str]
    foreign: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.other or self.foreign)


def bill(lock: Path) -> dict[str, Any]:
    """List every package that Python finds here, with the hashes that the lock files have of it."""
    known = {**additional_pins(lock), **pins(lock)}
    components = [component(found, known.get(name)) for name, found in sorted(installed().items())]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": serial_number(components),
        "metadata": {
            "component": {"type": "application", "name": PROJECT_NAME, "bom-ref": PROJECT_NAME},
            "properties": [{"name": LOCK_SHA256, "value": digest(lock)}],
        },
        "components": [interpreter(), *components],
    }


def serial_number(components: list[dict[str, Any]]) -> str:
    """A serial number that is a hash of what is listed."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, text_digest(canonical(components)))}"


def installed() -> dict[str, Distribution]:
    """What is installed, by normalized name; of two in the path, the first, which is the one that is imported."""
    found: dict[str, Distribution] = {}
    for one in distributions():
        if one.metadata["Name"] and (name := normalized(one.metadata["Name"])) not in (PROJECT_NAME, *found):
            found[name] = one
    return found


def interpreter() -> dict[str, Any]:
    """Python itself."""
    name, version = platform.python_implementation().lower(), platform.python_version()
    return {"type": "platform", "name": name, "version": version, "bom-ref": name}


def component(found: Distribution, pin: Pin | None) -> dict[str, Any]:
    """One package: name, version, address, licence, and hashes where it is the locked version."""
    from packageurl import PackageURL

    address = PackageURL("pypi", name=normalized(found.metadata["Name"]), version=found.version).to_string()
    locked = pin is not None and pin.version == found.version
    name, version = found.metadata["Name"], found.version
    note = {"name": LOCKED, "value": "yes" if locked else pin.version if pin else "no"}
    about = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "properties": [note],
    }
    hashes = [{"alg": "SHA-256", "content": one} for one in pin.hashes] if pin and locked else []
    licences = licences_of(found)
    return {**about, **({"licenses": licences} if licences else {}), **({"hashes": hashes} if hashes else {})}


def licences_of(found: Distribution) -> list[dict[str, Any]]:
    """What a package says of its licence: an SPDX expression or id where it is one, else the name."""
    from cyclonedx.spdx import fixup_id, is_expression

    told = [text for text in stated(found) if 0 < len(text) <= LONGEST_NAME and "\n" not in text]
    if not told:
        return []
    if fixup_id(told[0]):
        return [{"license": {"id": fixup_id(told[0])}}]
    if is_expression(told[0]):
        return [{"expression": told[0]}]
    return [{"license": {"name": one}} for one in dict.fromkeys(told)]


def stated(found: Distribution) -> list[str]:
    """The licence in the best form that a package's metadata has: an expression, classifiers, or a text."""
    if "License-Expression" in found.metadata:
        return [found.metadata["License-Expression"]]
    classifiers = [one for one in found.metadata.get_all("Classifier") or [] if one.startswith("License ::")]
    named = [name for one in classifiers if (name := one.rpartition(" :: ")[2]) != "OSI Approved"]
    return named or ([found.metadata["License"].strip()] if "License" in found.metadata else [])


def differences(told: dict[str, Any], required: dict[str, Pin], optional: dict[str, Pin] | None = None) -> Differences:
    """Hold a bill of materials against a lock file, and against what may be there besides."""
    known = {**(optional or {}), **required}
    packages = {normalized(one["name"]): one["version"] for one in told["components"] if one["type"] == "library"}
    other = [
        f"{name} {version} instead of {known[name].version}"
        for name, version in packages.items()
        if name in known and version != known[name].version
    ]
    foreign = [f"{name} {version}" for name, version in packages.items() if name not in (*known, *OF_NO_LOCK)]
    return Differences(sorted(set(required) - set(packages)), other, foreign)


def faults(text: str) -> Iterator[str]:
    """What CycloneDX's own schema says against a bill of materials. Raises UserError without its validator."""
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except ImportError as error:
        raise UserError(
            f"package {error.name!r} is missing: run `make setup`, or pip install '.[governance]'"
        ) from error
    if found:
        yield str(found)
