"""Axes of the plots on the pages: from data to SVG units, and where the ticks stand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (1, 2, 5, 10)
N_TICKS = 6


@dataclass(frozen=True)
class Axis:
    """From low to high, in the units of the data.

    log: by powers of ten, then both are above 0; whole: its values are whole numbers, and read out as such.
    """

    name: str
    low: float
    high: float
    log: bool = False
    whole: bool = False

    def place(self, value: float, start: float, end: float) -> float:
        """Where a value stands between the places of low and high."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return start + (at - low) / (high - low) * (end - start)

    def ticks(self) -> list[float]:
        """Round values within the axis, about as many as N_TICKS."""
        found = log_ticks(self.low, self.high) if self.log else even_ticks(self.low, self.high)
        found = [value for value in found if value == round(value)] if self.whole else found
        slack = 1e-9 * (self.high - self.low)
        return [value for value in found if self.low - slack <= value <= self.high + slack]


def even_ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / N_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * s for s in STEPS if power * s >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.9g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with their multiples by 2 and 5 where the axis spans few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(powers) > N_TICKS else STEPS[:3]
    return [10.0**power * step for power in powers for step in steps]


def around(name: str, values: Sequence[float], log: bool = False) -> Axis:
    """An axis that holds all values, with some room at both ends, also where all are the same."""
    low, high = min(values), max(values)
    if log:
        return Axis(name, low / 1.5, high * 1.5, log=True)
    room, size = 0.06 * (high - low), max(abs(low), abs(high))
    if room <= 1e-6 * size:  # all but equal: too near for round ticks between them
        room = 0.06 * size or 1.0
    return Axis(name, low - room, high + room)


def compact(value: float) -> str:
    """A number as an axis has it: 1.5M, 20k, 0.25."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
