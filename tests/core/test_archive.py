"""Archives: one set of images gives one zip, and what could do harm is refused with the member's name."""

import io
import os
import random
import re
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.archive import Member, archive_members, folder_members, is_image_name, safe_name, write_zip
from stages.core.errors import UserError
from stages.core.options import Download

LIMITS = Download(dataset="any", max_images=20, max_bytes=1_000_000, max_ratio=100)
FILES = {"cat/1.jpg": b"one", "cat/2.PNG": b"two", "dog/ä b.jpg": b"three"}
NOISE = random.Random(1).randbytes(4000)  # doesn't compress


def member(name, data=b""):
    return Member(name, lambda: data)


def make_zip(path, files, method=zipfile.ZIP_DEFLATED):
    """Write a zip as others would; a name may be a ZipInfo."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def make_tar(path, files, mode="w"):
    """Write a tar; a name may be a TarInfo of a link or a device."""
    with tarfile.open(path, mode) as archive:
        for name, data in files:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def read(path, limits=LIMITS):
    return {found.name: found.read() for found in archive_members(path, limits)}


def refused(path, *words, limits=LIMITS):
    """Check that reading is refused, with a message that holds the path and these words."""
    with pytest.raises(UserError) as refusal:
        write_zip(path.with_name("out.zip"), archive_members(path, limits))
    assert [word for word in (str(path), *words) if word not in str(refusal.value)] == []


@given(st.dictionaries(st.text("abcä/ .", min_size=1), st.binary(), max_size=8), st.randoms())
def test_the_same_members_give_the_same_bytes(tmp_path_factory, files, shuffler):
    """In whatever order they come, and read back they are what was put in."""
    folder = tmp_path_factory.mktemp("zips")
    members = [member(*pair) for pair in files.items()]
    write_zip(folder / "a.zip", members)
    shuffler.shuffle(members)

    assert write_zip(folder / "b.zip", members) == len(files)
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()
    with zipfile.ZipFile(folder / "a.zip") as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == files


def test_the_zip_holds_no_time_and_no_compression(tmp_path):
    """Members are stored, dated 1980, and in the order of their names."""
    write_zip(tmp_path / "a.zip", [member(name, data) for name, data in reversed(FILES.items())])

    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == sorted(FILES)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_two_members_of_one_name_are_refused(tmp_path):
    """Which of the two would be meant is not ours to guess; ä in two spellings is one name."""
    twice = make_zip(tmp_path / "twice.zip", [("a/\u00e4.jpg", b"1"), ("a/a\u0308.jpg", b"2")])

    with pytest.raises(UserError, match=r"a/\u00e4\.jpg stands twice in the source; rename one of the two"):
        write_zip(tmp_path / "out.zip", archive_members(twice, LIMITS))


def test_a_zip_is_read(tmp_path):
    """Every image with its bytes and no folder."""
    assert read(make_zip(tmp_path / "a.zip", [("cat/", b""), *FILES.items()])) == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read(tmp_path, mode):
    """Compressed or not, also with the ./ that tar likes to write."""
    assert read(make_tar(tmp_path / "a.tar", [(f"./{name}", data) for name, data in FILES.items()], mode)) == FILES


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


@pytest.mark.parametrize(
    "name",
    ["/etc/1.jpg", "../1.jpg", "a/../../1.jpg", "..\\1.jpg", "C:\\1.jpg", "C:1.jpg", "\\\\host\\1.jpg"],
)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_name_that_leads_outside_is_refused(tmp_path, make, name):
    """Absolute, upwards or with a drive, in POSIX's or Windows' writing."""
    refused(make(tmp_path / "archive", [("a/1.jpg", b""), (name, b"")]), repr(name), "points outside the archive")


@given(st.text("ab./\\:ä"))
def test_a_safe_name_stays_inside(name):
    """What isn't refused is relative, has no .. and doesn't change again."""
    try:
        safe = safe_name(name, "x.zip")
    except UserError:
        return
    assert os.path.normpath("/in/" + safe).startswith("/in")
    assert safe_name(safe, "x.zip") == safe


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    """Whatever they are called and point to."""
    info = tarfile.TarInfo("cat/1.jpg")
    info.type, info.linkname = kind, "2.jpg"

    refused(
        make_tar(tmp_path / "a.tar", [(info, b"")]),
        "'cat/1.jpg' is a link or a device; pack the files themselves",
    )


def test_a_link_in_a_zip_is_refused(tmp_path):
    """A zip stores a symlink as a file whose mode says so."""
    info = zipfile.ZipInfo("cat/1.jpg")
    info.external_attr = 0o120777 << 16

    refused(make_zip(tmp_path / "a.zip", [(info, b"/etc/passwd")]), "'cat/1.jpg' is a link")


def test_an_encrypted_member_is_refused(tmp_path):
    """Bit 0 of the flags in the directory of the zip says encrypted."""
    path = make_zip(tmp_path / "a.zip", [("cat/1.jpg", b"secret")])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    refused(path, "'cat/1.jpg' is encrypted; pack the images without a password")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_members_are_refused(tmp_path, make):
    """21 where 20 are allowed; 20 are read."""
    files = [(f"a/{i}.jpg", b"x") for i in range(21)]

    assert len(read(make(tmp_path / "few", files[:20]))) == 20
    refused(make(tmp_path / "many", files), "holds 21 files; download.max_images is 20")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_bytes_are_refused(tmp_path, make):
    """Two members of 4,000 bytes where 7,999 are allowed; one byte more, and they are read."""
    path = make(tmp_path / "archive", [("a/1.jpg", NOISE), ("a/2.jpg", NOISE)])

    assert len(read(path, LIMITS.model_copy(update={"max_bytes": 8000}))) == 2
    limits = LIMITS.model_copy(update={"max_bytes": 7999})
    refused(path, "unpacks to 8,000 bytes; download.max_bytes is 7,999", limits=limits)


def test_a_zip_bomb_is_refused(tmp_path):
    """500,000 zeros are packed 900 times denser than any picture."""
    refused(make_zip(tmp_path / "a.zip", [("a/1.jpg", bytes(500_000))]), "unpacks to", "download.max_ratio is 100")


def test_a_bomb_among_pictures_is_refused(tmp_path):
    """One member is packed 900 times, the zip as a whole 40 times: the member is named."""
    noise = random.Random(2).randbytes(12_000)
    path = make_zip(tmp_path / "a.zip", [("a/1.jpg", noise), ("a/2.jpg", bytes(500_000))], zipfile.ZIP_DEFLATED)

    refused(path, "'a/2.jpg' unpacks to", "download.max_ratio is 100")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("name", ["a/1.jpg", "a/readme.txt"])
def test_a_tar_bomb_is_refused(tmp_path, mode, name):
    """The same in a compressed tar, before it is read into memory, and also when it isn't called an image."""
    refused(make_tar(tmp_path / "a.tar", [(name, bytes(500_000))], mode), "download.max_ratio is 100")


def test_something_else_is_refused(tmp_path):
    """A web page saved under the archive's name is neither zip nor tar."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>404</html>")

    refused(path, "is neither a zip nor a tar archive (16 bytes); check the file")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    """A tar from an old machine with Latin-1 names can't be written to a zip as it is."""
    with tarfile.open(tmp_path / "a.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a/\u00e4.jpg"))

    refused(tmp_path / "a.tar", "is not UTF-8")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_cut_tar_is_never_taken_for_a_smaller_one(tmp_path, mode):
    """Wherever a download was cut, the images behind the cut are missed, also at the border of a member."""
    path = make_tar(tmp_path / "a.tar", [(f"a/{i}.jpg", NOISE[:512]) for i in range(4)], mode)
    whole, n_members = path.read_bytes(), 4 * 1024

    for n_bytes in range(600, min(len(whole) - 600, n_members + 1), 212):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(UserError):
            read(path)
    path.write_bytes(whole[:n_members] if mode == "w" else whole[:-300])
    refused(path)


@given(st.sampled_from(["w:gz", "w:bz2", "w:xz"]), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_compressed_tar_never_gives_other_images(tmp_path_factory, mode, place, change):
    """Its checksums are compared to the last: it is read as it was made, or refused."""
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
        *(make_tar(folder / f"a.tar{mode}", files, f"w:{mode}") for mode in ("", "gz", "bz2", "xz")),
    ]


@given(st.integers(0, 7), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_any_damage_is_a_users_error_or_harmless(tmp_path_factory, which, place, change, cut):
    """No flipped byte and no cut end gives a traceback, nor an image whose name leads outside."""
    path = whole_archives(tmp_path_factory.mktemp("damage"))[which]
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data[: place % len(data)] if cut else data)
    try:
        write_zip(path.with_name("out"), archive_members(path, LIMITS))
    except UserError as error:
        assert re.search("damaged|neither|outside|link|encrypted|download.max|UTF-8|twice", str(error))


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
