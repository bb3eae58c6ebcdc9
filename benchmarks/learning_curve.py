"""How often the interval of a last doubling holds the truth: `python benchmarks/learning_curve.py` prints a table.

Trainings on half and on all of the images answer validation images, some harder than others, with chance of their own
in each training. One seed, two, three and five; `--draws 100` is quick, and coarse.
"""

import argparse

import numpy as np
from scipy.stats import norm

from stages.core.learning.verdict import last_doubling

LEVEL, N_IMAGES = 0.95, 300
MEANS = ((1.0, 1.2), (3.0, 3.3), (5.5, 5.7))  # of the logit of being right, of half and of all
CHANCES = (0.0, 0.15, 0.3)  # deviation of a training's logit


def answered(rng: np.random.Generator, n_seeds: int, means: tuple[float, float], chance: float) -> list[np.ndarray]:
    """Hits bool [S, N] of both shares on the same images."""
    hard, draws = rng.normal(0, 1, N_IMAGES), (n_seeds, N_IMAGES)
    logits = [mean + hard + rng.normal(0, chance, (n_seeds, 1)) for mean in means]
    return [rng.random(draws) < 1 / (1 + np.exp(-logit)) for logit in logits]


def truth(means: tuple[float, float], chance: float) -> tuple[float, float]:
    """True accuracy of both shares, over all images and trainings."""
    grid = norm.ppf((np.arange(10_000) + 0.5) / 10_000) * np.hypot(1, chance)
    half, whole = (float((1 / (1 + np.exp(-mean - grid))).mean()) for mean in means)
    return half, whole


def coverage(n_seeds: int, means: tuple[float, float], chance: float, draws: int) -> tuple[float, float]:
    """Share of the intervals that hold the true gain, and their mean width."""
    rng, (half, whole) = np.random.default_rng(11), truth(means, chance)
    found = [last_doubling(*answered(rng, n_seeds, means, chance), (1, 2), LEVEL) for _ in range(draws)]
    held = [one.low <= whole - half <= one.high for one in found]
    return float(np.mean(held)), float(np.mean([one.high - one.low for one in found]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    draws = parser.parse_args().draws
    print("| seeds | accuracy of half and all | chance in training (points) | holds the truth in | mean width |")
    print("|---|---|---|---|---|")
    for n_seeds in (1, 2, 3, 5):
        for means in MEANS:
            for chance in CHANCES:
                share, width = coverage(n_seeds, means, chance, draws)
                half, whole = truth(means, chance)
                points = 100 * chance * whole * (1 - whole)
                print(
                    f"| {n_seeds} | {half:.3f}, {whole:.3f} | {points:.1f} | {100 * share:.1f} % | {width:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
