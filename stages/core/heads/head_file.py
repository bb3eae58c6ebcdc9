"""Saving a scikit-learn model without pickle, so that equal models are equal files, and loading no type but known ones.

Travels inside packaged models.
"""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError

STORED_DATE = (1980, 1, 1, 0, 0, 0)
LOADERS = {
    "ObjectNode", "DictNode", "ListNode", "TupleNode", "JsonNode", "TypeNode", "NdArrayNode", "RandomGeneratorNode",
    "TreeNode", "LossNode",
}  # fmt: skip
TYPES = (  # all that our heads are made of; skops itself would also load functions and every class of scikit-learn
    "builtins.dict", "builtins.list", "builtins.tuple", "builtins.str",
    "numpy.ndarray", "numpy.float32", "numpy.float64", "numpy.int32", "numpy.int64", "numpy.uint64",
    "numpy.random._generator.Generator",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.decomposition._pca.PCA",
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.svm._classes.SVC",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.Interval",
)  # fmt: skip


def dumped(head: Any) -> bytes:
    """A fitted estimator as the bytes of a .skops file, the same for the same estimator.

    skops writes zip times and memory addresses, and scikit-learn's trees leave bytes between their fields unset:
    all are made constant here.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(head))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema, names = json.loads(members.pop("schema.json")), dict[str, str]()
    renumber(schema, {}, names)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(schema, sort_keys=False).encode()
        archive.writestr(zipfile.ZipInfo("schema.json", STORED_DATE), text)
        for old, new in sorted(names.items(), key=lambda pair: pair[1]):
            archive.writestr(zipfile.ZipInfo(new, STORED_DATE), whole(members[old]))
    return stream.getvalue()


def renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Replace memory addresses in a schema by numbers in order of appearance, in place; `files` collects new names.

    A plain value gets a number of its own each time: whether two equal ones share an address is chance.
    """
    if isinstance(node, list):
        for item in node:
            renumber(item, ids, files)
    elif isinstance(node, dict):
        if "__id__" in node:
            alone = node.get("__loader__") in ("JsonNode", "TypeNode")
            key = -len(ids) - 1 if alone else node["__id__"]
            node["__id__"] = ids.setdefault(key, len(ids) + 1)
        if re.fullmatch(r"\d+\.npy", str(node.get("file", ""))):
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1:06d}.npy")
        for value in node.values():
            renumber(value, ids, files)


def whole(data: bytes) -> bytes:
    """An .npy file with nothing left to chance between the fields of its records."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.frombuffer(bytearray(array.nbytes), array.dtype).reshape(array.shape)
    for name in array.dtype.names:
        clean[name] = array[name]
    stream = io.BytesIO()
    np.save(stream, clean, allow_pickle=False)
    return stream.getvalue()


def load(path: Path) -> Any:
    """Load a head for predicting. Raises UserError for a file that holds any type but TYPES, or is damaged."""
    import skops.io

    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            foreign = sorted(set(types_in(json.loads(archive.read("schema.json")))) - set(TYPES))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{path} is no .skops file ({error}); `dvc checkout` or `dvc pull` brings it back") from error
    if foreign:
        raise UserError(f"{path} is refused: it holds {', '.join(foreign[:3])}, which no head of ours is made of")
    return skops.io.loads(data, trusted=list(TYPES))


def types_in(node: Any) -> list[str]:
    """Every type that a schema names, as module.name; one that is built in another way than ours, by that way."""
    if isinstance(node, list):
        return [found for item in node for found in types_in(item)]
    if not isinstance(node, dict):
        return []
    own = []
    if "__loader__" in node or "__class__" in node:
        known = node.get("__loader__") in LOADERS
        own = [f"{node.get('__module__')}.{node.get('__class__')}" if known else str(node.get("__loader__"))]
    return own + [found for value in node.values() for found in types_in(value)]
