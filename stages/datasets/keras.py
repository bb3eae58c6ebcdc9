"""keras: the data sets of keras.datasets by name, from the addresses and with the hashes that Keras has.

Keras itself is not imported (5 s), and its CIFAR files, which are pickles that could run code, are never opened: the
same images come from the binary version of their authors. Copies in $KERAS_HOME/datasets are used.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.ingest.archive import archive_members
from stages.core.ingest.arrays import array_members
from stages.core.ingest.fetch import fetched
from stages.core.ingest.idx import read_idx
from stages.core.ingest.source import Member, Source
from stages.core.settings.options import Download, Section

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
TORONTO = "https://www.cs.toronto.edu/~kriz/"
CLOTHES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip
SIDE = 32  # pixels of a CIFAR image


class Known(NamedTuple):
    """A data set: its files with their SHA-256, where they are, also below $KERAS_HOME/datasets, and whose it is."""

    url: str
    folder: str
    files: dict[str, str]
    licence: str
    citation: str


KNOWN = {
    "mnist": Known(
        GOOGLE,
        "",
        {"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
        "CC BY-SA 3.0",
        "LeCun, Cortes & Burges 1998, The MNIST database of handwritten digits",
    ),
    "fashion_mnist": Known(  # Keras has no hashes for these; they stand in tensorflow/datasets
        GOOGLE,
        "fashion-mnist",
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
        "MIT",
        "Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747",
    ),
    "cifar10": Known(
        TORONTO,
        "",
        {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
        "not stated",
        "Krizhevsky 2009, Learning multiple layers of features from tiny images",
    ),
    "cifar100": Known(
        TORONTO,
        "",
        {"cifar-100-binary.tar.gz": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
        "not stated",
        "Krizhevsky 2009, Learning multiple layers of features from tiny images",
    ),
}


class Options(Section):
    """Which of them."""

    name: Literal["mnist", "fashion_mnist", "cifar10", "cifar100"] = Field(description="as in keras.datasets")
    label_mode: Literal["fine", "coarse"] | None = Field(description="cifar100: 100 or 20 classes; else null")

    @model_validator(mode="after")
    def fits_together(self) -> "Options":
        """Raise ValueError when label_mode is missing, or has no meaning."""
        if (self.name == "cifar100") != (self.label_mode is not None):
            raise ValueError("label_mode is fine or coarse for cifar100, and null for every other")
        return self


def source(options: Options, limits: Download, cache: Path) -> Source:
    """One PNG an image, `<split>/<class>/<number>.png`. Raises UserError."""
    known = KNOWN[options.name]
    paths = [local_or_fetched(known, name, cache) for name in known.files]
    files = [{"uri": known.url + path.name, "sha256": digest(path)} for path in paths]
    origin: dict[str, Any] = {"uri": ", ".join(file["uri"] for file in files), "archives": files}
    origin |= {"licence": known.licence, "citation": known.citation}
    if options.name == "mnist":
        members = npz_members(paths[0])
    elif options.name == "fashion_mnist":
        members = fashion_members(paths, limits)
    else:
        members = cifar_members(paths[0], options.label_mode, limits, cache)
    return Source(origin, members, labels="table")


def local_or_fetched(known: Known, name: str, cache: Path) -> Path:
    """Path of a file: the copy that Keras has fetched before, or our own. Raises UserError; see `fetched`."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    copy = home / "datasets" / known.folder / name
    try:
        return fetched(str(copy) if copy.exists() else known.url + name, known.files[name], cache)
    except UserError as error:
        raise UserError(f"{error}; a copy at {copy} is used as well") from error


def npz_members(path: Path) -> Iterator[Member]:
    """Yield the images of an .npz with x_train, y_train, x_test, y_test. Raises UserError when it isn't one."""
    for split in ("train", "test"):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise UserError(f"{path} is not the .npz that Keras has ({error}); remove it and start again") from error
        yield from array_members(images, labels, split, None, str(path))


def fashion_members(paths: list[Path], limits: Download) -> Iterator[Member]:
    """Yield the images of four IDX files: train images and labels, test images and labels. Raises UserError."""
    for split, at in (("train", 0), ("test", 2)):
        images, labels = read_idx(paths[at], (3,), limits), read_idx(paths[at + 1], (1,), limits)
        yield from array_members(images, labels, split, CLOTHES, str(paths[at]))


def cifar_members(path: Path, label_mode: str | None, limits: Download, cache: Path) -> Iterator[Member]:
    """Yield the images of a binary CIFAR archive. Raises UserError when a file of it is missing or cut."""
    inside = {
        Path(member.name).name: member for member in archive_members(path, limits, cache, lambda name, _: is_part(name))
    }
    meta = f"{label_mode}_label_names.txt" if label_mode else "batches.meta.txt"
    names = read_part(inside, meta, path).decode("utf-8").split()
    for split in ("train", "test"):
        parts = [name for name in sorted(inside) if name.endswith(".bin") and ("test" in name) == (split == "test")]
        data = b"".join(read_part(inside, name, path) for name in parts)
        images, labels = cifar_arrays(data, label_mode, path)
        yield from array_members(images, labels, split, names, str(path))


def is_part(name: str) -> bool:
    """Whether it is one of the files that hold images or the names of classes."""
    return name.endswith((".bin", ".txt"))


def read_part(inside: dict[str, Any], name: str, path: Path) -> bytes:
    """Bytes of a file of the archive. Raises UserError when it isn't there."""
    if name not in inside:
        raise UserError(f"{path} holds no {name}; it is not the binary version of CIFAR")
    data: bytes = inside[name].read()
    return data


def cifar_arrays(data: bytes, label_mode: str | None, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Part records: a label (CIFAR-100: coarse, then fine), then 1,024 bytes each of red, green and blue.

    Raises UserError when they don't come out even.
    """
    n_labels = 2 if label_mode else 1
    record = n_labels + 3 * SIDE * SIDE
    if len(data) % record:
        raise UserError(f"{path}: {len(data):,} bytes are no whole number of records of {record:,}; fetch it again")
    rows = np.frombuffer(data, np.uint8).reshape(-1, record)
    images = rows[:, n_labels:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return images, rows[:, 1 if label_mode == "fine" else 0]
