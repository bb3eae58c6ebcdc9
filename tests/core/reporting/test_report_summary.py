"""What the report says in short: of the data gate, of luck, of many names."""

from types import SimpleNamespace

import pytest

from stages.core.reporting.report_summary import fit, significant


def found(check, severity, passed=False):
    """A finding of the gate."""
    return {"check": check, "severity": severity, "passed": passed}


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([found("sharp", "warning", passed=True)], "Yes: all 1 promises of the data gate hold."),
        ([found("sharp", "warning"), found("sharp", "warning"), found("label_noise", "info")],
         "Yes, with 2 warnings (sharp) and 1 remark (label_noise) of the data gate."),
    ],
)  # fmt: skip
def test_the_gate_in_one_sentence(findings, said):
    """A remark is no warning, and each check is named once."""
    assert fit({"findings": findings}) == said


def rival(name, p, beaten):
    """A candidate beside the leader."""
    return SimpleNamespace(standing=SimpleNamespace(name=name), p=p, beaten=beaten)


@pytest.mark.parametrize(
    ("rivals", "said"),
    [
        ([], "It has no rival."),
        ([rival("b", 0.001, True)], "Yes: a beats every other at 95 %, also after correction for all pairs."),
        ([rival(name, 0.5, False) for name in "bcdef"] + [rival("g", 0.01, True)],
         "No: the lead of a over b, c, d and 2 more may be chance alone (at best p = 0.500). a clearly beats g."),
    ],
)  # fmt: skip
def test_luck_in_one_sentence(rivals, said):
    """Who is clearly beaten, who is not, and how often chance alone does that."""
    choice = SimpleNamespace(rule=SimpleNamespace(confidence=0.95), leader=SimpleNamespace(name="a"), rivals=rivals)

    assert significant(SimpleNamespace(choice=choice)) == said
