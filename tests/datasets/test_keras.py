"""keras: files of the same format as keras.datasets has, small ones, from $KERAS_HOME or a server on this machine."""

import gzip
import io
import struct
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from stages.core.files import digest
from stages.core.ingest import fetch
from stages.core.ingest.source import images_named
from stages.datasets.keras import KNOWN
from tests.datasets.test_download import decoded, downloaded, refusal

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 255, (6, 28, 28), np.uint8)
COLOUR = RANDOM.integers(0, 255, (6, 32, 32, 3), np.uint8)
LABELS = np.array([3, 1, 0, 3, 9, 2], np.uint8)
TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def npz(path, **arrays):
    """Write an .npz."""
    np.savez_compressed(path, **arrays)


def mnist(folder):
    """mnist.npz with six images each."""
    npz(folder / "mnist.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2])


def fashion_mnist(folder):
    """The four IDX files, gzipped."""
    (folder / "fashion-mnist").mkdir()
    for name, images, labels in (("train", IMAGES, LABELS), ("t10k", IMAGES[:2], LABELS[:2])):
        head = struct.pack(">BBBBIII", 0, 0, 8, 3, *images.shape)
        (folder / f"fashion-mnist/{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        head = struct.pack(">BBBBI", 0, 0, 8, 1, len(labels))
        (folder / f"fashion-mnist/{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + labels.tobytes()))


def records(labels):
    """Binary CIFAR: labels, then red, green and blue of each image."""
    planes = COLOUR.transpose(0, 3, 1, 2).reshape(len(COLOUR), -1)
    return b"".join(bytes(label) + image.tobytes() for label, image in zip(labels, planes, strict=True))


def tar_gz(path, files):
    """Write a tar.gz."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def cifar10(folder, **changes):
    """Two batches of train, one of test, and the names."""
    data = records([[n] for n in LABELS])
    files = {"data_batch_1.bin": data, "data_batch_2.bin": data, "test_batch.bin": data[:3073]}
    files |= {"batches.meta.txt": "\n".join(TEN).encode(), "readme.html": b"", **changes}
    tar_gz(folder / "cifar-10-binary.tar.gz", {f"cifar-10-batches-bin/{name}": files[name] for name in files})


def cifar100(folder):
    """One file of train, one of test, with coarse and fine labels."""
    data = records([[n % 2, n] for n in LABELS])
    names = {"coarse_label_names.txt": b"a\nb\n", "fine_label_names.txt": "\n".join(TEN).encode()}
    files = {"train.bin": data, "test.bin": data[:3074], **names}
    tar_gz(folder / "cifar-100-binary.tar.gz", {f"cifar-100-binary/{name}": files[name] for name in files})


MAKERS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10, "cifar100": cifar100}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty $KERAS_HOME/datasets."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras/datasets").mkdir(parents=True)
    return tmp_path / "keras/datasets"


def expect(monkeypatch, name, folder, url=None):
    """Take the hashes of the small files for the true ones."""
    known = KNOWN[name]
    files = {file: digest(folder / known.folder / file) for file in known.files}
    monkeypatch.setitem(KNOWN, name, known._replace(files=files, url=url or known.url))


def entry(name, label_mode=None):
    """An entry of `datasets`."""
    return {"kind": "keras", "name": name, "label_mode": label_mode}


def pixels(root, path):
    """Decoded pixels of one image of the source."""
    (_, data), *_ = images_named(root / "data/source/images.zip", [path])
    return decoded(data)


@pytest.mark.parametrize(
    "case",
    [
        ("mnist", None, "train/9/00004.png", "9", (6, 2)),
        ("fashion_mnist", None, "train/Ankle boot/00004.png", "Ankle boot", (6, 2)),
        ("fashion_mnist", None, "train/T-shirt_top/00002.png", "T-shirt/top", (6, 2)),
        ("cifar10", None, "train/truck/00004.png", "truck", (12, 1)),
        ("cifar100", "fine", "train/truck/00004.png", "truck", (6, 1)),
        ("cifar100", "coarse", "train/b/00004.png", "b", (6, 1)),
    ],
)
def test_a_copy_of_keras_is_read(tmp_path, home, monkeypatch, case):
    """Every pixel, with its class by name and the split that its authors gave; recorded is where Keras has it from."""
    name, mode, path, label, counts = case
    MAKERS[name](home)
    expect(monkeypatch, name, home)

    source, found = downloaded(tmp_path, entry(name, mode))

    number = int(path[-9:-4])
    wanted = (COLOUR if name.startswith("cifar") else IMAGES)[number]
    np.testing.assert_array_equal(pixels(tmp_path, path), wanted)
    assert found[path]["label"] == label
    assert tuple(sum(row["split"] == split for row in found.values()) for split in ("train", "test")) == counts
    assert str(tmp_path) not in str(source) and source["archives"][0]["uri"].startswith("https://")
    assert source["citation"] and source["licence"]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_what_is_not_there_is_fetched(tmp_path, home, monkeypatch, name):
    """From the address that Keras has, here a server on this machine."""
    (tmp_path / "served").mkdir()
    MAKERS[name](tmp_path / "served")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "served" / KNOWN[name].folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        expect(monkeypatch, name, tmp_path / "served", f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        source, found = downloaded(tmp_path, entry(name))
        server.shutdown()
        thread.join()

    assert source["n_images"] == len(found) > 6


def test_without_a_network_the_way_out_is_told(tmp_path, home, monkeypatch):
    """The address, what went wrong, and that a copy in $KERAS_HOME would do."""
    monkeypatch.setattr(fetch, "WAIT_S", 0.0)
    monkeypatch.setitem(KNOWN, "mnist", KNOWN["mnist"]._replace(url="http://127.0.0.1:9/"))

    message = refusal(tmp_path, entry("mnist"))

    assert message.startswith("http://127.0.0.1:9/mnist.npz could not be fetched (ConnectionError, try 4 of 4)")
    assert message.endswith(f"; a copy at {home / 'mnist.npz'} is used as well")


def test_another_file_of_the_same_name_is_refused(tmp_path, home):
    """The hashes that Keras has are compared, also for a local copy."""
    mnist(home)

    assert f"{home / 'mnist.npz'}: its SHA-256 is" in refusal(tmp_path, entry("mnist"))


def test_no_pickle_is_opened(tmp_path, home, monkeypatch):
    """An array of objects, which only pickle can read, is refused."""
    npz(home / "mnist.npz", x_train=np.array([{}, []], object), y_train=LABELS, x_test=IMAGES, y_test=LABELS)
    expect(monkeypatch, "mnist", home)

    assert "is not the .npz that Keras has (Object arrays cannot be loaded" in refusal(tmp_path, entry("mnist"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batches.meta.txt": None}, "holds no batches.meta.txt; it is not the binary version of CIFAR"),
        ({"test_batch.bin": b"x" * 100}, "100 bytes are no whole number of records of 3,073"),
        ({"batches.meta.txt": b"a b"}, "has no name, as there are 2 names"),
    ],
)
def test_a_wrong_cifar_archive_is_refused(tmp_path, home, monkeypatch, changes, words):
    """One without its names, with a cut batch, or with a label too many."""
    cifar10(home, **changes) if None not in changes.values() else tar_gz(
        home / "cifar-10-binary.tar.gz", {"x/a.bin": b""}
    )
    expect(monkeypatch, "cifar10", home)

    assert words in refusal(tmp_path, entry("cifar10"))


@pytest.mark.parametrize(("name", "mode"), [("cifar100", None), ("mnist", "fine")])
def test_label_mode_belongs_to_cifar100(tmp_path, name, mode):
    """It must be chosen there, and means nothing elsewhere."""
    assert refusal(tmp_path, entry(name, mode)) == (
        "params.yaml: datasets.mine: label_mode is fine or coarse for cifar100, and null for every other"
    )


def test_the_addresses_and_hashes_are_those_of_keras():
    """As far as Keras has them in its source: read, not imported."""
    import importlib.util
    from pathlib import Path

    folder = Path(importlib.util.find_spec("keras").submodule_search_locations[0], "src/datasets")
    for name in ("mnist", "fashion_mnist", "cifar10", "cifar100"):
        assert KNOWN[name].url.rstrip("/") in (folder / f"{name}.py").read_text()
    assert KNOWN["mnist"].files["mnist.npz"] in (folder / "mnist.py").read_text()
    assert all(file in (folder / "fashion_mnist.py").read_text() for file in KNOWN["fashion_mnist"].files)
