"""Weights: what `download` brings and records of them, and which of Keras' files it asks for."""

import hashlib
import socket

import pytest

from stages.core.errors import UserError
from stages.core.ingest import fetch
from stages.core.ingest.weights import weights_of, write_weights
from stages.core.settings.backbone_options import Backbone

COMMON = {"seed": 1, "height": 96, "width": 96, "pooling": "average", "store": True}


def backbone(weights, kind="MobileNetV2", **arguments):
    return Backbone(backbone=kind, arguments=arguments, weights=weights, **COMMON)


def file(tmp_path, name, sha256=None):
    (tmp_path / name).write_bytes(b"weights")
    return {"uri": str(tmp_path / name), "sha256": sha256, "licence": "MIT"}


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.b.h5", ".h5"), ("a.weights.h5", ".weights.h5"), ("a.keras", ".keras")]
)
def test_a_file_is_copied_under_its_backbones_name_and_recorded(tmp_path, name, suffix):
    """Keras reads the format from the suffix, so that stays; the record says where it came from and what it is."""
    folder = tmp_path / "weights"
    records = write_weights({"net": backbone(file(tmp_path, name))}, folder, tmp_path / "cache")
    path, record = weights_of("net", folder)

    assert path == folder / f"net{suffix}" and path.read_bytes() == b"weights"
    digest = hashlib.sha256(b"weights").hexdigest()
    assert record == {"file": f"net{suffix}", "uri": str(tmp_path / name), "sha256": digest, "licence": "MIT"}
    assert records == {"net": record}


def test_random_weights_have_a_record_and_no_file(tmp_path):
    """What re-runs a backbone depends on its record, which must therefore be there."""
    write_weights({"net": backbone(None)}, tmp_path / "weights", tmp_path)
    path, record = weights_of("net", tmp_path / "weights")

    assert path is None and record["sha256"] is None


def test_a_file_of_another_hash_is_refused(tmp_path):
    """As every fetched file."""
    with pytest.raises(UserError, match="another file, or a damaged one"):
        write_weights({"net": backbone(file(tmp_path, "a.h5", "0" * 64))}, tmp_path / "weights", tmp_path)


def test_a_file_that_keras_could_not_read_is_refused(tmp_path):
    """By its suffix, before anything is trained."""
    with pytest.raises(UserError, match=r"backbones\.net\.weights: a\.bin must end with \.weights\.h5, \.h5"):
        write_weights({"net": backbone(file(tmp_path, "a.bin"))}, tmp_path / "weights", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "arguments", "name"),
    [
        ("MobileNet", {"alpha": 0.25}, "mobilenet_2_5_224_tf_no_top.h5"),
        ("MobileNetV2", {"alpha": 0.35}, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"),
        ("VGG16", {}, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("ResNet50V2", {}, "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("EfficientNetB0", {}, "efficientnetb0_notop.h5"),
    ],
)
def test_keras_own_file_is_found_in_its_cache(tmp_path, monkeypatch, kind, arguments, name):
    """`imagenet` needs no network where Keras' file lies: the same name, by network, arguments and size."""
    monkeypatch.setattr("stages.core.training.applications.keras_cache", lambda: tmp_path / "models")
    monkeypatch.setattr("stages.core.training.applications.KerasFile", without_hash())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).write_bytes(b"weights")
    records = write_weights({"net": backbone("imagenet", kind, **arguments)}, tmp_path / "weights", tmp_path)

    assert records["net"]["file"] == "net.h5" and records["net"]["uri"].startswith("https://")


def without_hash():
    from stages.core.training.applications import KerasFile

    return lambda name, url, _: KerasFile(name, url, None)


@pytest.mark.slow
def test_no_network_and_no_file_is_one_sentence_that_says_where_to_put_it(tmp_path, monkeypatch):
    """Address and path, on one line."""

    def no_network(*_):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(fetch, "WAIT_S", 0.0)
    monkeypatch.setattr("stages.core.training.applications.keras_cache", lambda: tmp_path)
    with pytest.raises(UserError) as error:
        write_weights({"net": backbone("imagenet", "MobileNet", alpha=0.25)}, tmp_path / "weights", tmp_path)

    url = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/mobilenet_2_5_224_tf_no_top.h5"
    assert str(error.value) == (
        f"params.yaml: backbones.net.weights: imagenet needs {url}, which could not be fetched; "
        f"get that file elsewhere and put it at {tmp_path / 'mobilenet_2_5_224_tf_no_top.h5'}"
    )
