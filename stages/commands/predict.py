"""predict: ask a model what is on images: files, folders, archives (read inside, never unpacked) or 'patterns*'.

MODEL is a candidate's name, a file or folder of one, an MLflow run id or models:/NAME@ALIAS; left out: the one that was
promoted last, else the champion of the report.
One row an image: label, calibrated confidence, whether that reaches the threshold (`sure`), and the next classes.
Exit code 0: every image was answered, 3: some could not be read (their rows say why), 1: something to mend.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.core.console import Bar, say
from stages.core.errors import Unreadable, UserError, did_you_mean
from stages.core.ingest.source import Member
from stages.core.layout import Layout
from stages.core.plain_text import visible
from stages.core.serving.asked_images import members
from stages.core.serving.chosen import choose, names_a_model, opened
from stages.core.serving.sheet import Sheet, check_suffix, write_sheet
from stages.core.serving.streaming import answers
from stages.core.serving.telling import FORMATS, Row, lines, told, write
from stages.core.settings.params import Params, open_project
from stages.core.tracking.served_model import ServedModel

MOST_SAID = 10  # unreadable images that are named on stderr


@dataclass
class Asking:
    """One call: who is asked about what, how many classes a row names, and what was heard so far."""

    model: ServedModel
    images: list[Member]
    top: int
    sheet: Sheet
    n_unsure: int = 0

    def rows(self) -> Iterator[Row]:
        """Ask about every image, behind a progress bar."""
        with Bar(len(self.images), "predict", "images") as bar:
            for answer in answers(self.model, self.images):
                row = told(answer, self.model, self.top)
                self.sheet.add(answer, row)
                self.n_unsure += row["sure"] is False
                bar.update()
                yield row


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the images and where the answers go."""
    parser.usage = "imagetrail predict [-h] [options] [MODEL] IMAGES …"
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[MODEL] IMAGES",
        help="left out: the one that was promoted last, else the champion of the report",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="left out: the terminal")
    parser.add_argument("--format", choices=FORMATS, help="left out: by the name of FILE, else csv")
    parser.add_argument("--top", type=int, metavar="K", help="classes a row; left out: evaluate.top_k of params.yaml")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a sheet of pictures as well, .png or .html")


def main(parsed: argparse.Namespace) -> None:
    """Write a row an image. Raises Unreadable where some are no images, UserError before anything is asked."""
    params, layout = open_project()
    kind = format_of(parsed.format, parsed.out)
    check_suffix(parsed.sheet)
    top = params.tree.evaluate.top_k if parsed.top is None else parsed.top
    asking = prepared(params, layout, parsed.words, top)
    if parsed.out:
        write(asking.rows(), kind, asking.top, parsed.out)
    else:
        for text in lines(asking.rows(), kind, asking.top):
            sys.stdout.write(visible(text))
        sys.stdout.flush()
    if parsed.sheet:
        write_sheet(asking.sheet, parsed.sheet)
    answer(asking, [path for path in (parsed.out, parsed.sheet) if path])


def format_of(given: str | None, path: Path | None) -> str:
    """The format that is asked for, or that a file's name says. Raises UserError."""
    kind = given or (path.suffix.lower().lstrip(".") if path else FORMATS[0])
    if kind not in FORMATS:
        raise UserError(f"--out {path}: its name must end in .csv, .json or .parquet, or --format must say which it is")
    if kind == "parquet" and not path:
        raise UserError("parquet is no text for a terminal; name its file with --out FILE.parquet")
    return kind


def prepared(params: Params, layout: Layout, words: list[str], top: int) -> Asking:
    """Find the images, open the model. Raises UserError for what is neither."""
    if top < 1:
        raise UserError(f"--top must be at least 1, got {top}")
    with tempfile.TemporaryDirectory(prefix="imagetrail-") as scratch:
        word, images = divided(params, words)
        found = members(images, params.tree.download, layout.root / ".dvc/tmp/fetched")
        chosen = choose(layout, params, word, Path(scratch))
        model = opened(chosen, params.tree.runtime)
    say(f"predict: {len(found):,} images, asking {chosen.name}")
    return Asking(model, found, min(top, len(model.classes)), Sheet(chosen.name, chosen.threshold))


def divided(params: Params, words: list[str]) -> tuple[str | None, list[str]]:
    """The model and the images: the first word is a model where it names one and more follow. Raises UserError."""
    first, *others = words
    if others and names_a_model(params, first):
        return first, others
    if not others and names_a_model(params, first) and not Path(first).exists():
        raise UserError(f"{first} is a model; name images after it: files, folders, archives or 'patterns*'")
    if others and first.isidentifier() and not Path(first).exists():
        raise UserError(f"{first} is neither a model nor images; {did_you_mean(first, params.candidates)}")
    return None, words


def answer(asking: Asking, written: list[Path]) -> None:
    """Sum up. Raises Unreadable."""
    sheet, where = asking.sheet, f"; see {' and '.join(map(str, written))}" if written else ""
    for row in sheet.bad[:MOST_SAID]:
        say(f"warning: {row['image']} can't be read: {row['error']}")
    n_answered = sheet.n_seen - sheet.n_bad
    unsure = f"{asking.n_unsure:,} of them not sure" if sheet.threshold is not None else "without a threshold"
    summary = f"{n_answered:,} images answered, {unsure}{where}"
    if sheet.n_bad:
        raise Unreadable(f"{sheet.n_bad:,} of {sheet.n_seen:,} images can't be read; {summary}")
    say(f"predict: {summary}")
