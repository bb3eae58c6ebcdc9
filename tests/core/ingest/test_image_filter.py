"""Content decides what an image is, not its ending; what is left out is counted, wherever it comes from."""

import importlib.util
import io
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.core.gate.findings import folders_without_images, verdict
from stages.core.images.decoding import NotAnImage, decode
from stages.core.images.header import size
from stages.core.ingest.archive import archive_members, folder_members
from stages.core.ingest.image_filter import HEAD, ImageFilter, begins_as_image, told
from stages.core.ingest.source import Source, left_out_of, write_source
from stages.core.settings.options import Download

LIMITS = Download(dataset="any", max_images=1000, max_bytes=10**7, max_ratio=1000)
FORMS = ("jpeg", "png", "bmp", "gif", "tiff", "webp", "ppm", "avif", "jpeg2000")


def picture(form="jpeg"):
    """A small image file."""
    stream = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(stream, form)
    return stream.getvalue()


FILES = {
    "cat/1.jfif": picture(),
    "cat/2.JPE": picture(),
    "cat/3": picture("png"),
    "cat/4.dat": picture("webp"),
    "cat/5.jpg": b"",
    "cat/notes.txt": b"cats " * 100,
    "cat/6.nef": picture("tiff"),
    "cat/@eaDir/1.jfif/SYNOFILE_THUMB_M.jpg": picture(),
    "#recycle/old/9.jpg": picture(),
    "$RECYCLE.BIN/S-1/9.jpg": picture(),
    "System Volume Information/x.jpg": picture(),
    "lost+found/9.jpg": picture(),
    ".Trash-1000/files/9.jpg": picture(),
    "__MACOSX/cat/._1.jpg": b"shadow",
    "cat/._1.jpg": b"shadow",
    "cat/Thumbs.db": b"\xd0\xcf\x11\xe0",
    "dog/1.xyz": b"unknown" * 9,
    "dog/2.xyz": b"",
}
IMAGES = ["cat/1.jfif", "cat/2.JPE", "cat/3", "cat/4.dat", "cat/5.jpg"]
COUNTED = {
    "left_out": {
        "#recycle": 1, "$RECYCLE.BIN": 1, ".nef": 1, ".txt": 1, ".xyz": 2, "@eaDir": 1, "System Volume Information": 1,
        "Thumbs.db": 1, "__MACOSX": 1, "hidden": 2, "lost+found": 1,
    },
    "without_images": {"dog": 2},
}  # fmt: skip


def folder(place):
    """FILES as a folder."""
    for name, data in FILES.items():
        path = place / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place / "images"


def packed(place, kind):
    """FILES as an archive."""
    path = place / f"images.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_every_source_takes_the_same_files_and_counts_the_others(tmp_path, kind):
    """Whole images of any ending or none; folders of NAS, Windows and macOS are no class and hold no image."""
    images = ImageFilter()
    if kind == "folder":
        members = list(folder_members(folder(tmp_path), images))
    else:
        members = list(archive_members(packed(tmp_path, kind), LIMITS, tmp_path / "cache", images))
    assert {member.name: member.read() for member in members} == {name: FILES[name] for name in IMAGES}
    assert images.counted() == COUNTED


def test_what_was_left_out_travels_with_the_index_to_the_gate(tmp_path):
    """The folder of a class in an unknown format is a warning that names it."""
    images = ImageFilter()
    members = folder_members(folder(tmp_path), images)
    write_source(tmp_path / "images.zip", Source({}, members, left_out=images.counted))
    assert left_out_of(tmp_path / "images.zip") == COUNTED
    (finding,) = folders_without_images(COUNTED)
    assert finding.message.startswith("1 folder holds no image: dog (2 files); if one is a class")
    assert verdict([finding]) == "warn"


def test_a_set_of_images_alone_has_nothing_to_tell(tmp_path):
    """Its index is byte for byte what it was."""
    images = ImageFilter()
    assert images("cat/1.jpg", lambda: pytest.fail("its ending says enough"))
    assert images.counted() == {}
    assert told({}) == ""
    assert folders_without_images({}) == []


def test_the_counts_are_told_the_largest_first():
    """In one line."""
    assert told({"left_out": {".xml": 2, "hidden": 1000}}) == "1,002 files left out: 1,000 hidden, 2 .xml"
    assert told({"left_out": {".xml": 1}}) == "1 file left out: 1 .xml"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_decoded_is_known_by_its_first_bytes(form):
    """No format that is read is left out for its name."""
    data = picture(form)
    assert begins_as_image(data[:HEAD])
    assert decode(data).pixels.shape == (10, 10, 3)


@given(st.text(max_size=40))
def test_text_is_no_image(text):
    """Whatever it says."""
    assert not begins_as_image(f"The {text}".encode()[:HEAD])


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
JXL = b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40)


@pytest.mark.parametrize(
    ("data", "module", "package"), [(HEIC, "pillow_heif", "pillow-heif"), (JXL, "pillow_jxl", "pillow-jxl-plugin")]
)
def test_a_format_of_a_plug_in_is_an_image_and_names_it(data, module, package):
    """It isn't left out silently: the gate says what would read it."""
    assert begins_as_image(data[:HEAD])
    if importlib.util.find_spec(module):
        pytest.skip("it is installed here")
    for read in (decode, size):
        with pytest.raises(NotAnImage, match=f"needs {package}, which is not installed"):
            read(data)


def test_an_empty_class_folder_is_said(tmp_path):
    """It may be a class whose images are missing; what holds other folders is none."""
    for name in ("cat", "dog", "more/elm"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "cat/1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = ImageFilter()
    list(folder_members(tmp_path, found))

    assert found.counted()["without_images"] == {"dog": 0, "more/elm": 0}
    (finding,) = folders_without_images(found.counted())
    assert finding.message == (
        "2 folders hold no image: dog (0 files), more/elm (0 files); if one is a class, add its images"
    )
