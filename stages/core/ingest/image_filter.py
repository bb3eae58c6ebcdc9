"""Which files of a source are images: by their ending or by their first bytes; what is left out is counted."""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

HEAD = 32  # bytes that tell an image from anything else
IMAGE_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm",
    ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl",
}  # fmt: skip
# raw files of cameras begin as a TIFF and hold no finished picture
RAW_SUFFIXES = {".arw", ".cr2", ".dng", ".nef", ".nrw", ".orf", ".pef", ".rw2", ".srw"}
SYSTEM_NAMES = {
    "__macosx", "@eadir", "@recycle", "#recycle", "#snapshot", "@tmp", "$recycle.bin", "recycler",
    "system volume information", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini",
}  # fmt: skip
BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF....WEBP"
    rb"|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0|P[1-6]\s+(?:#|\d+\s)"
    rb"|....ftyp(?:avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)"
    rb"|\0\0\0\x0c(?:jP  |JXL )\r\n\x87\n|\xff\x4f\xff\x51",
    re.DOTALL,
)


def is_image_name(name: str) -> bool:
    """Whether a file counts as an image by its ending alone; files of systems don't."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES and system_part(name) is None


def system_part(name: str) -> str | None:
    """The folder or file in a path that is a system's own or hidden (@eaDir, .Trash-1000, Thumbs.db), or None."""
    return next((part for part in PurePosixPath(name).parts if is_system_name(part)), None)


def is_system_name(part: str) -> bool:
    """Whether a file or folder is hidden, or one that macOS, Windows or a NAS makes by itself."""
    return part.startswith(".") or part.lower() in SYSTEM_NAMES


def begins_as_image(head: bytes) -> bool:
    """Whether the first HEAD bytes are those of a format that is read, with or without an extra package."""
    return BEGINNINGS.match(head) is not None


class ImageFilter:
    """Lets the images of one source through, and counts what it leaves out: by ending, and by the name of a system."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.images: Counter[str] = Counter()  # by folder
        self.others: Counter[str] = Counter()

    def __call__(self, name: str, head: Callable[[], bytes]) -> bool:
        """Whether a file is an image; `head` reads its first bytes, and is asked where its ending says nothing."""
        path = PurePosixPath(name)
        if system := system_part(name):
            self.left_out[system if system.lower() in SYSTEM_NAMES else "hidden"] += 1
            return False
        suffix, folder = path.suffix.lower(), str(path.parent)
        if suffix in IMAGE_SUFFIXES or (suffix not in RAW_SUFFIXES and begins_as_image(head())):
            self.images[folder] += 1
            return True
        self.left_out[suffix or "no ending"] += 1
        self.others[folder] += 1
        return False

    def note_empty_folder(self, folder: str) -> None:
        """Remember a folder that holds nothing: it may be a class whose images are missing."""
        self.others[folder] += 0

    def leave_out_folder(self, folder: Path) -> None:
        """Count the files below a folder of a system, which is not looked into otherwise."""
        kind = folder.name if folder.name.lower() in SYSTEM_NAMES else "hidden"
        self.left_out[kind] += sum(len(files) for _, _, files in os.walk(folder))

    def counted(self) -> dict[str, Any]:
        """What was left out, and the folders that, with all below, hold no image, with their files; {} for nothing."""
        holders = {str(parent) for folder in self.images for parent in (folder, *PurePosixPath(folder).parents)}
        without = {folder: n for folder, n in sorted(self.others.items()) if folder not in holders}
        found = {"left_out": dict(sorted(self.left_out.items())), "without_images": without}
        return {key: value for key, value in found.items() if value}


def told(counted: dict[str, Any]) -> str:
    """'12 files left out: 9 .xml, 3 hidden'; '' for nothing."""
    kinds = counted.get("left_out", {})
    several = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    total = sum(kinds.values())
    each = ", ".join(f"{n:,} {kind}" for kind, n in several)
    return f"{total:,} file{'s' * (total != 1)} left out: {each}" if total else ""
