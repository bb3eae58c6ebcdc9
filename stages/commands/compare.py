"""compare: is one candidate better than another, or only luckier? A paired test on the same images.

Two candidates are compared as often as one likes, so this corrects for nothing: the report does, for all of them.
"""

import argparse

from stages.core.console import show
from stages.core.errors import UserError, did_you_mean
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.significance import MEASURES, Answers, compare, discordant
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.settings.params import Params, open_project


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare both candidates and the split."""
    parser.add_argument("first", help="a candidate's name")
    parser.add_argument("second", help="another one's")
    parser.add_argument("--split", choices=["val", "test"], default="test", help="the images; left out: test")


def main(parsed: argparse.Namespace) -> None:
    """Print the difference in every measure with its p-value. Raises UserError for a candidate without predictions."""
    params, layout = open_project()
    first, second = (answers(layout, params, name, parsed.split) for name in (parsed.first, parsed.second))
    only_first, only_second = discordant(first, second)
    show(f"{parsed.first} against {parsed.second} on {len(first.truth):,} {parsed.split} images, uncorrected:")
    show(f"right alone: {only_first} and {only_second}" + (" (first seeds)" if first.n_seeds > 1 else ""))
    for measure in MEASURES:
        found = compare(first, second, measure, params.tree.evaluate.seed)
        seeds = f"   over seeds alone p = {found.p_seeds:.4f}" if found.p_seeds is not None else ""
        show(f"{measure.replace('_', ' '):<20}{found.gain:>+9.4f}   p = {found.p:.4f}{seeds}")
    show("+ is better for the first. One trained model each: another seed may turn it round." * (first.n_seeds == 1))


def answers(layout: Layout, params: Params, name: str, split: str) -> Answers:
    """Read a candidate's answers. Raises UserError when it has none."""
    if name not in params.candidates:
        raise UserError(f"no candidate is called {name!r}; {did_you_mean(name, params.candidates)}")
    folder = layout.evaluation(name)
    return read_answers(folder, split, len(read_json(folder / "candidate.json")["classes"]))
