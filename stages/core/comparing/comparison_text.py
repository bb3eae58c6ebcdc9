"""A comparison for a terminal, and its cells in words for every form."""

from stages.core.comparing.comparison import COSTS, Compared
from stages.core.comparing.flips import GAINED, KINDS, LOST, OTHER
from stages.core.comparing.measuring import Difference
from stages.core.comparing.origins import by_group
from stages.core.comparing.verdict import in_words
from stages.core.files import records
from stages.core.reporting.choosing import p_words

MOST_ORIGINS = 8  # of each group on a screen; --json has all
MOST_FLIPS = 5


def as_text(found: Compared) -> str:
    """The whole; the verdict last, where a terminal stops."""
    a, b, pair = found.a, found.b, found.pair
    parts = [
        [
            f"A  {a.called} ({a.where}), key {a.record['key'][:12]}",
            f"B  {b.called} ({b.where}), key {b.record['key'][:12]}",
            f"{len(pair.a.truth):,} {pair.split} images, recognised by {pair.known_by}",
        ],
        aligned([("measure", "A", "B", "B - A", f"{100 * found.confidence:g} % interval", "p"), *measures(found)]),
        flip_lines(found),
        cell_lines(found),
        aligned([("cost", "A", "B", ""), *costs(found)]),
        origin_lines(found),
        [f"note: {note}" for note in found.notes],
        [found.verdict.sentence, *(f"  {line}" for line in found.verdict.grounds)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def measures(found: Compared) -> list[tuple[str, ...]]:
    """A row a measure: name, A, B, change, interval, p."""
    return [
        (in_words(one.measure), f"{one.a:.4f}", f"{one.b:.4f}", f"{one.change:+.4f}", interval(one), p_of(one))
        for one in found.differences
    ]


def interval(one: Difference) -> str:
    """The interval of a difference."""
    return f"{one.low:+.4f} to {one.high:+.4f}"


def p_of(one: Difference) -> str:
    """The p-value of a difference; a dash where there is no test."""
    return p_words(one.tested.p).removeprefix("p = ").removeprefix("p ") if one.tested else "–"


def costs(found: Compared) -> list[tuple[str, str, str, str]]:
    """A row a cost: name, A, B, and B as a multiple of A."""
    rows = []
    for name, (a, b) in found.cost.items():
        times = f"× {b / a:.3g}" if a and b is not None and a != b else ""
        rows.append((COSTS[name], number(a), number(b), times))
    return rows


def number(value: float | None) -> str:
    """A cost for people; a dash where nobody measured."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def flip_lines(found: Compared) -> list[str]:
    """How many images flipped, and the first of each kind."""
    if found.flips.empty:
        return ["both give the same answer to every image"]
    counts = "; ".join(f"{kind}: {found.n_flips(kind):,}" for kind in KINDS)
    lines = [f"images with two answers: {counts}"]
    for kind in (LOST, GAINED, OTHER):
        for row in records(found.flips[found.flips["kind"] == kind].head(MOST_FLIPS)):
            lines.append(f"  {kind}: {row['path']} is {row['true']}; A says {row['a']}, B says {row['b']}")
    return lines


def cell_lines(found: Compared) -> list[str]:
    """The confusions whose number changed most."""
    lines = [f"  {row['true']} taken for {row['predicted']}: {row['a']} -> {row['b']}" for row in records(found.cells)]
    return ["confusions that changed most, images of A -> of B", *lines] if lines else []


def origin_lines(found: Compared) -> list[str]:
    """What made one and not the other."""
    lines = []
    for group, items in by_group(found.origins).items():
        lines.append(f"{group}: {'the same' if not items else f'{len(items):,} differ'}")
        lines += [f"  {one.name}: {one.a} -> {one.b}" for one in items[:MOST_ORIGINS]]
        if len(items) > MOST_ORIGINS:
            lines.append(f"  and {len(items) - MOST_ORIGINS:,} more (--json)")
    return lines


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns of equal width; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    cells = [[row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in rows]
    return ["  ".join(row).rstrip() for row in cells]
