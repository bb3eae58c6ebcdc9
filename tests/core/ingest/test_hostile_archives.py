"""Hostile archives: each is refused by a sentence that names the archive and the member, and nothing is written.

`python -c "from tests.core.ingest.test_hostile_archives import markdown; print(markdown())"` prints the table for the docs.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages import download
from stages.core.errors import UserError
from stages.core.files import listed
from stages.core.layout import PROJECT

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")
NOISE = random.Random(1).randbytes(4000)  # doesn't compress
GOOD = ("cat/1.jpg", NOISE)
LIMITS = {"max_images": 20, "max_bytes": 1_000_000, "max_ratio": 100}
OUTSIDE = Path(tempfile.gettempdir(), "imagetrail-hostile.jpg")


# ---- makers: each writes one archive at a path -------------------------------------------------------------------


def zip_of(*files, method=zipfile.ZIP_DEFLATED):
    """A maker of a zip; a name may be a ZipInfo."""

    def make(path):
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in files:
                archive.writestr(name, data, method)

    return make


def tar_of(*files, compress=lambda data: data, form=tarfile.PAX_FORMAT, encoding="utf-8"):
    """A maker of a tar; a name may be a TarInfo."""

    def make(path):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form, encoding=encoding) as archive:
            for name, data in files:
                info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        path.write_bytes(compress(stream.getvalue()))

    return make


def patched(make, change):
    """A maker that changes the bytes of what another one makes."""

    def patch(path):
        make(path)
        path.write_bytes(change(path.read_bytes()))

    return patch


def at(data, place, new):
    """Bytes with others at a place."""
    return data[:place] + new + data[place + len(new) :]


def mode(name, bits):
    """A member of a zip whose Unix mode says what it is."""
    info = zipfile.ZipInfo(name)
    info.external_attr = bits << 16
    return info


def special(name, kind, target="2.jpg"):
    """A member of a tar of another kind than a file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def directory(data, field, value, member=-1):
    """Change a field of a member (the last) in the directory of a zip, given by place and struct format."""
    places = [i for i in range(len(data)) if data.startswith(b"PK\x01\x02", i)]
    return at(data, places[member] + field[0], struct.pack(field[1], value))


FLAGS, CRC, PACKED, SIZE, OFFSET = (8, "<H"), (16, "<L"), (20, "<L"), (24, "<L"), (42, "<L")
METHOD = (10, "<H")


def overlapping(path):
    """Two entries of the directory that share one member, as in Fifield 2019."""
    zip_of(GOOD, ("cat/2.jpg", NOISE))(path)
    path.write_bytes(directory(path.read_bytes(), OFFSET, 0))


def quoted(path):
    """A member whose data hold the next one's header and data: both unpack, from the same bytes."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("cat/2.jpg", NOISE)
    body = inner.getvalue()[: 30 + len("cat/2.jpg") + len(NOISE)]
    zip_of(("cat/1.jpg", body), method=zipfile.ZIP_STORED)(path)
    data, name = path.read_bytes(), b"cat/2.jpg"
    start, end = 30 + len("cat/1.jpg"), data.index(b"PK\x05\x06")
    size = struct.pack("<LLL", zlib.crc32(NOISE), len(NOISE), len(NOISE))
    entry = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 33) + size
    entry += struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, start) + name
    tail = at(data[end:], 8, struct.pack("<HHL", 2, 2, end - data.index(b"PK\x01\x02") + len(entry)))
    path.write_bytes(data[:end] + entry + tail)


def latin_zip(flag):
    """A zip with a name in Latin-1, with or without the claim that it is UTF-8."""

    def change(data):
        data = data.replace(b"cat/X.jpg", b"cat/\xe4.jpg")
        return directory(at(data, 6, struct.pack("<H", flag)), FLAGS, flag)

    return patched(zip_of(("cat/X.jpg", NOISE)), change)


def header_bomb(path):
    """A compressed comment of 100 MB that a reader would hold in memory."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 100_000_000
    path.write_bytes(gzip.compress(header.tobuf() + bytes(200_000)))


def sparse(path):
    """A member of 200 MB of which only 512 bytes are stored."""
    info = tarfile.TarInfo("cat/1.jpg")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"00000000000\x0000000001000\x00"
    block[483:495] = b"01375000000\x00"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    path.write_bytes(bytes(block) + bytes(512) + bytes(1024))


def negative(path):
    """A member of -512 bytes, which sends a reader back to its header for ever."""
    info = tarfile.TarInfo("cat/1.jpg")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xfe\x00"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    path.write_bytes(bytes(block) + bytes(1024))


def zstd(data):
    """Compress as zstd."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


# ---- the table -----------------------------------------------------------------------------------------------------


class Hostile(NamedTuple):
    """What is tried, in which archive, how it is made, and words of the answer."""

    what: str
    file: str
    make: object
    words: tuple[str, ...]


ESCAPES = {
    "an absolute name": str(OUTSIDE),
    "a name that leads up": "../1.jpg",
    "a name that leads up from within": "cat/../../1.jpg",
    "Windows: a name that leads up": "..\\..\\1.jpg",
    "Windows: a drive": "C:\\1.jpg",
    "Windows: a drive without a root": "C:1.jpg",
    "Windows: another machine": "\\\\host\\1.jpg",
}
KINDS = {
    "a symbolic link": tarfile.SYMTYPE,
    "a hard link": tarfile.LNKTYPE,
    "a character device": tarfile.CHRTYPE,
    "a block device": tarfile.BLKTYPE,
    "a pipe (FIFO)": tarfile.FIFOTYPE,
    "a member of an unknown type": b"Z",
}
MODES = {"a symbolic link": 0o120777, "a pipe (FIFO)": 0o010644, "a character device": 0o020644}
DECOMPOSED = (("cat/\u00e4.jpg", NOISE), ("cat/a\u0308.jpg", NOISE[::-1]))
TWICE = (GOOD, ("cat/1.jpg", NOISE[::-1]))
PAST = [(f"cat/{n}.jpg", NOISE[n * 100 : n * 100 + 100]) for n in range(21)]
LARGE = [(f"cat/{n}.jpg", random.Random(n).randbytes(400_000)) for n in range(3)]
ZEROS = (GOOD, ("cat/2.jpg", bytes(900_000)))
COMPRESSIONS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}
MANY = [(f"cat/{n}.jpg", bytes([n]) * 45_000) for n in range(20)]


def escapes():
    """Names that lead outside, in a zip and in a tar."""
    for what, name in ESCAPES.items():
        for file, make in (("a.zip", zip_of), ("a.tar", tar_of)):
            yield Hostile(what, file, make(GOOD, (name, NOISE)), (repr(name), "points outside the archive"))


def kinds():
    """Members that are no plain files."""
    for what, bits in MODES.items():
        yield Hostile(what, "a.zip", zip_of((mode("cat/2.jpg", bits), b"/etc/passwd")), ("'cat/2.jpg' is a link or a",))
    for what, kind in KINDS.items():
        make = tar_of((special("cat/2.jpg", kind, "/etc/passwd"), b""))
        yield Hostile(what, "a.tar", make, ("'cat/2.jpg' is a link or a device",))
    yield Hostile("a sparse member of 200 MB", "a.tar", sparse, ("'cat/1.jpg'", "sparse"))


def doubles():
    """Two members of one name."""
    for file, make in (("a.zip", zip_of), ("a.tar", tar_of)):
        yield Hostile("the same name twice", file, make(*TWICE), ("'cat/1.jpg' stands twice",))
        yield Hostile("two spellings of one name (NFC)", file, make(*DECOMPOSED), ("'cat/\u00e4.jpg' stands twice",))


def bombs():
    """More than the limits allow."""
    for file, make in (("a.zip", zip_of), ("a.tar", tar_of)):
        yield Hostile("more members than allowed", file, make(*PAST), ("holds 21 members; download.max_images is 20",))
        yield Hostile(
            "more bytes than allowed", file, make(*LARGE), ("unpacks to 1,200,000 bytes; download.max_bytes",)
        )
    yield Hostile(
        "a bomb: one member", "a.zip", zip_of(*ZEROS), ("'cat/2.jpg' unpacks to", "download.max_ratio is 100")
    )
    for ending, compress in COMPRESSIONS.items():
        file, make = f"a.tar.{ending}", tar_of(("cat/2.jpg", bytes(900_000)), compress=compress)
        yield Hostile("a bomb: one member", file, make, ("'cat/2.jpg'", "download.max_ratio is 100"))
    spread = tar_of(*MANY, compress=lzma.compress)
    yield Hostile("a bomb: many small members", "a.tar.xz", spread, ("'cat/", "download.max_ratio is 100"))
    padded = tar_of(GOOD, compress=lambda data: gzip.compress(data + bytes(20_000_000)))
    yield Hostile(
        "a bomb behind the end mark",
        "a.tar.gz",
        padded,
        (
            "unpacks to over",
            "download.max_ratio",
        ),
    )
    yield Hostile("a header of 100 MB", "a.tar.gz", header_bomb, ("a name or a comment of 100,000,000 bytes",))
    yield Hostile("two members that share bytes (Fifield)", "a.zip", overlapping, ("'cat/2.jpg' shares bytes",))
    yield Hostile("a member within another one (Fifield)", "a.zip", quoted, ("'cat/2.jpg' shares bytes",))
    grown = patched(zip_of(GOOD), lambda data: directory(data, SIZE, 4_000_000_000))
    yield Hostile("a size of 4 GB that isn't there", "a.zip", grown, ("'cat/1.jpg' unpacks to",))
    yield Hostile("a negative size", "a.tar", negative, ("'cat/1.jpg' has -512 bytes",))


def names():
    """Names that can't be written, and members that can't be read."""
    for what, flag in (("a name that isn't UTF-8 though it says so", 0x800), ("a name in an unknown code page", 0)):
        words = ("cat/", "is not UTF-8; rename it") if flag else ("cat/", "is not UTF-8 at byte 5; ", "set `encoding`")
        yield Hostile(what, "a.zip", latin_zip(flag), words)
    latin = tar_of(("cat/\u00e4.jpg", NOISE), form=tarfile.GNU_FORMAT, encoding="latin-1")
    yield Hostile(
        "a name in an unknown code page",
        "a.tar",
        latin,
        ("b'cat/\\xe4.jpg', is not UTF-8 at byte 5; ", "cp1252 reads 'cat/ä.jpg'"),
    )
    cut = patched(zip_of(("cat/1.jpgXtxt", NOISE)), lambda data: data.replace(b"jpgXtxt", b"jpg\0txt"))
    yield Hostile("a NUL in a name", "a.zip", cut, ("'cat/1.jpg\\x00txt' holds a NUL",))
    for file, make in (("a.zip", zip_of), ("a.tar", tar_of)):
        yield Hostile("a name of 5,000 letters", file, make((f"cat/{'x' * 5000}.jpg", NOISE)), ("is over 4,096 bytes",))
    locked = patched(zip_of(GOOD), lambda data: directory(data, FLAGS, 1))
    yield Hostile("an encrypted member", "a.zip", locked, ("'cat/1.jpg' is encrypted",))
    rare = patched(zip_of(GOOD), lambda data: directory(data, METHOD, 97))
    yield Hostile("an unknown compression", "a.zip", rare, ("'cat/1.jpg' can't be read",))


def damages():
    """Archives that are not whole."""
    yield Hostile("cut", "a.zip", patched(zip_of(*PAST[:9]), lambda data: data[:500]), ("is neither a zip nor a tar",))
    yield Hostile("cut", "a.tar", patched(tar_of(GOOD), lambda data: data[:2000]), ("is damaged",))
    whole = patched(tar_of(GOOD, GOOD), lambda data: data[:4608])
    yield Hostile("cut at the border of a member", "a.tar", whole, ("no end mark at byte 4,608",))
    for ending, compress in COMPRESSIONS.items():
        make = patched(tar_of(*PAST[:9], compress=compress), lambda data: data[:-20])
        yield Hostile("cut", f"a.tar.{ending}", make, ("is damaged",))
    flipped = patched(zip_of(GOOD), lambda data: at(data, 1000, b"damage"))
    yield Hostile("damaged bytes", "a.zip", flipped, ("'cat/1.jpg' is damaged",))
    liar = patched(zip_of(("cat/1.jpg", bytes(5000) + NOISE)), lambda data: directory(data, SIZE, 10))
    yield Hostile("more bytes than the directory says", "a.zip", liar, ("'cat/1.jpg' is damaged",))
    other = patched(zip_of(GOOD), lambda data: data.replace(b"cat/1.jpg", b"../../x.x", 1))
    yield Hostile("another name in the member than in the directory", "a.zip", other, ("'cat/1.jpg' is damaged",))
    header = patched(tar_of(GOOD, ("cat/2.jpg", NOISE)), lambda data: at(data, 4608, b"dog"))
    yield Hostile("a damaged header between members", "a.tar", header, ("no end mark at byte 4,608",))


HOSTILE = [row for part in (escapes, kinds, doubles, bombs, names, damages) for row in part()]


# ---- what each must do -----------------------------------------------------------------------------------------------


def project(folder, row):
    """A project in `folder` whose data set is the hostile archive; returns the archive."""
    root = folder / "project"
    for part in ("data", ".dvc/tmp/fetched", "reports"):
        (root / part).mkdir(parents=True)
    yaml = YAML()
    tree = yaml.load((PROJECT / "params.yaml").read_text())
    path = folder / row.file
    tree["download"].update(LIMITS, dataset="hostile")
    entry = {
        "kind": "archive",
        "uri": str(path),
        "sha256": None,
        "splits": {},
        "class_depth": None,
        "encoding": None,
        "licence": None,
        "citation": None,
    }
    tree["datasets"] = {"hostile": entry}
    with (root / "params.yaml").open("w") as stream:
        yaml.dump(tree, stream)
    row.make(path)
    return path


def listing(folder):
    """Every path below a folder with what it holds."""
    found = {path: path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}
    return {str(path): hashlib.sha256(data).hexdigest() for path, data in found.items()}


def answer(folder, row):
    """What `python -m stages download` says to a hostile archive."""
    project(folder, row)
    with pytest.raises(UserError) as refusal:
        download.main(folder / "project")
    return str(refusal.value)


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: f"{row.file}: {row.what}")
def test_it_is_refused_by_name_and_nothing_is_written(tmp_path, row):
    """The archive and the member are named; no file has come, gone or changed, inside or outside the project."""
    path = project(tmp_path, row)
    before = listing(tmp_path)

    with pytest.raises(UserError) as refusal:
        download.main(tmp_path / "project")

    assert [word for word in (str(path), *row.words) if word not in str(refusal.value)] == []
    assert listing(tmp_path) == before
    assert not OUTSIDE.exists()


def test_the_same_without_the_fault_is_read(tmp_path):
    """What the faults are put into is itself in order: it is not refused for another reason."""
    for number, make in enumerate(
        (zip_of(GOOD), tar_of(GOOD), *(tar_of(GOOD, compress=c) for c in COMPRESSIONS.values()))
    ):
        folder = tmp_path / str(number)
        project(folder, Hostile("", "a", make, ()))
        download.main(folder / "project")

        assert (folder / "project/data/source/images.zip").exists()


def markdown():
    """The table: what was tried, in which archives, and what it says (of the first)."""
    said = {}
    for row in HOSTILE:
        with tempfile.TemporaryDirectory() as folder:
            text = answer(Path(folder), row).replace(f"{folder}/", "").replace("|", "\\|")
        files, _ = said.setdefault(row.what, ([], text))
        files.append(row.file.removeprefix("a."))
    rows = [f"| {what} | {listed(files, 9)} | {text} |" for what, (files, text) in said.items()]
    return "\n".join(["| tried | in | answer |", "|---|---|---|", *rows])
