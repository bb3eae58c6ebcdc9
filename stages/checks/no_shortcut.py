"""no_shortcut: what has nothing to do with the picture does not give the class away.

A network finds such a shortcut before it finds the object (Geirhos et al. 2020), and fails where it is missing: one
class photographed with another camera, saved by another program, named by another habit.
"""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.findings import Severity
from stages.core.options import Count, Fraction, Section, Seed
from stages.core.promises import Explain, Measured, Promise, Subject

GROUPS = {
    "size": ("width", "height"),
    "file_size": ("n_bytes", "bytes_per_pixel"),
    "encoder": ("quantization", "format", "mode", "bits"),
    "colour": ("red", "green", "blue", "brightness", "contrast"),
    "name": ("name_pattern", "name_length"),
}
FOLDS, LEAF = 5, 5  # of the cross-validation; images a leaf of the tree must hold


class Options(Section):
    """Most that each group of trivial features may tell: 0 is guessing, 1 is the class itself."""

    severity: Severity
    max_images: Count = Field(description="images that are looked at, evenly spaced; more cost time")
    seed: Seed = Field(description="of the folds")
    size: Fraction = Field(description="width and height")
    file_size: Fraction = Field(description="bytes, and bytes a pixel")
    encoder: Fraction = Field(description="JPEG quality, format, mode, bit depth")
    colour: Fraction = Field(description="mean colour, brightness and contrast: often part of the object")
    name: Fraction = Field(description="shape of the file name without the name of the class")


def measure(subject: Subject, options: Options) -> Measured:
    """How well a small tree tells the class from each group of features alone: informedness of held-out answers."""
    usable = subject.usable
    sample = usable.iloc[:: -(-len(usable) // options.max_images)] if len(usable) else usable
    sample = sample[sample["label"].astype("str").groupby(sample["label"].astype("str")).transform("size") >= FOLDS]
    if sample["label"].nunique() < 2:
        return {f"told_by_{name}": 0.0 for name in GROUPS}
    wide = sample.assign(**dict(features(sample)))
    truth = pd.factorize(sample["label"].astype("str"), sort=True)[0]
    return {f"told_by_{name}": informed(wide[list(names)], truth, options.seed) for name, names in GROUPS.items()}


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
    name = path.rsplit("/", 1)[-1].lower().replace(str(label).lower(), "")
    return re.sub(r"[0-9]+", "0", name)


def informed(features: pd.DataFrame, truth: np.ndarray, seed: int) -> float:
    """(balanced accuracy - 1/K) / (1 - 1/K) of cross-validated answers: multi-class informedness, at least 0."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(min_samples_leaf=LEAF, class_weight="balanced", random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    answers = cross_val_predict(tree, features.to_numpy(np.float64), truth, cv=folds)
    n_classes = truth.max() + 1
    recalls = [(answers[truth == k] == k).mean() for k in range(n_classes)]
    return max(0.0, float((np.mean(recalls) - 1 / n_classes) / (1 - 1 / n_classes)))


def promises(options: Options) -> list[Promise]:
    """No group of trivial features tells the class better than its limit."""

    def told(name: str) -> Explain:
        def explain(images: pd.DataFrame, observed: object) -> str:
            words = ", ".join(feature.replace("_", " ") for feature in GROUPS[name])
            return (
                f"{words} alone give {observed:.0%} of what there is to know of the class; "
                f"checks.no_shortcut.{name} is {getattr(options, name):g}: a model may learn that, not the picture"
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
