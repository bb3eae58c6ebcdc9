"""The machine as it is noted: what equal bytes are promised for."""

import json

from stages.core.candidates.machine import machine


def test_a_machine_says_its_kind():
    """Family, cores, versions and GPUs are there, as plain values."""
    found = machine()

    assert len(found["processor"]["family"].split()) == 3 and found["processor"]["cores"] >= 1
    assert found["packages"]["tensorflow"] and json.loads(json.dumps(found)) == found
