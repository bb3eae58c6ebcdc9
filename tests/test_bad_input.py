"""Bad input: each mistake of a user is one sentence and exit code 1, or is handled and counted in the manifest.

The real nodes run here, each in a process of its own, on images made on the spot.
"""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import struct
import threading
import zipfile
import zlib
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from socket import socket

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core.console import run
from tests.conftest import checkout

SIDE = 12
SPACED, ACCENTED, TAGGED = "my cats", "Hündchen 犬", "<b>x"
SUFFIX = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "TIFF": "tif"}


# ---- images and projects -----------------------------------------------------------------------------------------


def noise(seed, channels=3, dtype=np.uint8):
    """Random pixels [SIDE, SIDE, channels], another picture for each seed."""
    shape = (SIDE, SIDE, channels) if channels > 1 else (SIDE, SIDE)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


def encoded(image, kind="PNG", **options):
    """Bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def picture(seed, kind="PNG"):
    """Bytes of a plain RGB picture."""
    return encoded(Image.fromarray(noise(seed)), kind)


def deep_colour(seed):
    """Bytes of a PNG of 16 bits a channel in colour, which Pillow can read but not write."""
    rows = noise(seed, 3, np.uint16).astype(">u2").reshape(SIDE, -1)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))),
        (b"IEND", b""),
    ]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def animation(seed):
    """Bytes of a GIF of three frames."""
    frames = [Image.fromarray(noise(seed + n, 1)) for n in range(3)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


def plain_class(name, n_images, first_seed):
    """Files of one class of plain pictures, every other one a JPEG."""
    kinds = [("PNG", "JPEG")[n % 2] for n in range(n_images)]
    return {f"{name}/{n:03d}.{SUFFIX[kind]}": picture(first_seed + n, kind) for n, kind in enumerate(kinds)}


DAMAGED = {
    "empty.png": b"",
    "cut.png": picture(1)[:-100],
    "cut.jpg": picture(2, "JPEG")[:-200],
    "text.jpg": b"<html>404 Not Found</html>\n",
}
UNUSUAL = {  # name: bytes, mode in the manifest, flag in the manifest, words on the page
    "deep_grey.png": (encoded(Image.fromarray(noise(11, 1, np.uint16))), "I;16", "deep", "more than 8 bits"),
    "deep_grey.tif": (encoded(Image.fromarray(noise(12, 1, np.uint16)), "TIFF"), "I;16", "deep", "more than 8 bits"),
    "deep_colour.png": (deep_colour(13), "RGB", "deep", "more than 8 bits"),
    "grey.png": (encoded(Image.fromarray(noise(14, 1))), "L", "", ""),
    "grey.jpg": (encoded(Image.fromarray(noise(15, 1)), "JPEG"), "L", "", ""),
    "cmyk.jpg": (encoded(Image.fromarray(noise(16)).convert("CMYK"), "JPEG"), "CMYK", "cmyk", "CMYK"),
    "palette.png": (encoded(Image.fromarray(noise(17)).convert("P")), "P", "palette", "palette"),
    "alpha.png": (encoded(Image.fromarray(noise(18, 4))), "RGBA", "alpha", "transparency"),
    "animated.gif": (animation(19), "P", "animated", "first frame"),
}


def write(folder, files):
    """Write files, given as path and bytes, below a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(path, files):
    """Write files as a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def changed(project, changes):
    """Set values of params.yaml, given by their dotted names; `...` deletes one."""
    tree = project.params()
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = tree
        for key in parents:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    project.write_params(tree)


def from_folder(folder):
    """Changes of params.yaml that choose a folder."""
    return {"download.dataset": "my_folder", "datasets.my_folder.path": str(folder)}


def from_archive(uri, sha256=None):
    """Changes of params.yaml that choose an archive."""
    return {"download.dataset": "cifar10", "datasets.cifar10.uri": str(uri), "datasets.cifar10.sha256": sha256}


def built(folder, files, changes):
    """A project of its own that has downloaded `files`, ready to be validated."""
    made = checkout(folder)
    changed(made, from_folder(write(folder / "pictures", files)) | changes)
    made.stage("download")
    return made


def copied(project, folder):
    """A project as it is now, in another place."""
    return type(project)(shutil.copytree(project.root, folder, symlinks=True))


def outputs(project):
    """Every file that the nodes have made, with its hash."""
    files = [path for part in ("data", "reports") for path in (project.root / part).rglob("*") if path.is_file()]
    return {path.relative_to(project.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def half_written(project):
    """Temporary names that were left behind, wherever they are."""
    return [path for path in project.root.rglob("*.part") if ".venv" not in path.parts]


def assert_refused(project, done, *words, n_errors=1):
    """One sentence with these words, exit code 1, no traceback and nothing half-written."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    said = " ".join(done.stderr.split())

    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and len(errors) == n_errors, done.stderr
    assert not [word for word in words if word not in said], done.stderr
    assert half_written(project) == []


def verdict_of(project):
    """What verdict.json says."""
    return json.loads((project.root / "reports/validation/verdict.json").read_text())


def broken_promises(project):
    """Findings that did not pass, by check and severity."""
    findings = verdict_of(project)["findings"]
    return {(found["check"], found["severity"]): found for found in findings if not found["passed"]}


def page_of(project, name="index.html"):
    """The text of a page of the gate."""
    return (project.root / "reports/validation" / name).read_text()


# ---- three sources: one without fault, one that draws warnings, one that must be refused --------------------------


@pytest.fixture(scope="module")
def passed(tmp_path_factory):
    """A source without fault and without a test split, through normalize; tests must leave its outputs as they are."""
    files = plain_class("a", 30, 1000) | plain_class("b", 30, 2000)
    made = built(tmp_path_factory.mktemp("passed"), files, {"split.test_fraction": 0})
    made.stage("validate")
    made.stage("normalize")
    return made


@pytest.fixture
def settled(passed, tmp_path):
    """A copy of `passed` that a test may change."""
    return copied(passed, tmp_path / "copy")


WARNED = {
    "checks.readable.severity": "warning",
    "checks.plausible.modes": ["RGB", "L"],
    "checks.enough.min_per_class": 3,
}


@pytest.fixture(scope="module")
def warned(tmp_path_factory):
    """Damaged, unusual and oddly named images in unequal classes, as warnings; and what validate printed."""
    files = plain_class(SPACED, 40, 1000) | plain_class(ACCENTED, 20, 2000) | plain_class(TAGGED, 20, 3000)
    files |= {f"{SPACED}/{name}": data for name, (data, *_) in UNUSUAL.items()}
    files |= {f"{TAGGED}/{name}": data for name, data in DAMAGED.items()}
    files |= {f"{ACCENTED}/ein Bild – {n}.png": picture(4000 + n) for n in range(3)}
    made = built(tmp_path_factory.mktemp("warned"), files, WARNED)
    return made, made.stage("validate")


REFUSED = {
    "checks.readable.severity": "critical",
    "checks.balanced.max_ratio": 3.0,
    "checks.enough.min_per_class": 1,
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A source with every critical fault at once, and what validate said; a manifest of before stood there."""
    twice, leaked = picture(1), picture(1000)
    files = plain_class("train/many", 40, 1000) | plain_class("train/few", 10, 2000)
    files |= {"train/many/conflict.png": twice, "train/few/conflict.png": twice}
    files |= {"test/many/copy.png": leaked, "test/many/own.png": picture(3000), "test/few/own.png": picture(3001)}
    files |= plain_class("train/rare", 2, 4000)
    files |= {f"train/few/{name}": data for name, data in DAMAGED.items()}
    made = built(tmp_path_factory.mktemp("refused"), files, REFUSED)
    (made.root / "data/manifest.parquet").write_bytes(b"of an earlier run")
    (made.root / "data/images").mkdir()
    (made.root / "data/images/train.npy").write_bytes(b"of an earlier run")
    return made, made.stage("validate", ok=False)


# ---- params.yaml ---------------------------------------------------------------------------------------------------

MISTAKES = {
    "missing": ({"split.seed": ...}, ["params.yaml: split.seed is missing"]),
    "wrong": ({"split.seed": "one"}, ["params.yaml: split.seed must be", "got 'one'"]),
    "out of range": ({"split.val_fraction": 1.5}, ["split.val_fraction must be above 0 and below 1, got 1.5"]),
    "unknown": ({"models.plain.fit.epoch": 3}, ["params.yaml: models.plain.fit.epoch is not known", "mean epochs?"]),
    "unknown kind": ({"models.plain.kind": "plain_cn"}, ["no stages/models/plain_cn.py", "mean plain_cnn?"]),
    "unknown data set": ({"download.dataset": "digit"}, ["download.dataset: no entry 'digit'", "mean digits?"]),
    "no entry": ({"models": {}}, ["params.yaml: models must have at least 1 item"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_params_stops_the_first_stage(settled, mistake):
    """It names the key, what was got and what would be right, and touches nothing."""
    changes, words = MISTAKES[mistake]
    before = outputs(settled)
    changed(settled, changes)

    assert_refused(settled, settled.stage("download", ok=False), *words)
    assert outputs(settled) == before


FILES = {
    "empty": (b"", ["params.yaml must be a mapping, got nothing"]),
    "no YAML": (b"split: {seed: 1\nmodels: [", ["params.yaml is not YAML", "line 2"]),
    "not UTF-8": ("# größer\n".encode("latin-1"), ["params.yaml is not UTF-8", "byte 5"]),
    "a key twice": (b"split: 1\nsplit: 2\n", ["params.yaml is not YAML", 'duplicate key "split"']),
}


@pytest.mark.parametrize("fault", FILES)
def test_a_params_file_that_cannot_be_read_says_why(settled, fault):
    data, words = FILES[fault]
    (settled.root / "params.yaml").write_bytes(data)

    assert_refused(settled, settled.stage("download", ok=False), *words)


def test_a_missing_params_file_is_named_with_the_way_out(settled):
    (settled.root / "params.yaml").unlink()

    assert_refused(settled, settled.stage("download", ok=False), "params.yaml is missing; `git checkout params.yaml`")


# ---- the command line ------------------------------------------------------------------------------------------------

COMMANDS = {
    "unknown node": (["valdate"], ["'valdate' is no stage", "did you mean validate?"]),
    "no node": ([], ["is no stage", "there are: combine, download, evaluate, features"]),
    "unknown entry": (["train", "plane"], ["params.yaml: models.plane is not there; did you mean plain?"]),
    "no entry": (["train"], ["train takes the name of an entry", "got no name"]),
    "too many": (["validate", "plain"], ["validate takes no name", "got plain"]),
    "no search": (["tune", "residual"], ["params.yaml: tune.residual is not there", "there are: plain"]),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_a_node_or_entry_that_does_not_exist_is_answered(passed, mistake):
    arguments, words = COMMANDS[mistake]

    assert_refused(passed, passed.stage(*arguments, ok=False), *words)


# ---- download --------------------------------------------------------------------------------------------------------


def test_a_missing_folder_is_named(settled, tmp_path):
    """The data of before stays."""
    before = outputs(settled)
    changed(settled, from_folder(tmp_path / "not there"))

    assert_refused(settled, settled.stage("download", ok=False), f"{tmp_path}/not there is no folder")
    assert outputs(settled) == before


def test_a_folder_without_images_is_refused(settled, tmp_path):
    before = outputs(settled)
    changed(settled, from_folder(write(tmp_path / "texts", {"a/notes.txt": b"no image"})))

    assert_refused(settled, settled.stage("download", ok=False), "datasets.my_folder: no image found in texts")
    assert outputs(settled) == before


ARCHIVES = {
    "missing": (None, ["no such file; give a path that exists, or a URL"]),
    "zero bytes": (b"", ["is neither a zip nor a tar archive (0 bytes)"]),
    "no archive": (b"<html>404 Not Found</html>\n", ["is neither a zip nor a tar archive (27 bytes)"]),
    "cut": (b"PK\3\4" + bytes(500), ["is neither a zip nor a tar archive (504 bytes)"]),
}


@pytest.mark.parametrize("fault", ARCHIVES)
def test_a_file_that_is_no_archive_is_refused(settled, tmp_path, fault):
    """Its path, what was found, and the data of before stays."""
    data, words = ARCHIVES[fault]
    path = tmp_path / "images.zip"
    if data is not None:
        path.write_bytes(data)
    before = outputs(settled)
    changed(settled, from_archive(path))

    assert_refused(settled, settled.stage("download", ok=False), str(path), *words)
    assert outputs(settled) == before


def test_an_empty_archive_is_refused(settled, tmp_path):
    before = outputs(settled)
    changed(settled, from_archive(zipped(tmp_path / "images.zip", {})))

    assert_refused(settled, settled.stage("download", ok=False), "datasets.cifar10: no image found in", "images.zip")
    assert outputs(settled) == before


def test_an_archive_with_another_hash_is_refused(settled, tmp_path):
    """Both hashes are shown; the user's own file stays."""
    path = zipped(tmp_path / "images.zip", plain_class("a", 2, 1))
    got, wanted = hashlib.sha256(path.read_bytes()).hexdigest(), "0" * 64
    before = outputs(settled)
    changed(settled, from_archive(path, wanted))

    assert_refused(settled, settled.stage("download", ok=False), f"its SHA-256 is {got}", f"says {wanted}")
    assert outputs(settled) == before and path.exists()


@contextmanager
def served(folder):
    """Serve a folder on a free port of this machine; yields its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def download_from(project, url, sha256=None):
    """Run download on a URL, reached without any proxy."""
    changed(project, from_archive(url, sha256))
    return project.stage("download", ok=False, NO_PROXY="127.0.0.1")


def test_an_address_that_the_server_does_not_know_is_not_tried_again(settled, tmp_path):
    before = outputs(settled)
    with served(tmp_path) as url:
        done = download_from(settled, f"{url}/images.zip")

    assert_refused(settled, done, f"{url}/images.zip could not be fetched (HTTP status 404, try 1 of 4)")
    assert outputs(settled) == before


def test_an_address_that_cannot_be_one_is_not_tried_again(settled):
    done = download_from(settled, "https:///images.zip")

    assert_refused(settled, done, "https:///images.zip could not be fetched (InvalidURL, try 1 of 4)")


@pytest.mark.slow
def test_a_server_that_is_not_there_is_given_up_after_some_tries(settled):
    """Waiting takes 14 s: a short outage should not end a download."""
    before = outputs(settled)
    with socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, nobody else can take it
        url = f"http://127.0.0.1:{free.getsockname()[1]}/images.zip"
        done = download_from(settled, url)

    assert_refused(settled, done, f"{url} could not be fetched (ConnectionError, try 4 of 4)", "check the address")
    assert outputs(settled) == before


def test_a_fetched_file_with_another_hash_is_not_kept(settled, tmp_path):
    """The next run fetches it anew."""
    zipped(tmp_path / "images.zip", plain_class("a", 2, 1))
    before = outputs(settled)
    with served(tmp_path) as url:
        done = download_from(settled, f"{url}/images.zip", "0" * 64)

    assert_refused(settled, done, f"{url}/images.zip: its SHA-256 is", "another file, or a damaged one")
    assert outputs(settled) == before
    assert not list((settled.root / ".dvc/tmp").rglob("images.zip"))


# ---- places that can't be written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "place"), [("download", "data"), pytest.param("validate", "reports", marks=pytest.mark.slow)]
)
def test_a_file_in_the_place_of_a_folder_is_named(settled, stage, place):
    """It is the user's, so it stays; the manifest goes with the verdict that could not be written."""
    shutil.rmtree(settled.root / place)
    (settled.root / place).write_bytes(b"a file")

    assert_refused(settled, settled.stage(stage, ok=False), f"{settled.root}/{place}: a file stands where a folder")
    assert (settled.root / place).read_bytes() == b"a file"
    assert not (settled.root / "data/manifest.parquet").exists()


def test_a_file_in_the_place_of_an_output_is_replaced(settled):
    """As any older output."""
    shutil.rmtree(settled.root / "data/images")
    (settled.root / "data/images").write_bytes(b"a file")

    settled.stage("normalize")
    assert (settled.root / "data/images/train.npy").exists()


def test_a_folder_without_permission_is_named(settled):
    """No mode stops root, who is sent to a folder of the kernel instead."""
    shutil.rmtree(settled.root / "data")
    if os.geteuid() == 0:
        (settled.root / "data").symlink_to("/sys/kernel")
    else:
        (settled.root / "data").mkdir(0o500)

    said = settled.stage("download", ok=False)
    assert_refused(settled, said, f"error: {settled.root}/data/.source.")
    assert re.search("no permission to write|read-only", said.stderr)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "no permission to write or read it"),
        (errno.EROFS, "its file system is read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
        (errno.EISDIR, "a folder stands where a file is needed"),
    ],
)
def test_what_the_system_refuses_is_a_sentence_with_the_file(capsys, number, words):
    """And any other error of it is ours: it keeps its traceback."""

    def refuse(number):
        raise OSError(number, "refused", "data/x")

    assert run(refuse, number) == 1
    assert capsys.readouterr().err.startswith(f"error: data/x: {words}")
    with pytest.raises(OSError, match="refused"):
        run(refuse, errno.EBADF)


# ---- stages in the wrong order ---------------------------------------------------------------------------------------


EARLY = {
    "validate": "images.zip is missing; run `dvc repro download`",
    "normalize": "manifest.parquet does not exist: the data has not passed the gate. Run `dvc repro validate`",
    "evaluate plain": "plain/candidate.json is missing; `dvc repro` makes it",
    "report": "plain/candidate.json is missing; `dvc repro` makes it",
}


@pytest.mark.parametrize("stage", EARLY)
def test_a_stage_before_its_turn_says_what_to_run(project, stage):
    """It names what it misses, and makes nothing."""
    assert_refused(project, project.stage(*stage.split(), ok=False), EARLY[stage])
    assert not outputs(project)


@pytest.mark.slow
def test_training_before_normalize_says_what_to_run(settled):
    shutil.rmtree(settled.root / "data/images")

    assert_refused(
        settled, settled.stage("train", "plain", ok=False), "train.npy is missing; run `dvc repro normalize`"
    )
    assert not (settled.root / "data/candidates").exists()


@pytest.mark.parametrize("stage", ["validate", "normalize"])
@pytest.mark.parametrize("fault", ["missing", "cut", "damaged"])
def test_a_source_that_was_lost_or_damaged_says_what_to_run(settled, stage, fault):
    archive = settled.root / "data/source/images.zip"
    data = archive.read_bytes()
    archive.unlink()
    if fault != "missing":
        archive.write_bytes(data[:-50] if fault == "cut" else data[:200] + bytes(50) + data[250:])

    fault = "missing" if fault == "missing" else "damaged"
    assert_refused(settled, settled.stage(stage, ok=False), f"images.zip is {fault}", "dvc repro", "download")


# ---- critical: validate stops everything before training -------------------------------------------------------------


def test_a_failed_gate_leaves_no_manifest(refused):
    """Not even the one of before; the rejected one, the verdict, the pages and the tables are there to be read."""
    project, done = refused

    assert_refused(project, done, "the data is not fit to train on: ", "(reports/validation/index.html)")
    assert verdict_of(project)["verdict"] == "fail"
    assert not (project.root / "data/manifest.parquet").exists()
    written = {path.name for path in (project.root / "reports/validation").iterdir()}
    assert {"verdict.json", "index.html", "data_docs", "images", "rejected.parquet"} <= written
    assert (project.root / "data/images/train.npy").read_bytes() == b"of an earlier run"


CRITICAL = {
    "readable": ["4 images can't be read", "train/few/empty.png (the file is empty)", "and 1 more"],
    "balanced": ["class 'rare' has 2 of 57 images, 1 for every 21.5 of 'many'; checks.balanced.max_ratio is 3"],
    "no_conflicts": ["1 image stands in two classes", "train/few/conflict.png = train/many/conflict.png"],
    "no_leaks": ["1 image has a copy in a more held-out split", "train/many/000.png = test/many/copy.png"],
    "enough": ["class 'rare' has no image in one of the splits"],
}


@pytest.mark.parametrize("check", CRITICAL)
def test_a_critical_finding_says_what_and_where(refused, check):
    """On the screen, on the page and in verdict.json: the check, what was seen, its limit, and examples."""
    project, done = refused
    found = broken_promises(project)[check, "critical"]

    shown = [line for line in done.stderr.splitlines() if line.split()[:2] == ["critical", check]]
    assert any(found["message"] in line for line in shown), done.stderr
    assert not [words for words in CRITICAL[check] if words not in found["message"]], found["message"]
    assert found["observed"] is not None and found["limit"] is not None
    assert found["examples"] or check == "balanced"  # a measure of the whole has no rows
    assert check in page_of(project)


def test_every_damaged_image_is_an_example_of_its_finding(refused):
    project, _ = refused

    examples = broken_promises(project)["readable", "critical"]["examples"]
    assert set(examples) == {f"train/few/{name}" for name in DAMAGED}
    rejected = pd.read_parquet(project.root / "reports/validation/rejected.parquet").set_index("path")
    assert rejected.loc[examples, "error"].notna().all() and rejected.loc[examples, "split"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("targets", [["-s", "train@plain"], ["train@plain"]])
def test_after_a_failed_gate_dvc_trains_nothing(refused, tmp_path, targets):
    """Also when the entry is asked for by name, alone or with what it needs."""
    project = copied(refused[0], tmp_path / "copy")
    done = project.run("dvc", "repro", *targets, ok=False)

    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert not (project.root / "data/candidates").exists()
    assert not (project.root / "data/manifest.parquet").exists()


@pytest.mark.slow
def test_one_class_is_too_few(tmp_path):
    """A classifier needs two."""
    project = built(tmp_path, plain_class("only", 20, 1), {})

    assert_refused(project, project.stage("validate", ok=False), "the set has 1 class; a classifier needs two or more")
    assert not (project.root / "data/manifest.parquet").exists()


@pytest.mark.slow
def test_a_source_of_only_damaged_images_is_refused(tmp_path):
    """Even where every check that could see it is only a warning, normalize has nothing to work on."""
    files = {f"{label}/{name}": data for label in "ab" for name, data in DAMAGED.items()}
    lenient = {f"checks.{name}.severity": "warning" for name in ("readable", "enough", "no_conflicts")}
    project = built(tmp_path, files, lenient)

    validated = project.stage("validate")
    assert "8 images can't be read" in validated.stderr and "Traceback" not in validated.stderr
    assert_refused(project, project.stage("normalize", ok=False), "no image is in the train split")
    assert not (project.root / "data/images").exists()


@pytest.mark.parametrize(
    ("name", "where"),
    [("loose.png", "the outermost folder"), ("train/loose.png", "train/")],
    ids=["outermost", "split"],
)
def test_an_image_outside_a_class_folder_is_named(tmp_path, name, where):
    """A split is no class; it is refused before anything is packed."""
    project = checkout(tmp_path)
    changed(project, from_folder(write(tmp_path / "pictures", plain_class("train/a", 4, 1) | {name: picture(9)})))

    assert_refused(project, project.stage("download", ok=False), f"an image in {where} lies in no class folder")
    assert outputs(project) == {}


# ---- warnings: the data goes on, and the faults with it ----------------------------------------------------------------


def manifest_of(project):
    """The manifest, by path."""
    return pd.read_parquet(project.root / "data/manifest.parquet").set_index("path")


def test_warnings_go_on(warned):
    """They are printed, stand in verdict.json and on the page; the manifest is there and normalize runs on it."""
    project, done = warned
    checks = {check for check, severity in broken_promises(project) if severity == "warning"}

    assert verdict_of(project)["verdict"] == "warn" and checks == {"readable", "balanced", "plausible"}
    assert not [check for check in checks if f"warning: {check} " not in done.stderr], done.stderr
    project.stage("normalize")
    n_packed = [len(np.load(project.root / f"data/images/{split}.npy")) for split in ("train", "val", "test")]
    assert sum(n_packed) == manifest_of(project)["split"].notna().sum() == len(manifest_of(project)) - len(DAMAGED)


def test_damaged_images_are_counted_and_in_no_split(warned):
    """The manifest says why of each, the page how many."""
    project, _ = warned
    damaged = manifest_of(project).loc[[f"{TAGGED}/{name}" for name in DAMAGED]]

    assert damaged["error"].str.len().gt(5).all() and damaged["split"].isna().all()
    assert damaged["n_bytes"].tolist() == [len(data) for data in DAMAGED.values()]
    assert "4 could not be read" in page_of(project)


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_image_is_accepted_flagged_and_counted(warned, name):
    """Mode and flag stand in the manifest, and how many there are of a kind on the page."""
    project, _ = warned
    _, mode, flag, words = UNUSUAL[name]
    row = manifest_of(project).loc[f"{SPACED}/{name}"]
    n_alike = manifest_of(project)["flags"].fillna("").str.split().map(lambda flags: flag in flags).sum()

    assert row["split"] in ("train", "val", "test") and pd.isna(row["error"])
    assert row["mode"] == mode and set(flag.split()) <= set(row["flags"].split())
    assert not flag or re.search(rf"<li>{n_alike} [^<]*{words}", page_of(project))
    assert flag or row["flags"] == ""


def test_imbalance_is_a_warning_with_its_numbers(warned):
    project, _ = warned
    found = broken_promises(project)["balanced", "warning"]

    assert found["limit"] == 1.5 and found["observed"] == pytest.approx(49 / 20)
    assert f"class {TAGGED!r} has 20 of 92 images" in found["message"] and "warn_ratio is 1.5" in found["message"]


def test_names_with_spaces_and_letters_of_any_script_are_kept(warned):
    """In the manifest and on the page, as the folder has them."""
    project, _ = warned
    manifest = manifest_of(project)

    assert set(manifest["label"]) == {SPACED, ACCENTED, TAGGED}
    assert manifest.loc[f"{ACCENTED}/ein Bild – 2.png", "label"] == ACCENTED
    assert SPACED in page_of(project) and ACCENTED in page_of(project)


@pytest.mark.parametrize("name", ["index.html", "data_docs/validations/images.html"])
def test_names_from_data_are_text_on_a_page(warned, name):
    """A folder named as a tag is shown, not obeyed."""
    project, _ = warned

    assert TAGGED not in page_of(project, name)
    assert name != "index.html" or "&lt;b&gt;x" in page_of(project)


def test_the_page_needs_no_network(warned, refused):
    """No picture, style or script from outside."""
    for project in (warned[0], refused[0]):
        addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page_of(project))
        assert addresses and not [a for a in addresses if re.match("(https?:)?//", a)]
        assert "@import" not in page_of(project) and "url(http" not in page_of(project)


@pytest.mark.slow
def test_validating_twice_gives_the_same_bytes(warned, tmp_path):
    """Manifest, verdict and both pages, wherever the project lies."""
    project = copied(warned[0], tmp_path / "copy")
    before = {
        name: value
        for name, value in outputs(project).items()
        if not name.startswith(("data/images", "reports/timings"))
    }
    assert {"data/manifest.parquet", "reports/validation/data_docs/validations/images.html"} < set(before)

    project.stage("validate")
    after = outputs(project)
    assert {name: after[name] for name in before} == before


def test_a_set_without_a_test_split_works(passed):
    """`test_fraction: 0`: all images are for training and validation, and normalize writes an empty test pack."""
    splits = manifest_of(passed)["split"].value_counts()

    assert verdict_of(passed)["verdict"] == "pass"
    assert set(splits.index) == {"train", "val"} and splits.sum() == 60
    assert np.load(passed.root / "data/images/test.npy").shape == (0, 8, 8, 1)
    assert half_written(passed) == []
