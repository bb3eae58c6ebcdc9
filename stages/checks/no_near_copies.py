"""no_near_copies: nearly the same picture does not stand in two splits or two classes, nor fill a class."""

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import HELD_OUT, Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """What counts as nearly the same is set by `split.near_copies`; here, how bad it is."""

    severity: Severity
    min_conflict_correlation: Fraction = Field(
        description="two labels for near copies count as a conflict from this correlation on"
    )
    max_named_share: Fraction = Field(
        description="of the set; a finding that names more can't tell, and nothing is left out for it"
    )


def measure(subject: Subject, options: Options) -> Measured:
    """Per image: near copies in a more held-out split, near copies of another class, whether its cluster is a crowd."""
    images = subject.images
    pairs = both_ways(subject)
    leak = pairs["other_level"] > pairs["level"]
    conflict = (pairs["label"] != pairs["other_label"]) & (pairs["correlation"] >= options.min_conflict_correlation)
    shown = pairs.assign(worst=leak * 2 + conflict).sort_values("worst", ascending=False, kind="stable")
    partner = shown.drop_duplicates("row").set_index("row")["other_path"]
    return {
        "n_near_held_out": counted(pairs["row"][leak], images.index),
        "n_near_other_class": counted(pairs["row"][conflict], images.index),
        "in_crowd": ((images["cluster_share"] > 0) & images["near"].isna() & ~images["leads"]).astype("int8"),
        "cluster_share": images["cluster_share"],
        "near_copy": partner.reindex(images.index),
    }


def both_ways(subject: Subject) -> pd.DataFrame:
    """Each near pair twice, from either side; without those of equal pixels, which are the matter of other checks."""
    images, pairs = subject.images, subject.pairs
    here = np.isin(pairs.first, images.index) & np.isin(pairs.second, images.index)
    rows = np.r_[pairs.first[here], pairs.second[here]]
    others = np.r_[pairs.second[here], pairs.first[here]]
    own, other = images.loc[rows], images.loc[others]
    found = pd.DataFrame(
        {
            "row": rows,
            "level": own["split"].map(HELD_OUT).to_numpy(),
            "other_level": other["split"].map(HELD_OUT).to_numpy(),
            "label": own["label"].astype("str").to_numpy(),
            "other_label": other["label"].astype("str").to_numpy(),
            "other_path": other["path"].to_numpy(),
            "correlation": np.r_[pairs.correlation[here], pairs.correlation[here]],
        }
    )
    return found[own["pixels"].to_numpy() != other["pixels"].to_numpy()]


def counted(rows: pd.Series, index: pd.Index) -> pd.Series:
    """How often each row occurs."""
    return rows.value_counts().reindex(index, fill_value=0).astype("int32")


def promises(options: Options) -> list[Promise]:
    """Near copies share a split and a class, and are few."""

    def paired(bad: pd.DataFrame) -> str:
        return listed((f"{row.path} ~ {row.near_copy}" for row in bad.itertuples()), 2)

    def leaking(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image has')} a near copy in a more held-out split, e.g. {paired(bad)}: too good a score"

    def conflicting(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image has')} a near copy in another class, e.g. {paired(bad)}; one label may be wrong"

    def filling(bad: pd.DataFrame, observed: object) -> str:
        worst = next(bad.itertuples())
        return (
            f"{number(bad, 'image is')} in clusters too large to be copies (up to {worst.cluster_share:.1%} of class "
            f"{worst.label!r}), e.g. {worst.path}; they are not kept together: look at them"
        )

    severity, most = options.severity, options.max_named_share
    return [
        Promise("no near copy in another split", "n_near_held_out", severity, leaking, maximum=0, max_named_share=most),
        Promise(
            "no near copy in another class",
            "n_near_other_class",
            severity,
            conflicting,
            maximum=0,
            max_named_share=most,
        ),
        Promise(
            "near copies don't fill a class",
            "in_crowd",
            severity,
            filling,
            maximum=0,
            worst="cluster_share",
            max_named_share=most,
        ),
    ]
