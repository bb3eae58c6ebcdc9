"""A comparison in short, as a comment to a pull request shows it: Markdown without pictures."""

from collections.abc import Sequence

from stages.core.comparing.comparison import Compared
from stages.core.comparing.comparison_text import costs, measures
from stages.core.comparing.flips import GAINED, LOST, OTHER
from stages.core.comparing.origins import by_group
from stages.core.files import listed, records
from stages.core.plain_text import in_markdown

MOST_CELLS = 5
MOST_NAMED = 5  # of the params that differ
SHORT = ("accuracy", "balanced accuracy", "macro F1", "log loss", "ECE")


def as_markdown(found: Compared) -> str:
    """Verdict, measures, flips, cost and what differs; everything from data is escaped."""
    a, b = (in_markdown(name) for name in found.names)
    parts = [
        f"**{in_markdown(found.verdict.sentence)}.**",
        "\n".join(f"- {in_markdown(line)}" for line in found.verdict.grounds),
        table(("", a, b, "B − A", f"{100 * found.confidence:g} % interval", "p"), chosen(found)),
        flipped(found),
        "\n".join(f"- {line}" for line in confusions(found)),
        table(("cost", a, b, ""), costs(found)),
        "Differs: " + "; ".join(differs(found)) + ".",
        "\n".join(f"> {in_markdown(note)}" for note in found.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def chosen(found: Compared) -> list[tuple[str, ...]]:
    """The measures that are short enough for a comment."""
    return [row for row in measures(found) if row[0] in SHORT]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table whose numbers stand to the right; cells of `rows` are our own words and numbers."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def flipped(found: Compared) -> str:
    """How many images flipped, in a sentence."""
    lost, gained, other = (found.n_flips(kind) for kind in (LOST, GAINED, OTHER))
    both = f"{other:,} are wrong in both, each in its way"
    return f"{gained:,} images that A got wrong are right in B, {lost:,} the other way; {both}."


def confusions(found: Compared) -> list[str]:
    """The confusions whose number changed most."""
    return [
        f"{in_markdown(row['true'])} taken for {in_markdown(row['predicted'])}: {row['a']} → {row['b']}"
        for row in records(found.cells.head(MOST_CELLS))
    ]


def differs(found: Compared) -> list[str]:
    """What made one and not the other, by group."""
    named = {group: [in_markdown(one.name) for one in items] for group, items in by_group(found.origins).items()}
    return [
        f"{group} ({listed(names, MOST_NAMED)})" if names else f"{group} the same" for group, names in named.items()
    ]
