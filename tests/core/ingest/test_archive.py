"""Archives and folders from outside: every image comes with its bytes, whatever the container; the rest is refused.

What could do harm is in test_hostile_archives.py, the zip that is written in test_source.py.
"""

import bz2
import gzip
import io
import lzma
import os
import random
import re
import tarfile
import tracemalloc
import zipfile
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.ingest.admission import safe_name
from stages.core.ingest.archive import archive_members, archives, folder_members, stem
from stages.core.ingest.image_filter import is_image_name
from stages.core.ingest.source import Source, write_source
from stages.core.settings.options import Download
from tests.core.ingest.test_hostile_archives import zstd

LIMITS = Download(dataset="any", max_images=20, max_bytes=1_000_000, max_ratio=100)
FILES = {"cat/1.jpg": b"one", "cat/2.PNG": b"two", "dog/ä b.jpg": b"three"}
NOISE = random.Random(1).randbytes(4000)  # doesn't compress
COMPRESSIONS = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


def make_zip(path, files, method=zipfile.ZIP_DEFLATED):
    """Write a zip as others would; a name may be a ZipInfo."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def make_tar(path, files, compression="", form=tarfile.PAX_FORMAT):
    """Write a tar; a name may be a TarInfo of a link or a device."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, data in files:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(COMPRESSIONS[compression](stream.getvalue()))
    return path


def read(path, limits=LIMITS):
    """Names and bytes of what an archive gives, read backwards: any order is right."""
    members = list(archive_members(path, limits, path.parent / "cache"))
    return {found.name: found.read() for found in reversed(members)}


def refused(path, *words, limits=LIMITS):
    """Check that reading is refused, with a message that holds the path and these words."""
    with pytest.raises(UserError) as refusal:
        write_source(path.with_name("out.zip"), Source({}, archive_members(path, limits, path.parent / "cache")))
    assert [word for word in (str(path), *words) if word not in str(refusal.value)] == []


def test_a_zip_is_read(tmp_path):
    """Every image with its bytes and no folder."""
    assert read(make_zip(tmp_path / "a.zip", [("cat/", b""), *FILES.items()])) == FILES


@pytest.mark.parametrize("mode", COMPRESSIONS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_is_read(tmp_path, mode, form):
    """Compressed or not, also with the ./ that tar likes to write."""
    assert (
        read(make_tar(tmp_path / "a.tar", [(f"./{name}", data) for name, data in FILES.items()], mode, form)) == FILES
    )


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_what_is_no_image_is_left_out(tmp_path, make):
    """Hidden files, macOS's shadow files, texts and scripts don't come along."""
    others = [
        "README.txt",
        "cat/.1.jpg",
        ".git/1.jpg",
        "__MACOSX/cat/1.jpg",
        "cat/._1.jpg",
        "cat/jpg",
        "cat/1.jpg.sh",
    ]
    path = make(tmp_path / "archive", [*FILES.items(), *((name, b"x") for name in others)])

    assert read(path) == FILES


@given(st.text("ab./\\:ä"))
def test_a_safe_name_stays_inside(name):
    """What isn't refused is relative, has no .. and doesn't change again."""
    try:
        safe = safe_name(name, "x.zip")
    except UserError:
        return
    assert os.path.normpath("/in/" + safe).startswith("/in")
    assert safe_name(safe, "x.zip") == safe


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_members_are_refused(tmp_path, make):
    """21 where 20 are allowed; 20 are read."""
    files = [(f"a/{i}.jpg", b"x") for i in range(21)]

    assert len(read(make(tmp_path / "few", files[:20]))) == 20
    refused(make(tmp_path / "many", files), "holds 21 members; download.max_images is 20")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_bytes_are_refused(tmp_path, make):
    """Two members of 4,000 bytes where 7,999 are allowed; one byte more, and they are read."""
    path = make(tmp_path / "archive", [("a/1.jpg", NOISE), ("a/2.jpg", NOISE)])

    assert len(read(path, LIMITS.model_copy(update={"max_bytes": 8000}))) == 2
    limits = LIMITS.model_copy(update={"max_bytes": 7999})
    refused(path, "unpacks to 8,000 bytes; download.max_bytes is 7,999", limits=limits)


def test_a_bomb_among_pictures_is_refused(tmp_path):
    """One member is packed 900 times, the zip as a whole 40 times: the member is named."""
    noise = random.Random(2).randbytes(12_000)
    path = make_zip(tmp_path / "a.zip", [("a/1.jpg", noise), ("a/2.jpg", bytes(500_000))], zipfile.ZIP_DEFLATED)

    refused(path, "'a/2.jpg' unpacks to", "download.max_ratio is 100")


def test_something_else_is_refused(tmp_path):
    """A web page saved under the archive's name is neither zip nor tar."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>404</html>")

    refused(path, "is neither a zip nor a tar archive (16 bytes); check the file")


@pytest.mark.parametrize("mode", COMPRESSIONS)
def test_a_cut_tar_is_never_taken_for_a_smaller_one(tmp_path, mode):
    """Wherever a download was cut, the images behind the cut are missed, also at the border of a member."""
    path = make_tar(tmp_path / "a.tar", [(f"a/{i}.jpg", NOISE[:512]) for i in range(4)], mode)
    whole, n_members = path.read_bytes(), 4 * 1024

    for n_bytes in range(600, min(len(whole) - 600, n_members + 1), 212):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(UserError):
            read(path)
    path.write_bytes(whole[:-300] if mode else whole[:n_members])
    refused(path)


@given(st.sampled_from(["gz", "bz2", "xz"]), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_compressed_tar_never_gives_other_images(tmp_path_factory, mode, place, change):
    """Its checksums are compared to the last: it is read as it was made, or refused. (zstd may come without one.)"""
    files = [("a/1.jpg", NOISE), ("a/2.jpg", bytes(100))]
    path = make_tar(tmp_path_factory.mktemp("damage") / "a.tar", files, mode)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data)
    try:
        assert read(path) == dict(files)
    except UserError as error:
        assert "damaged" in str(error) or "neither" in str(error)


def whole_archives(folder):
    """One small archive of each kind."""
    files = [(f"a/{i}.jpg", NOISE[: 100 * i] + bytes(100)) for i in range(1, 4)]
    methods = {
        "stored": zipfile.ZIP_STORED,
        "deflated": zipfile.ZIP_DEFLATED,
        "bz2": zipfile.ZIP_BZIP2,
        "lzma": zipfile.ZIP_LZMA,
    }
    zips = [make_zip(folder / f"{name}.zip", files, method) for name, method in methods.items()]
    return [
        *zips,
        *(make_tar(folder / f"a.tar{mode}", files, mode) for mode in COMPRESSIONS),
    ]


@given(st.integers(0, 8), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_any_damage_is_a_users_error_or_harmless(tmp_path_factory, which, place, change, cut):
    """No flipped byte and no cut end gives a traceback, nor an image whose name leads outside."""
    path = whole_archives(tmp_path_factory.mktemp("damage"))[which]
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data[: place % len(data)] if cut else data)
    try:
        write_source(path.with_name("out"), Source({}, archive_members(path, LIMITS, path.parent)))
    except UserError as error:
        assert re.search(
            "damaged|neither|outside|link|encrypted|download.max|UTF-8|twice|shares|can.t be read|NUL|no class folder",
            str(error),
        )


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_named(tmp_path, method):
    """A flipped bit in the bytes of a member is noticed, whatever the compression."""
    path = make_zip(tmp_path / "a.zip", [("a/1.jpg", NOISE)], method)
    data = bytearray(path.read_bytes())
    data[1000:1100] = bytes(100)
    path.write_bytes(data)

    refused(path, "'a/1.jpg' is damaged", "fetch the archive again")


def test_a_folder_gives_its_images(tmp_path):
    """The same members as an archive of it: images below it, not hidden ones, with names relative to it."""
    for name, data in {**FILES, "cat/note.txt": b"", ".cache/1.jpg": b""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)

    assert {found.name: found.read() for found in folder_members(tmp_path)} == FILES


def test_a_missing_folder_says_what_is_wanted(tmp_path):
    """The error names the path and the layout."""
    with pytest.raises(
        UserError, match="nowhere is no folder; give the path of a folder with one folder of images a class"
    ):
        list(folder_members(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("name", "is_image"),
    [("a.JPEG", True), ("b/a.webp", True), ("a.jpg/b", False), (".jpg", False), ("a", False)],
)
def test_an_image_is_known_by_its_ending(name, is_image):
    """In capitals too; a folder's ending doesn't count."""
    assert is_image_name(name) == is_image


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path):
    """A zip finds its list from its end, so a tar whose last file is a zip could be taken for that one."""
    inner = make_zip(tmp_path / "inner.zip", [("no/1.jpg", b"x")], zipfile.ZIP_STORED).read_bytes()

    assert read(make_tar(tmp_path / "a.tar", [*FILES.items(), ("z.zip", inner)])) == FILES


def test_a_name_in_utf8_without_its_flag_is_read(tmp_path):
    """macOS writes UTF-8 into a zip and does not say so."""
    path = make_zip(tmp_path / "a.zip", [("dog/XX.jpg", b"1")])
    path.write_bytes(path.read_bytes().replace(b"dog/XX.jpg", "dog/ä.jpg".encode()))

    assert read(path) == {"dog/ä.jpg": b"1"}


def test_a_compressed_tar_stays_out_of_memory(tmp_path):
    """30 MB of images in a tar.gz are read with less than 6 MB at a time, and no file of them is left behind."""
    files = [(f"a/{n}.jpg", random.Random(n).randbytes(3_000_000)) for n in range(10)]
    path, cache = make_tar(tmp_path / "a.tar", files, "gz"), tmp_path / "cache"
    limits = LIMITS.model_copy(update={"max_bytes": 10**9})

    tracemalloc.start()
    members = list(archive_members(path, limits, cache))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 6_000_000 and list(cache.iterdir()) == []
    assert {member.name: member.read() for member in members} == dict(files)


def test_several_archives_lie_below_their_names(tmp_path):
    """train.zip and test.tar.gz give the predefined splits train and test."""
    uris = [
        str(make_zip(tmp_path / "train.zip", FILES.items())),
        str(make_tar(tmp_path / "test.tar.gz", FILES.items(), "gz")),
    ]

    origin, members = archives(uris, None, tmp_path, partial(archive_members, limits=LIMITS, cache=tmp_path / "cache"))

    assert {member.name for member in members} == {f"{split}/{name}" for split in ("train", "test") for name in FILES}
    assert [found["uri"] for found in origin["archives"]] == uris and origin["uri"] == ", ".join(uris)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("a/train.zip", "train"),
        ("https://host/x/train.tar.gz?download=1", "train"),
        ("s3://bucket/v1.2.tzst", "v1.2"),
        ("train", "train"),
    ],
)
def test_an_archive_is_called_by_its_stem(uri, name):
    """Only the suffixes of archives are taken off."""
    assert stem(uri) == name


def test_a_link_to_a_file_inside_is_read(tmp_path):
    """It is an image like any other; the folder itself may be a link, too."""
    (tmp_path / "real/cat").mkdir(parents=True)
    (tmp_path / "real/cat/1.jpg").write_bytes(b"1")
    (tmp_path / "real/cat/2.jpg").symlink_to("1.jpg")
    (tmp_path / "linked").symlink_to("real")

    assert {m.name: m.read() for m in folder_members(tmp_path / "linked")} == {"cat/1.jpg": b"1", "cat/2.jpg": b"1"}


@pytest.mark.parametrize(
    ("link", "target", "words"),
    [
        ("cat/2.jpg", "../../secret.jpg", "cat/2.jpg is a link that leads outside the folder"),
        ("cat/2.jpg", "/etc/passwd", "cat/2.jpg is a link that leads outside the folder"),
        ("dog", "../others", "dog is a link that leads outside the folder"),
        ("cat/2.jpg", "3.jpg", "cat/2.jpg is a link that leads nowhere"),
        ("cat/2.jpg", "2.jpg", "cat/2.jpg is a link that leads nowhere"),
    ],
)
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path, link, target, words):
    """By its name: of a file, of a folder, broken, or to itself."""
    (tmp_path / "images/cat").mkdir(parents=True)
    (tmp_path / "others").mkdir()
    for name in ("images/cat/1.jpg", "secret.jpg", "others/1.jpg"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "images" / link).symlink_to(target)

    with pytest.raises(UserError, match=words):
        list(folder_members(tmp_path / "images"))


def test_a_loop_of_links_ends(tmp_path):
    """A link to a folder inside is not followed: its images are read where they lie, once."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/1.jpg").write_bytes(b"1")
    (tmp_path / "cat/up").symlink_to("..")
    (tmp_path / "cat2").symlink_to("cat")

    assert [member.name for member in folder_members(tmp_path)] == ["cat/1.jpg"]
