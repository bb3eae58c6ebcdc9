"""label_noise: which labels a first cheap model doubts most; for people to look at, never a stop.

Confident learning (Northcutt et al. 2021, JAIR 70), by cleanlab, on the out-of-bag answers of a random forest that sees
thumbnails. It doubts what is rare or hard as well as what is wrong.
"""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Count, Section, Seed

LOOKS = ["red", "green", "blue", "brightness", "contrast", "darkest", "lightest", "crispness"]
FEWEST = 5  # images of a class below which nothing is said about it


class Options(Section):
    """How much work the model may be, and how many candidates are listed."""

    severity: Severity
    max_images: Count = Field(description="images that are looked at, evenly spaced; more cost time")
    trees: Count = Field(description="of the random forest")
    seed: Seed = Field(description="of the random forest")
    max_candidates: Count = Field(description="most doubtful labels that are listed")


def measure(subject: Subject, options: Options) -> Measured:
    """Per image: 1 for a candidate, how much its label is doubted (0-1), and what the model would say."""
    usable = subject.usable
    sample = usable.iloc[:: -(-len(usable) // options.max_images)] if len(usable) else usable
    label = sample["label"].astype("str")
    sample = sample[label.groupby(label).transform("size") >= FEWEST]
    if sample["label"].nunique() < 2:
        return {"doubtful_label": pd.Series(0, index=usable.index, dtype="int8"), "doubt": pd.Series(0.0, usable.index)}
    truth, names = pd.factorize(sample["label"].astype("str"), sort=True)
    answers = out_of_bag(features(subject.thumbnails, sample), truth, options)
    doubt, chosen = doubted(truth, answers, options.max_candidates)
    found = pd.DataFrame(
        {"doubtful_label": chosen, "doubt": doubt, "suggested": names[answers.argmax(axis=1)]}, sample.index
    )
    found = found.reindex(usable.index)
    return {
        "doubtful_label": found["doubtful_label"].fillna(0).astype("int8"),
        "doubt": found["doubt"],
        "suggested": found["suggested"],
    }


def features(thumbnails: Any, images: pd.DataFrame) -> np.ndarray:
    """Thumbnails at half their side and the looks of the images, float32 [N, F]."""
    small = np.asarray(thumbnails[images.index.to_numpy()], np.float32)
    n, side, _, channels = small.shape
    small = small.reshape(n, side // 2, 2, side // 2, 2, channels).mean(axis=(2, 4))
    return np.hstack([small.reshape(n, -1), images[LOOKS].to_numpy(np.float32)])


def out_of_bag(features: np.ndarray, truth: np.ndarray, options: Options) -> np.ndarray:
    """Probabilities float64 [N, K] of every image from the trees that did not see it (Breiman 2001)."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        options.trees, oob_score=True, min_samples_leaf=2, random_state=options.seed, n_jobs=-1
    )
    forest.fit(features, truth)
    answers = np.nan_to_num(forest.oob_decision_function_)  # nan: every tree saw it
    unseen = answers.sum(axis=1) == 0
    answers[unseen] = np.bincount(truth) / len(truth)
    return answers


def doubted(truth: np.ndarray, answers: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """1 - the normalized margin of each label, and 1 for the `most` doubtful of those that cleanlab names, else 0."""
    from cleanlab.filter import find_label_issues

    ranked = find_label_issues(truth, answers, return_indices_ranked_by="normalized_margin", filter_by="both", n_jobs=1)
    chosen = np.zeros(len(truth), np.int8)
    chosen[ranked[:most]] = 1
    own = answers[np.arange(len(truth)), truth]
    rest = np.where(np.arange(answers.shape[1]) == truth[:, None], -1, answers).max(axis=1)
    return (1 - (own - rest + 1) / 2).round(4), chosen


def promises(options: Options) -> list[Promise]:
    """No label is doubted."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        worst = bad.sort_values("doubt", ascending=False)
        pairs = (f"{row.path} ({row.suggested}?)" for row in worst.itertuples())
        return f"{number(bad, 'label is')} doubted by a first cheap model, most of all {listed(pairs)}; look at them"

    text = "no label is doubted by a first cheap model"
    return [Promise(text, "doubtful_label", options.severity, explain, maximum=0, worst="doubt", caption="suggested")]
