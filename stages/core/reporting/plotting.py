"""Plots as SVG, drawn here and read out on the page by a script of a few lines: no library, no network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.core.reporting.plot_scale import Axis, compact

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 270, 54, 14, 12, 42  # SVG units
N_COLOURS = 8  # of style.css: .s0 to .s7
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points of one kind in the units of the data.

    look: `line` and `dashed` join them, `guide` too, as a thin line that nobody reads out; `dots` are by themselves.
    said: what is read out at each point instead of its numbers; spans: low and high of a whisker at each.
    sizes: radius of each dot; tags: a text beside a dot, or nothing; shown: whether it is there before one asks for it.
    """

    name: str
    points: Sequence[Point]
    look: Literal["line", "dashed", "guide", "dots"] = "line"
    said: Sequence[str] = ()
    spans: Sequence[Point] = ()
    sizes: Sequence[float] = ()
    tags: Sequence[str] = ()
    shown: bool = True


@dataclass(frozen=True)
class Plot:
    """One plot. text: what it shows, for who can't see it; read: whether points of one x are read out together."""

    title: str
    text: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    read: Literal["together", "singly"] = "together"
    notes: Sequence[str] = field(default=())
    first_colour: int = 0

    @property
    def drawn(self) -> dict[str, Any]:
        """The plot in SVG units, for figures.html."""
        read = [one for one in self.series if one.look != "guide"]
        colours = {one.name: (place + self.first_colour) % N_COLOURS for place, one in enumerate(read)}
        return {
            "title": self.title,
            "text": self.text,
            "read": self.read,
            "notes": self.notes,
            "width": WIDTH,
            "height": HEIGHT,
            "frame": (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM),
            "x": axis(self.x, [(self.across(v), compact(v)) for v in self.x.ticks()]),
            "y": axis(self.y, [(self.up(v), compact(v)) for v in self.y.ticks()]),
            "series": [self.shape(one, colours.get(one.name, 0)) for one in self.series],
            "n_read": len(read),
        }

    def across(self, value: float) -> float:
        """SVG x of a value."""
        return round(self.x.place(value, LEFT, WIDTH - RIGHT), 2)

    def up(self, value: float) -> float:
        """SVG y of a value."""
        return round(self.y.place(value, HEIGHT - BOTTOM, TOP), 2)

    def shape(self, one: Series, colour: int) -> dict[str, Any]:
        """One series in SVG units."""
        places = [(self.across(x), self.up(y)) for x, y in one.points]
        return {
            "name": one.name,
            "look": one.look,
            "colour": colour,
            "shown": one.shown,
            "line": " ".join(f"{x:g},{y:g}" for x, y in places),
            "dots": [
                {
                    "x": x,
                    "y": y,
                    "r": one.sizes[k] if one.sizes else 4,
                    "said": one.said[k] if one.said else "",
                    "tag": one.tags[k] if one.tags else "",
                    "span": [self.up(v) for v in one.spans[k]] if one.spans else None,
                    "left": x > (LEFT + WIDTH) / 2 + 40,
                }
                for k, (x, y) in enumerate(places)
            ]
            if one.look == "dots"
            else [],
        }


def axis(of: Axis, ticks: list[tuple[float, str]]) -> dict[str, Any]:
    """Name, ticks, and what the script needs to turn places back into values."""
    return {"name": of.name, "ticks": ticks, "scale": f"{of.low:.8g} {of.high:.8g} {int(of.log)} {int(of.whole)}"}
