"""companion_files: no image is a mask, label map or edited version that lies beside the image it belongs to."""

import re
from pathlib import PurePosixPath

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section

SUFFIX = re.compile(
    r"[ _.-](?=[^/]*[^\W\d_])[^/]*"
)  # a separator and then something with a letter: _mask, -seg, .label


class Options(Section):
    """How common such names must be before they are no accident."""

    severity: Severity
    min_share: Fraction = Field(description="share of all images that one ending like _mask must have to count")


def measure(subject: Subject, options: Options) -> Measured:
    """1 where the name is that of another image of the same folder with an ending that many images have, else 0."""
    endings = companion_endings(subject.images["path"].astype("str"))
    counts = endings.value_counts()
    common = set(counts[counts >= options.min_share * len(endings)].index) - {""}
    return {"companion": endings.isin(common).astype("int8")}


def companion_endings(paths: pd.Series) -> pd.Series:
    """What each name adds to the longest name of another image in its folder; empty where it adds nothing like _mask.

    BUSI's `benign (1)_mask.png` beside `benign (1).png` adds `_mask`; `img10` beside `img1` adds nothing.
    """
    stems = {str(PurePosixPath(path).with_suffix("")) for path in paths}
    return pd.Series([companion_ending(path, stems) for path in paths], index=paths.index, dtype="str")


def companion_ending(path: str, stems: set[str]) -> str:
    """The ending of one name, or nothing."""
    stem = str(PurePosixPath(path).with_suffix(""))
    start = stem.rfind("/") + 2
    for at in range(len(stem) - 1, start - 1, -1):
        if stem[:at] in stems and SUFFIX.fullmatch(stem[at:]):
            return stem[at:]
    return ""


def promises(options: Options) -> list[Promise]:
    """Nothing belongs to another image."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        return (
            f"{number(bad, 'image is')} named like another image with an ending, e.g. {listed(bad['path'], 2)}: "
            "masks and edited versions are no images of the class; "
            f"`quarantine: [companion_files]` leaves {'them' if len(bad) > 1 else 'it'} out"
        )

    text = "no image is a mask or version of the image beside it"
    return [Promise(text, "companion", options.severity, explain, maximum=0)]
