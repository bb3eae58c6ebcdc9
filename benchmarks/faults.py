"""What the gate does about faults planted in TrashNet: python benchmarks/faults.py TRASHNET_ZIP [WORD …]

Each row of the Markdown table is a copy of a clean set (30 photos of each of 6 classes, none of the three that
TrashNet has in two classes) with one fault, through the real `dvc repro train@tiny` in a clone of this repository:
what was expected, what the check measured, what else broke, the verdict, the exit code, and whether a model was
trained; after a stop also whether `dvc repro -s train@tiny` refuses. WORDs choose the rows whose name holds one.
Ends with 1 when an expected check does not fire, or a clean set does not pass. Two rows run at a time.
"""

import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from stages.core.layout import PROJECT, Layout

Files = dict[str, bytes]  # what lies below the planted folder, by path
Pool = dict[str, list[tuple[str, bytes]]]  # name and bytes of all photos of each class
Edit = Callable[[bytes], bytes]
Plant = Callable[[Pool], Files]
Clones = SimpleQueue[Layout]
Done = subprocess.CompletedProcess[str]

N_EACH = 30
WORKERS = 2
QUALITY = 90  # gives the quantization that TrashNet has
CONFLICTS = {"glass115", "metal91", "glass176", "plastic152", "glass389", "plastic332"}  # in two classes
ALWAYS = "label_noise"  # names 50 labels in the clean copy, too
TABLE = "path,label,split,group"
HEAD = "planted fault | expected | measured | also broke | verdict | exit code | trained | then `-s train@tiny` | "


# ---- the clean set and ways to plant -----------------------------------------------------------------------------


def pool_of(archive: Path) -> Pool:
    """All photos in the order of their numbers, without the conflicts."""
    pool: Pool = {}
    with zipfile.ZipFile(archive) as store:
        names = [Path(name) for name in store.namelist() if name.endswith(".jpg") and Path(name).stem not in CONFLICTS]
        for name in sorted(names, key=lambda name: (name.parent, int(re.sub(r"\D", "", name.stem)))):
            pool.setdefault(name.parent.name, []).append((name.name, store.read(str(name))))
    return pool


def clean(pool: Pool, **counts: int) -> Files:
    """Evenly spaced photos: N_EACH of each class, or as many as `counts` says."""
    wanted = {label: counts.get(label, N_EACH) for label in pool}
    return {
        f"{label}/{name}": data
        for label, photos in pool.items()
        for name, data in (photos[i * len(photos) // wanted[label]] for i in range(wanted[label]))
    }


def divided(files: Files) -> Files:
    """The same set with every fifth photo of a class below test/, the others below train/."""
    return {f"{'test' if i % 5 == 4 else 'train'}/{name}": data for i, (name, data) in enumerate(files.items())}


def some(edit: Edit, n: int = 1, suffix: str = ".jpg") -> Plant:
    """Edit n photos, evenly spaced over the set."""

    def plant(pool: Pool) -> Files:
        files = clean(pool)
        for name in list(files)[len(files) // (2 * n) :: len(files) // n]:
            files[str(Path(name).with_suffix(suffix))] = edit(files.pop(name))
        return files

    return plant


def every(edit: Edit, labels: str = "", among: tuple[str, ...] = ()) -> Plant:
    """Edit every photo of the class `labels`, or of all; keep only the classes `among`."""

    def plant(pool: Pool) -> Files:
        files = {name: data for name, data in clean(pool).items() if not among or name.split("/")[0] in among}
        return {name: edit(data) if name.startswith(labels) else data for name, data in files.items()}

    return plant


def twin(of: str, to: str, edit: Edit = bytes) -> Plant:
    """Add at `to` an edited copy of the first photo below `of`; where that is test/, the set is divided."""

    def plant(pool: Pool) -> Files:
        files = divided(clean(pool)) if of.startswith("test/") else clean(pool)
        return files | {to: edit(next(data for name, data in files.items() if name.startswith(of)))}

    return plant


def table(edit: Callable[[list[str]], list[str]], extra: tuple[str, ...] = (), split: bool = False) -> Plant:
    """The set with its labels in labels.csv, whose rows are edited; `extra` photos have no row."""

    def plant(pool: Pool) -> Files:
        files = clean(pool)
        parts = [name.split("/")[0] for name in divided(files)] if split else [""] * len(files)
        rows = [f"{name},{name.split('/')[0]},{part}," for name, part in zip(files, parts, strict=True)]
        photos = dict(zip(extra, files.values(), strict=False))
        return files | photos | {"labels.csv": "\n".join([TABLE, *edit(rows)]).encode()}

    return plant


def zipped(spoil: Callable[[zipfile.ZipFile], None], after: Edit = bytes) -> Plant:
    """The set as an archive, spoiled while it is open, and edited as bytes."""

    def plant(pool: Pool) -> Files:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as store:
            for name, data in clean(pool).items():
                store.writestr(name, data)
            spoil(store)
        return {"set.zip": after(stream.getvalue())}

    return plant


# ---- edits of one picture ----------------------------------------------------------------------------------------


def pixels(data: bytes) -> np.ndarray:
    """Decode to uint8 [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def saved(image: np.ndarray | Image.Image, kind: str = "jpeg", **options: Any) -> bytes:
    """Encode; JPEG as TrashNet has it."""
    stream = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(stream, kind, **({"quality": QUALITY} if kind == "jpeg" else {}) | options)
    return stream.getvalue()


def resized(width: int, height: int, quality: int = QUALITY) -> Edit:
    """Bring to a size."""
    return lambda data: saved(cv2.resize(pixels(data), (width, height), interpolation=cv2.INTER_CUBIC), quality=quality)


def blurred(sigma: float) -> Edit:
    """Blur as a lens out of focus would, nearly."""
    return lambda data: saved(cv2.GaussianBlur(pixels(data), (0, 0), sigma))


def scaled(factor: float, offset: float = 0) -> Edit:
    """Change the light."""
    return lambda data: saved((pixels(data) * float(factor) + offset).clip(0, 255).astype(np.uint8))


def moded(mode: str, kind: str = "jpeg") -> Edit:
    """Convert to another colour mode."""
    return lambda data: saved(Image.fromarray(pixels(data)).convert(mode), kind)


def sixteen_bits(data: bytes) -> bytes:
    """Grey PNG of 16 bits."""
    return saved(Image.fromarray(pixels(data)[..., 1].astype(np.uint16) * 257), "png")


def noisy(deviation: float) -> Edit:
    """A grey card with a little noise."""
    noise = np.random.default_rng(1).normal(128, deviation, (171, 128, 1)).repeat(3, axis=2)
    return lambda _: saved(noise.round().astype(np.uint8))


def tinted(data: bytes) -> bytes:
    """As under a red lamp."""
    return saved((pixels(data) * (1.0, 0.6, 0.6)).astype(np.uint8))


def coarse(data: bytes) -> bytes:
    """Saved by a thrifty program."""
    return saved(pixels(data), quality=30)


def turned(data: bytes) -> bytes:
    """Stored on its side, with the EXIF orientation that sets it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(np.rot90(pixels(data)), exif=exif)


def half(data: bytes) -> bytes:
    """The second half of the bytes is missing; header and end marker are whole."""
    return data[: len(data) // 2] + b"\xff\xd9"


def overwritten(data: bytes) -> bytes:
    """A tenth of the bytes in the middle are zeros, as from a bad disk."""
    at, n = len(data) // 2, len(data) // 10
    return data[:at] + bytes(n) + data[at + n :]


def huge_claim(_: bytes) -> bytes:
    """A whole PNG of some hundred bytes that claims 40,000 x 40,000 pixels."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(99)),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(x)) + name + x + struct.pack(">I", zlib.crc32(name + x)) for name, x in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# ---- faults of the whole set -------------------------------------------------------------------------------------


def copied(pool: Pool) -> Files:
    """Nine glass photos twice: 5 % of the set."""
    files = clean(pool)
    glass = [name for name in files if name.startswith("glass/")][::3][:9]
    return files | {name.replace(".jpg", "_copy.jpg"): files[name] for name in glass}


def burst(pool: Pool) -> Files:
    """Fifteen glass photos replaced by shots of one bottle: brighter or darker, a little smaller."""
    files = clean(pool)
    glass = [name for name in files if name.startswith("glass/")][:16]
    picture = files[glass[0]]
    return files | {name: resized(128 - i, 171 - i)(scaled(1 - i / 100)(picture)) for i, name in enumerate(glass) if i}


def lacking_in_test(pool: Pool) -> Files:
    """All trash below train/."""
    return {name.replace("test/trash", "train/trash"): data for name, data in divided(clean(pool)).items()}


def uneven(pool: Pool) -> Files:
    """Test has nearly all photos of trash."""
    files = divided(clean(pool))
    moved = [name for name in files if name.startswith("train/trash")][:12]
    return {name.replace("train/", "test/") if name in moved else name: data for name, data in files.items()}


def parted_group(pool: Pool) -> Files:
    """Two shots of bottle 7, one below train/ and one below test/."""
    files = divided(clean(pool))
    for number, split in enumerate(("train", "test"), 1):
        name = next(name for name in files if name.startswith(f"{split}/glass"))
        files[f"{split}/glass/bottle7_{number}.jpg"] = files.pop(name)
    return files


def renamed(pool: Pool, among: tuple[str, ...] = ()) -> Files:
    """Glass is named by a phone."""
    files = every(bytes, among=among)(pool)
    return {name.replace("glass/glass", "glass/IMG_2016-"): data for name, data in files.items()}


def mislabelled(pool: Pool) -> Files:
    """Three photos of cardboard and three of glass change their places: 10 % of both."""
    files = clean(pool)
    pairs = zip(
        *([name for name in files if name.startswith(label)][::10] for label in ("cardboard", "glass")), strict=True
    )
    for brown, clear in pairs:
        files[brown.replace("cardboard/", "glass/")] = files.pop(brown)
        files[clear.replace("glass/", "cardboard/")] = files.pop(clear)
    return files


def bomb(store: zipfile.ZipFile) -> None:
    """A member that unpacks to a thousand times its size."""
    store.writestr("glass/glass900.jpg", bytes(10_000_000))


def escape(store: zipfile.ZipFile) -> None:
    """A member above the archive's folder."""
    store.writestr("../glass/glass900.jpg", b"x")


def link(store: zipfile.ZipFile) -> None:
    """A symbolic link to a file of the system."""
    info = zipfile.ZipInfo("glass/glass900.jpg")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    store.writestr(info, "/etc/passwd")


def locked(data: bytes) -> bytes:
    """The encryption flag of every member, in its list at the end."""
    return re.sub(rb"(PK\x01\x02....)\x00", b"\\1\x01", data, flags=re.DOTALL)


# ---- the rows ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A row: what is planted, "check severity" that must break ("" for nothing), and a word of its sentence.

    named: share of the planted images that the check must name; 0 asks for one. group_by: a regular expression.
    """

    name: str
    expected: str
    says: str
    plant: Plant
    named: float = 0
    group_by: str | None = None


TWO = ("glass", "paper")
CRITICAL = [
    Fault("JPEG cut after two thirds", "readable critical", "read", some(lambda data: data[: len(data) * 2 // 3])),
    Fault("empty file", "readable critical", "read", some(lambda data: b"")),
    Fault("text named .jpg", "readable critical", "read", some(lambda data: b"<html>404 Not Found</html>")),
    Fault("JPEG without its second half, end marker put back", "readable critical", "read", some(half)),
    Fault("JPEG with a tenth overwritten by zeros", "readable critical", "read", some(overwritten)),
    Fault("PNG that claims 40,000 x 40,000 pixels", "readable critical", "read", some(huge_claim, 1, ".png")),
    Fault("label without file", "labelled critical", "", table(lambda rows: [*rows, "glass/glass900.jpg,glass,,"])),
    Fault("file without label", "labelled critical", "", table(list, ("glass/glass900.jpg",))),
    Fault("two labels for one file", "labelled critical", "", table(lambda rows: [*rows, f"{rows[0][:-2]}-box,,"])),
    Fault("same bytes in two classes", "no_conflicts critical", "", twin("glass", "paper/paper900.jpg")),
    Fault(
        "same pixels in two classes, one as PNG", "no_conflicts critical", "",
        twin("glass", "paper/paper900.png", moded("RGB", "png")),
    ),
    Fault("same bytes in train/, test/", "no_leaks critical", "copy", twin("test/glass", "train/glass/glass900.jpg")),
    Fault(
        "same pixels in train/ and test/, one as PNG", "no_leaks critical", "copy",
        twin("test/glass", "train/glass/glass900.png", moded("RGB", "png")),
    ),
    Fault("group by name in train/ and test/", "no_leaks critical", "group", parted_group, group_by="(bottle[0-9]+)_"),
    Fault(
        "group by column in train and test", "no_leaks critical", "group",
        table(lambda rows: [f"{row}bottle{i // 10}" for i, row in enumerate(rows)], split=True),
    ),
    Fault("class missing from test/", "enough critical", "split", lacking_in_test),
    Fault("class of 3 images", "enough critical", "images", partial(clean, trash=3)),
    Fault("only one class", "enough critical", "two classes|1 class", every(bytes, among=("glass",))),
    Fault("imbalance 20 : 1", "balanced critical", "max_ratio|many times", partial(clean, paper=200, trash=10)),
]  # fmt: skip
WARNING = [
    Fault("image of 4 x 4", "plausible warning", "min_side|small", some(resized(4, 4))),
    Fault("image of 9,000 x 2,400", "plausible warning", "max_side|large", some(resized(9000, 2400))),
    Fault("image of 640 x 32", "plausible warning", "aspect|thin", some(resized(640, 32))),
    Fault("CMYK JPEG", "plausible warning", "mode", some(moded("CMYK"))),
    Fault("PNG of 16 bits", "consistent warning", "kind|mode", some(sixteen_bits, 1, ".png")),
    Fault("grey JPEG", "consistent warning", "kind|mode", some(moded("L"))),
    Fault("RGBA PNG", "consistent warning", "kind|mode", some(moded("RGBA", "png"), 1, ".png")),
    Fault("12 times the area of the others", "consistent warning", "10 times|sizes", some(resized(443, 592))),
    Fault("image of one colour", "contrasted warning", "blank|one colour", some(noisy(0))),
    Fault("image nearly of one colour", "contrasted warning", "nearly", some(noisy(1.5))),
    Fault("image too dark", "exposed warning", "dark", some(scaled(0.08))),
    Fault("image too light", "exposed warning", "light", some(scaled(0.15, 215))),
    Fault("3 images blurred, sigma 4", "sharp warning", "blurred", some(blurred(4), 3), named=1),
    Fault("3 images blurred, sigma 2", "sharp warning", "blurred", some(blurred(2), 3), named=1),
    Fault("whole set blurred, sigma 1.5", "sharp warning", "soft", every(blurred(1.5))),
    Fault("whole set enlarged 4 x", "sharp warning", "soft", every(lambda x: resized(128, 171)(resized(32, 43)(x)))),
    Fault("imbalance 3 : 1", "balanced warning", "warn_ratio|many times", partial(clean, trash=10)),
    Fault("other shares in test/ than in train/", "even_splits warning", "", uneven),
    Fault("5 % copies within a class", "no_copies warning", "", copied, named=1),
    Fault(
        "near copy in train/ and test/", "no_near_copies warning", "split",
        twin("test/glass", "train/glass/glass900.jpg", resized(120, 160, 60)),
    ),
    Fault(
        "near copy in two classes", "no_near_copies warning", "another class",
        twin("glass", "paper/paper900.jpg", resized(120, 160, 60)),
    ),
    Fault("15 shots of one bottle", "no_near_copies warning", "cluster|fill", burst, named=1),
]  # fmt: skip
SHORTCUTS = [
    Fault(f"{text}, {len(among) or 6} classes", "no_shortcut warning", says, plant(among))
    for among in ((), TWO)
    for text, says, plant in (
        ("glass saved at quality 30", "^quantization|^encoder", lambda x: every(coarse, "glass", x)),
        ("glass is a third larger", "^width|^size", lambda x: every(resized(171, 228), "glass", x)),
        ("glass named by a phone", "^name", lambda x: partial(renamed, among=x)),
        ("glass tinted red", "^red|^colour", lambda x: every(tinted, "glass", x)),
    )
]  # fmt: skip
OTHERS = [
    Fault("6 labels swapped", "label_noise info", "", mislabelled, named=0.5),
    Fault("archive with a path above it", "download error", "outside the archive", zipped(escape)),
    Fault("archive with a password", "download error", "encrypted", zipped(lambda store: None, locked)),
    Fault("archive that is a bomb", "download error", "times its size", zipped(bomb)),
    Fault("archive with a link", "download error", "link", zipped(link)),
    Fault("photo in no class folder", "download error", "no class folder", twin("glass", "glass900.jpg")),
]  # fmt: skip
CLEAN = [
    Fault("none: the clean copy", "", "", clean),
    Fault("none: in train/ and test/", "", "", lambda pool: divided(clean(pool))),
    Fault("none: labels in a table", "", "", table(list)),
    Fault("none: as an archive", "", "", zipped(lambda store: None)),
    Fault("none: 3 photos turned by EXIF", "", "", some(turned, 3)),
]
FAULTS = [*CLEAN, *CRITICAL, *WARNING, *SHORTCUTS, *OTHERS]


# ---- running a row -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a run left: findings (none where download stopped), verdict, exit codes, its words, images named a check.

    note: what the gate's page says of unusual files.
    """

    findings: list[dict[str, Any]]
    verdict: str
    exit_code: int
    trained: bool
    refused: int | None
    words: str
    named: dict[str, set[str]]
    note: str


def main(archive: str, *words: str) -> int:
    """Print the table as it grows; return 1 when a row is not as expected."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    pool, started, n_wrong = pool_of(Path(archive)), time.perf_counter(), 0
    print(f"| {HEAD} |\n{'|---' * (HEAD.count('|') + 1)}|", flush=True)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(WORKERS) as workers:
        clones = cloned(Path(scratch))
        for line, told in workers.map(lambda fault: row(fault, pool, clones), chosen):
            print(f"| {line} |", flush=True)
            n_wrong += bool(told)
    print(f"\n{len(chosen)} rows, {n_wrong} not as expected, {time.perf_counter() - started:.0f} s")
    return int(n_wrong > 0)


def cloned(folder: Path) -> Clones:
    """A clone of what is committed for each worker; rows take one and give it back."""
    clones: Clones = SimpleQueue()
    for number in range(WORKERS):
        clone = Layout(folder / f"clone{number}")
        subprocess.run(["git", "clone", "-q", str(PROJECT), str(clone.root)], check=True)
        clones.put(clone)
    return clones


def row(fault: Fault, pool: Pool, clones: Clones) -> tuple[str, str]:
    """Run one row; returns its line, and what is not as expected."""
    files, clone = fault.plant(pool), clones.get()
    try:
        with tempfile.TemporaryDirectory(prefix="planted-", dir=clone.root.parent) as place:
            outcome = ran(clone, Path(place), files, fault)
    finally:
        clones.put(clone)
    images = planted(files, pool)
    told = problem(fault, outcome, images)
    return " | ".join([*cells(fault, outcome, images), told]), told


def ran(clone: Layout, place: Path, files: Files, fault: Fault) -> Outcome:
    """Write the planted set, empty the clone of what the row before left, and run the pipeline up to the model.

    -f: DVC does not watch a folder, and its cache of runs must not answer for another row.
    """
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    for left in ("data", "reports", ".dvc/cache"):
        shutil.rmtree(clone.root / left, ignore_errors=True)
    clone.root.joinpath("dvc.lock").unlink(missing_ok=True)
    configure(clone, place, files, fault)
    done = dvc(clone, "-f", "train@tiny")
    trained = has_model(clone)
    refused = None if trained else dvc(clone, "-s", "train@tiny").returncode * (not has_model(clone))
    return outcome_of(clone, done, trained, refused)


def outcome_of(clone: Layout, done: Done, trained: bool, refused: int | None) -> Outcome:
    """Collect what the run left."""
    verdict, page = clone.validation / "verdict.json", clone.validation / "index.html"
    report = json.loads(verdict.read_text()) if verdict.exists() else {"findings": [], "verdict": "none"}
    tables = {table.stem: set(pd.read_csv(table)["path"]) for table in clone.validation.glob("images/*.csv")}
    note = re.search(r"<h2>Unusual files</h2>(.*?)</ul>", page.read_text(), re.DOTALL) if page.exists() else None
    told = " ".join(re.sub("<[^>]*>", " ", note[1]).split()) if note else ""
    return Outcome(report["findings"], report["verdict"], done.returncode, trained, refused, done.stderr, tables, told)


def has_model(clone: Layout) -> bool:
    """Whether a model was trained."""
    return (clone.candidate("tiny") / "candidate.json").exists()


def dvc(clone: Layout, *arguments: str) -> Done:
    """Run `dvc repro` there, with nothing of this shell's MLflow and DVC."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
    command = ["dvc", "repro", *arguments]
    return subprocess.run(command, cwd=clone.root, env=kept, capture_output=True, text=True, timeout=600, check=False)


def configure(clone: Layout, place: Path, files: Files, fault: Fault) -> None:
    """Point params.yaml at the planted set, with one network of one epoch."""
    subprocess.run(["git", "checkout", "-q", "params.yaml"], cwd=clone.root, check=True)
    yaml = YAML()
    tree: Any = yaml.load(clone.params)
    tree["download"]["dataset"] = "planted"
    tree["datasets"] = {"planted": {**dataset(place, files), "licence": None, "citation": None}}
    tree["split"]["group_by"] = {"column": not fault.group_by, "folder": None, "regex": fault.group_by}
    tree["normalize"] |= {"height": 24, "width": 32, "channels": "rgb"}
    tiny = tree["models"]["plain"]
    tiny["blocks"], tiny["fit"]["epochs"] = tiny["blocks"][:1], 1
    tree["models"], tree["tune"] = {"tiny": tiny}, {}
    yaml.dump(tree, clone.params)


FOLDERS = {"splits": {}, "class_depth": None}


def dataset(place: Path, files: Files) -> dict[str, Any]:
    """The entry of `datasets` that reads the files."""
    if "set.zip" in files:
        return {"kind": "archive", "uri": str(place / "set.zip"), "sha256": None, **FOLDERS, "encoding": None}
    if "labels.csv" not in files:
        return {"kind": "folder", "path": str(place), **FOLDERS}
    tables = [{"uri": str(place / "labels.csv"), "sha256": None, "split": None, "below": ""}]
    columns = {name: name for name in TABLE.split(",")}
    return {
        "kind": "csv_labels",
        "images": str(place),
        "sha256": None,
        "tables": tables,
        "columns": columns,
        "suffix": "",
        "missing": [],
        "encoding": None,
    }


# ---- judging and showing it --------------------------------------------------------------------------------------


def planted(files: Files, pool: Pool) -> set[str]:
    """Paths of the images that the clean set has not, or has otherwise."""
    before = clean(pool)
    before |= divided(before)
    return {name for name, data in files.items() if before.get(name) != data and not name.endswith((".csv", ".zip"))}


def target(fault: Fault, outcome: Outcome) -> dict[str, Any]:
    """The finding that was expected, broken or not; {} for none."""
    looked_for = [
        found
        for found in outcome.findings
        if f"{found['check']} {found['severity']}" == fault.expected and re.search(fault.says, found["message"])
    ]
    return min(looked_for, key=lambda found: found["passed"], default={})


def hits(fault: Fault, outcome: Outcome, images: set[str]) -> int:
    """How many of the planted images the expected check names."""
    return len(images & outcome.named.get(fault.expected.split(" ")[0], set()))


def problem(fault: Fault, outcome: Outcome, images: set[str]) -> str:
    """What is not as it should be, or nothing."""
    stopped = outcome.verdict in ("fail", "none")
    if stopped == outcome.trained or stopped != (outcome.exit_code != 0) or outcome.refused == 0:
        return "**WRONG**: verdict, exit code and training don't agree"
    if fault.expected.startswith("download"):
        return "" if outcome.verdict == "none" and re.search(fault.says, outcome.words) else "**MISSED**"
    if not fault.expected:
        return "" if outcome.verdict == "pass" else "**FALSE ALARM**"
    found = target(fault, outcome)
    if not found or found["passed"]:
        return "**MISSED**"
    least = max(1, fault.named * len(images)) if found["remedy"] and images else 0
    return "**MISSED** some images" if hits(fault, outcome, images) < least else ""


def cells(fault: Fault, outcome: Outcome, images: set[str]) -> Iterator[str]:
    """The cells of a row but the last."""
    found = target(fault, outcome)
    yield from (fault.name, fault.expected or "nothing", measured(fault, outcome, images))
    others = {
        f"{other['check']} ({other['severity']})": None
        for other in outcome.findings
        if not other["passed"] and other is not found and other["check"] != ALWAYS
    }
    yield from (", ".join(others), outcome.verdict, str(outcome.exit_code), "yes" if outcome.trained else "no")
    yield "" if outcome.refused is None else f"refused ({outcome.refused})" if outcome.refused else "TRAINED"


def measured(fault: Fault, outcome: Outcome, images: set[str]) -> str:
    """What the expected check measured against its limit, and how many of the planted images it names."""
    if outcome.verdict == "none":
        lines = [line for line in outcome.words.splitlines() if "error" in line.lower()]
        return re.sub(r"(?<=\s)/\S*/", "", lines[0])[:160] if lines else "no error"
    found = target(fault, outcome)
    if not found:
        return outcome.note
    named = f"; names {hits(fault, outcome, images)} of {len(images)} planted" if found["remedy"] and images else ""
    what = " broken" if found["remedy"] else ""
    return f"{found['observed']:g}{what}, limit {shown(found['limit'])}{named}"


def shown(limit: Any) -> str:
    """A limit for people."""
    return " ".join(limit) if isinstance(limit, list | tuple) else f"{limit:g}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
