"""sbom: the list of packages in reports/sbom.json <-> requirements.lock, and what is installed here."""

from pathlib import Path
from typing import Any

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found, Unknown
from stages.core.files import digest, listed, read_json
from stages.core.governance.lock_file import additional_pins, normalized, pins
from stages.core.governance.sbom import LOCK_SHA256, bill, differences, serial_number

PLACE = 75


def check(audited: Audited, found: Found) -> str:
    """Compare versions and hashes with the lock file; all of it, where these packages are installed here, too."""
    layout = audited.layout
    if not layout.sbom.exists():
        raise Unknown(f"there is no {layout.sbom.name}; `imagetrail sbom` makes it")
    audited.need(layout.lock)
    told = read_json(layout.sbom)
    libraries = [one for one in told["components"] if one["type"] == "library"]
    noted = {one["name"]: one["value"] for one in told["metadata"]["properties"]}
    found.same("SHA-256 of requirements.lock in it", digest(layout.lock), noted.get(LOCK_SHA256))
    found.same("serial number", serial_number(libraries), told["serialNumber"])
    check_packages(told, libraries, layout.lock, found)
    check_here(told, bill(layout.lock), found)
    return f"{len(libraries)} packages have the versions and hashes of requirements.lock"


def check_packages(told: dict[str, Any], libraries: list[dict[str, Any]], lock: Path, found: Found) -> None:
    """Compare each package with its pin."""
    required, optional = pins(lock), additional_pins(lock)
    differ, known = differences(told, required, optional), {**optional, **required}
    for what, names in {"missing": differ.missing, "of another version than locked": differ.other}.items():
        if names:
            found.alarm(f"{len(names)} packages are {what}: {listed(names)}")
    if differ.foreign:
        found.notes.append(f"in no lock file: {listed(differ.foreign)}")
    for one in libraries:
        pin = known.get(normalized(one["name"]))
        if pin and pin.version == one["version"]:
            hashes = tuple(sorted(each["content"] for each in one.get("hashes", [])))
            found.same(f"hashes of {one['name']}", pin.hashes, hashes)


def check_here(told: dict[str, Any], here: dict[str, Any], found: Found) -> None:
    """Compare all of it with this environment, where that has the same packages."""

    def names(bom: dict[str, Any]) -> set[tuple[str, str]]:
        return {(one["name"], one["version"]) for one in bom["components"]}

    if names(told) == names(here):
        for one, other in zip(here["components"], told["components"], strict=True):
            found.same(f"{one['name']} as it is installed here", one, other)
    else:
        found.notes.append("it is of another environment than this one")
