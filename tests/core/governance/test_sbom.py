"""The list of packages: what is really installed, right for CycloneDX's own validator, and held against the lock file."""

import json

import pytest

from stages.core.files import canonical, digest
from stages.core.governance.lock_file import additional_pins, normalized, pins
from stages.core.governance.sbom import bill, differences, faults
from stages.core.layout import PROJECT

LOCK = PROJECT / "requirements.lock"


@pytest.fixture(scope="module")
def told():
    """The list of this environment."""
    return bill(LOCK)


def test_cyclonedx_own_validator_finds_no_fault(told):
    """Strict schema of 1.6; and it does find one that is there."""
    assert list(faults(canonical(told))) == []
    assert list(faults(json.dumps({**told, "serialNumber": "1"})))


def test_the_same_environment_gives_the_same_bytes(told):
    """No time, no random number."""
    assert canonical(bill(LOCK)) == canonical(told) and "timestamp" not in told["metadata"]


def test_every_locked_package_stands_there_with_its_hashes(told):
    """Name, version, address, and the SHA-256 of every file that the lock file admits."""
    found = {one["name"].lower(): one for one in told["components"]}
    numpy = found["numpy"]

    assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    assert tuple(one["content"] for one in numpy["hashes"]) == pins(LOCK)["numpy"].hashes
    assert all(f"--hash=sha256:{one['content']}" in LOCK.read_text() for one in numpy["hashes"])
    assert numpy["licenses"] and told["metadata"]["properties"][0]["value"] == digest(LOCK)


def test_a_package_that_is_not_as_locked_is_named(told, tmp_path):
    """One that is missing, one of another version, and one that no lock knows; the others are fine."""
    pin = pins(LOCK)["numpy"]
    text = LOCK.read_text().replace(f"numpy=={pin.version} ", "numpy==0.1 ").replace("\nkeras==", "\nno-such-package==")
    (tmp_path / "lock").write_text(text)
    differ = differences(told, pins(tmp_path / "lock"))

    assert differ.other == [f"numpy {pin.version} instead of 0.1"]
    assert "no-such-package" in differ.missing and any(one.startswith("keras ") for one in differ.foreign)


def test_packages_for_tests_are_known_and_need_not_be_there(told):
    """Those of requirements-test.lock are in a lock file, with hashes; without them nothing is missing."""
    required, optional = pins(LOCK), additional_pins(LOCK)
    running = {"components": [one for one in told["components"] if normalized(one["name"]) not in optional]}

    assert any(one["name"] == "pytest" and one["hashes"] for one in told["components"])
    assert not any(one.startswith("pytest ") for one in differences(told, required, optional).foreign)
    assert differences(running, required, optional).missing == differences(told, required, optional).missing == []


def test_pins_of_other_systems_are_left_out(tmp_path):
    """By their markers, with one hash or many, or none."""
    lines = [
        "a==1 ; sys_platform == 'win32' \\", "    --hash=sha256:" + "1" * 64,
        "b-C.d==2.0+x \\", "    --hash=sha256:" + "3" * 64 + " \\", "    --hash=sha256:" + "2" * 64, "e==3",
    ]  # fmt: skip
    (tmp_path / "lock").write_text("\n".join(lines) + "\n")
    found = pins(tmp_path / "lock")

    assert list(found) == ["b-c-d", "e"] and found["e"].hashes == ()
    assert found["b-c-d"].version == "2.0+x" and found["b-c-d"].hashes == ("2" * 64, "3" * 64)
