"""Class and split of an image by the folders above it, decided over the whole set: a doubtful layout is an error."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from stages.core.errors import UserError
from stages.core.files import listed
from stages.core.ingest.label_text import clean_label

SplitName = Literal["train", "val", "test"]
SplitOrSkip = Literal["train", "val", "test", "skip"]
SKIP = "skip"
HERE = "in the entry of `datasets`"
SPLIT_WORDS: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
BESIDE = {  # words and numbers that may stand beside one of them: training_set, train_images, val2017, seg_test
    "set", "sets", "split", "splits", "data", "dataset", "folder", "dir", "seg", "sample", "samples", "image", "images",
    "img", "imgs", "photo", "photos", "picture", "pictures", "pic", "pics", "jpg", "jpeg", "png",
}  # fmt: skip
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SEPARATORS = re.compile(r"[\s_.\-()]*")


@dataclass(frozen=True)
class FolderRules:
    """What params.yaml says of the folders of a data set.

    splits: name of a folder -> train, val, test, skip (its images are left out) or None (an ordinary folder).
    class_depth: which folder names the class, split folders not counted: 1 is the outermost, -1 the one an image lies
    in; None is the one it lies in as well, and a layout in which that is doubtful is an error.
    """

    splits: Mapping[str, SplitOrSkip | None] = field(default_factory=dict)
    class_depth: int | None = None


@dataclass(frozen=True)
class Placed:
    """A folder that images lie in: its folders without those of splits, its split, and its class once that is known."""

    folder: str
    inner: tuple[str, ...]
    split: str | None
    label: str = ""


def split_of_name(name: str) -> SplitName | None:
    """Return the split that a folder's name, or a word in a table, stands for; None for any other name.

    It holds the words of one split, and beside them only words such as set or images, and numbers.
    """
    text = unicodedata.normalize("NFKC", name)
    if SEPARATORS.fullmatch(WORD.sub("", text)) is None:
        return None
    found = set()
    for word in map(str.lower, WORD.findall(text)):
        split = SPLIT_WORDS.get(word) or joined(word)
        if split:
            found.add(split)
        elif word not in BESIDE and not word.isdigit():
            return None
    return found.pop() if len(found) == 1 else None


def joined(word: str) -> SplitName | None:
    """Return the split of two words written as one, such as trainset or imagestest."""
    pairs = ((word[:at], word[at:]) for at in range(1, len(word)))
    either = ((one, other) for pair in pairs for one, other in (pair, pair[::-1]))
    return next((SPLIT_WORDS[one] for one, other in either if one in SPLIT_WORDS and other in BESIDE), None)


def placements(folders: Collection[str], rules: FolderRules) -> dict[str, tuple[str, str | None] | None]:
    """Return class and split of each folder that holds images; None for one whose images are left out.

    folders: paths with slashes, "" for the outermost. Raises UserError for a layout that leaves class or split open.
    """
    children = children_of(folders)
    leaves_are_splits = all(kind_of(folder.split("/")[-1], rules) for folder in folders)
    placed, skipped = [], set()
    for folder in folders:
        splits = split_parts(folder, rules, children, leaves_are_splits)
        if SKIP in splits.values():
            skipped.add(folder)
        else:
            placed.append(without_splits(folder, splits))
    labelled = [with_class(one, rules) for one in placed]
    if rules.class_depth is None:
        check_parents(labelled)
        check_depths(labelled)
    check_splits(labelled, rules)
    return {**dict.fromkeys(skipped), **{one.folder: (one.label, one.split) for one in labelled}}


def kind_of(name: str, rules: FolderRules) -> SplitOrSkip | None:
    """Return what params.yaml says of a folder of this name, or else its name itself."""
    return rules.splits[name] if name in rules.splits else split_of_name(name)


def children_of(folders: Collection[str]) -> dict[str, set[str]]:
    """Names of the folders in each folder that lead to images."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        parts = folder.split("/") if folder else []
        for depth, name in enumerate(parts):
            found.setdefault("/".join(parts[:depth]), set()).add(name)
    return found


def split_parts(
    folder: str, rules: FolderRules, children: dict[str, set[str]], leaves_are_splits: bool
) -> dict[int, SplitOrSkip]:
    """Return what the folders on a path, by their place in it, say of the split.

    The last of them is a class, though it is called like a split, unless params.yaml says otherwise, the folders of all
    images are called so, it holds classes, or those beside it do: there may be a class `train` between `bus` and `car`.
    """
    parts = folder.split("/") if folder else []
    found = {place: kind for place, name in enumerate(parts) if (kind := kind_of(name, rules))}
    last = len(parts) - 1
    if last in found and parts[last] not in rules.splits and not leaves_are_splits:
        parent, above = "/".join(parts[:-1]), children["/".join(parts[:-1])]
        named = {name: kind for name in above if (kind := kind_of(name, rules))}
        holding = any(f"{parent}/{name}".strip("/") in children for name in named)
        if not holding and not (len(named) == len(above) and len(set(named.values())) > 1):
            del found[last]
    return found


def without_splits(folder: str, splits: dict[int, SplitOrSkip]) -> Placed:
    """Part a path into its split and its other folders. Raises UserError when it names two splits."""
    parts = folder.split("/") if folder else []
    kinds = sorted(set(splits.values()))
    if len(kinds) > 1:
        names = [parts[place] for place in splits]
        raise UserError(
            f"{folder} lies in folders of two splits ({', '.join(kinds)}); if one is an ordinary folder, say "
            f"{HERE} `splits: {{{names[-1]}: null}}`"
        )
    inner = tuple(name for place, name in enumerate(parts) if place not in splits)
    return Placed(folder, inner, kinds[0] if kinds else None)


def with_class(placed: Placed, rules: FolderRules) -> Placed:
    """Return it with its class. Raises UserError when it has not so many folders."""
    depth = rules.class_depth or -1
    if len(placed.inner) < abs(depth):
        raise UserError(no_class_folder(placed, depth))
    name = placed.inner[depth - 1 if depth > 0 else depth]
    return replace(placed, label=clean_label(name) or name)


def no_class_folder(placed: Placed, depth: int) -> str:
    """Say that images lie too high up, and what would be right."""
    where = f"{placed.folder}/" if placed.folder else "the outermost folder"
    if depth != -1:
        n = len(placed.inner)
        return (
            f"an image in {where} has {n} folder{'s' * (n != 1)} above it, not counting splits; class_depth is {depth}"
        )
    name = placed.folder.rpartition("/")[2]
    way = f"; if {name!r} is a class and no split, say {HERE} `splits: {{{name}: null}}`" if name else ""
    return f"an image in {where} lies in no class folder; put each image in a folder with the name of its class{way}"


def check_parents(placed: list[Placed]) -> None:
    """Raise UserError for a class that stands in several folders which are no splits: those may be the classes."""
    parents: dict[str, set[str]] = {}
    for one in placed:
        parents.setdefault(one.label, set()).add("/".join(one.inner[:-1]))
    several = sorted(label for label, found in parents.items() if len(found) > 1)
    if several:
        above = sorted({name for label in several for name in parents[label]})
        outer = next(name for name in above if name).split("/")[0]
        raise UserError(
            f"folders called {listed(map(repr, several))} stand in several folders "
            f"({listed(repr(name or '.') for name in above)}), which by their names are no splits; say {HERE} what "
            f"names the class: `class_depth: -1` for {several[0]!r}, `class_depth: 1` for the outermost, {outer!r}; "
            f"or which split they are: `splits: {{{outer}: train, …}}` (train, val, test or skip)"
        )


def check_depths(placed: list[Placed]) -> None:
    """Raise UserError where some classes lie deeper than others: folders within one class look like that."""
    by_depth: dict[int, Placed] = {}
    for one in sorted(placed, key=lambda one: one.folder):
        by_depth.setdefault(len(one.inner), one)
    if len(by_depth) > 1:
        low, high = by_depth[min(by_depth)], by_depth[max(by_depth)]
        raise UserError(
            f"images lie at different depths, e.g. in {low.folder}/ and in {high.folder}/; say {HERE} "
            f"which folder names the class: `class_depth: 1` for the outermost ({high.inner[0]!r}), `class_depth: -1` "
            f"for the one an image lies in ({high.inner[-1]!r}); `splits: {{NAME: skip}}` leaves a folder out"
        )


def check_splits(placed: list[Placed], rules: FolderRules) -> None:
    """Raise UserError when only a part of the images lies in split folders, or none to train on."""
    ordinary = {name for name, kind in rules.splits.items() if kind is None}
    given = {one.split for one in placed if one.split}
    open_ones = [one for one in placed if not one.split and not ordinary & set(one.inner)]
    if given and open_ones:
        outer = open_ones[0].inner[0]
        raise UserError(
            f"{open_ones[0].folder}/ lies in no split folder, and other images do ({', '.join(sorted(given))}); say "
            f"{HERE} what it is: `splits: {{{outer}: train}}` (train, val or test; skip leaves it out; null lets "
            "`split` divide it)"
        )
    if given and "train" not in given and all(one.split for one in placed):
        names = sorted({part for one in placed for part in one.folder.split("/") if kind_of(part, rules)})
        raise UserError(
            f"all images are in {' and '.join(sorted(given))} and none to train on; if {names[0]!r} is an ordinary "
            f"folder, say {HERE} `splits: {{{names[0]}: null}}`"
        )
