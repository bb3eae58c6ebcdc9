"""no_shortcut: what has nothing to do with the picture does not give the class away.

A network finds such a shortcut before it finds the object (Geirhos et al. 2020), and fails where it is missing: one
class photographed with another camera, saved by another program, named by another habit.
"""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.gate.findings import Severity
from stages.core.gate.promises import Explain, Measured, Promise, Subject
from stages.core.settings.options import Count, Fraction, Section, Seed

GROUPS = {
    "size": ("width", "height"),
    "file_size": ("n_bytes", "bytes_per_pixel"),
    "encoder": ("quantization", "format", "mode", "bits"),
    "colour": ("red", "green", "blue", "brightness", "contrast"),
    "name": ("name_pattern", "name_length"),
}
FOLDS, LEAF = 5, 5  # of the cross-validation; images a leaf of the tree must hold


class Options(Section):
    """Most that each group of trivial features may tell of some class: 0 is guessing, 1 is the class itself."""

    severity: Severity
    max_images: Count = Field(description="images that are looked at, evenly spaced; more cost time")
    seed: Seed = Field(description="of the folds")
    size: Fraction = Field(description="width and height")
    file_size: Fraction = Field(description="bytes, and bytes a pixel")
    encoder: Fraction = Field(description="JPEG quality, format, mode, bit depth")
    colour: Fraction = Field(description="mean colour, brightness and contrast: often part of the object")
    name: Fraction = Field(description="shape of the file name without the name of the class")


def measure(subject: Subject, options: Options) -> Measured:
    """How well a small tree tells some class from the rest by each group of features alone."""
    return {f"told_by_{name}": most_told(subject.usable, name, options)[1] for name in GROUPS}


def most_told(usable: pd.DataFrame, group: str, options: Options) -> tuple[str, float]:
    """The class that a group of features gives away most, and how much."""
    largest = usable["label"].value_counts().index[: max(2, options.max_images // (FOLDS * LEAF))]
    usable = usable[usable["label"].isin(largest)]  # of more classes too few images each could be looked at
    sample = usable.iloc[:: -(-len(usable) // options.max_images)] if len(usable) else usable
    label = sample["label"].astype("str")
    sample = sample[label.groupby(label).transform("size") >= FOLDS]
    truth, names = pd.factorize(sample["label"].astype("str"), sort=True)
    if len(names) < 2:
        return "", 0.0
    wide = sample.assign(**dict(features(sample)))[list(GROUPS[group])]
    told = informedness(wide, truth, options.seed)
    return str(names[int(told.argmax())]), max(0.0, float(told.max()))


def features(images: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """What is not in the table as a number yet."""
    yield "bytes_per_pixel", images["n_bytes"] / (images["width"] * images["height"])
    yield "quantization", images["quantization"].fillna(0)
    for name in ("format", "mode"):
        yield name, pd.Series(pd.factorize(images[name].astype("str"), sort=True)[0], index=images.index)
    shapes = [name_shape(path, label) for path, label in zip(images["path"], images["label"], strict=True)]
    yield "name_pattern", pd.Series(pd.factorize(np.array(shapes, dtype=object), sort=True)[0], index=images.index)
    yield "name_length", pd.Series([len(shape) for shape in shapes], index=images.index)


def name_shape(path: str, label: str) -> str:
    """The file's name with digits as 0 and without the name of its class, which may well stand there."""
    name = path.rsplit("/", 1)[-1].lower()
    name = re.sub(rf"(?<![a-z]){re.escape(str(label).lower())}(?![a-z])", "", name)  # as a word: "a" is in most names
    return re.sub(r"[0-9]+", "0", name)


def informedness(features: pd.DataFrame, truth: np.ndarray, seed: int) -> np.ndarray:
    """Of each class against the rest: share of it named so - share of others named so, in cross-validated answers.

    truth: int [N], 0 to K - 1. Returns float64 [K] in [-1, 1]; Youden 1950's index. An average over the classes would
    hide one that is given away entirely: it can move that by no more than 1 / (K - 1).
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    answers = cross_val_predict(tree, features.to_numpy(np.float64), truth, cv=folds)
    classes = range(truth.max() + 1)
    return np.array([(answers[truth == k] == k).mean() - (answers[truth != k] == k).mean() for k in classes])


def promises(options: Options) -> list[Promise]:
    """No group of trivial features tells the class better than its limit."""

    def told(name: str) -> Explain:
        def explain(images: pd.DataFrame, observed: object) -> str:
            words = ", ".join(feature.replace("_", " ") for feature in GROUPS[name])
            label, _ = most_told(images[images["usable"]], name, options)
            return (
                f"{words} alone tell class {label!r} from the rest (informedness {observed:.2f}; checks.no_shortcut."
                f"{name} is {getattr(options, name):g}): a model may learn that, not the picture"
            )

        return explain

    return [
        Promise(
            f"{name.replace('_', ' ')} does not give the class away",
            f"told_by_{name}",
            options.severity,
            told(name),
            maximum=getattr(options, name),
        )
        for name in GROUPS
    ]
