"""What a learning curve says: the gain of the last doubling, with an interval that holds its level."""

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy.stats import t

from benchmarks.learning_curve import LEVEL, answered, coverage
from stages.core.comparing.measuring import newcombe
from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.learning.verdict import COLUMNS, Gain, as_text, half_width, in_words, last_doubling, row
from stages.core.settings.params import load
from tests.core.evaluating.cases import OPTIONS


def test_one_seed_is_newcombe_s_interval_per_doubling():
    """Four times the images are two doublings."""
    fewer, more = answered(np.random.default_rng(1), 1, (1.0, 1.6), 0)
    low, high = newcombe(fewer[0], more[0], LEVEL)
    twice, four_times = (last_doubling(fewer, more, (100, n), LEVEL) for n in (200, 400))

    assert (twice.low, twice.high) == pytest.approx((low, high))
    assert (four_times.gain, four_times.high) == pytest.approx((twice.gain / 2, high / 2))


def test_several_seeds_by_hand():
    """Two seeds, four images: means 0.75 and -0.25 of the seeds, 0.5, 0.5, 0 and 0 of the images."""
    changes = np.array([[1.0, 1, 1, 0], [0, 0, -1, 0]])
    of_images, of_seeds = (0.5 - 4 * 0.25**2 + 1) / 36, 0.5 / 2
    within = 4 * 0.5**2 / 3 / 8  # what neither seeds nor images explain: half a hit in four places
    total = of_images + of_seeds - within
    freedom = total**2 / (of_seeds**2 + of_images**2 / 3)

    assert half_width(changes, LEVEL) == pytest.approx(t.ppf(0.975, freedom) * np.sqrt(total))


def test_where_no_image_differs_something_is_left_unknown():
    """Equal answers to 100 images don't show that more images bring nothing."""
    same = np.ones((3, 100), bool)
    found = last_doubling(same, same, (1, 2), LEVEL)

    assert found.gain == 0 and 0.01 < found.high < 0.05


@pytest.mark.parametrize("chance", [0.0, 0.3])
def test_the_interval_holds_its_level(chance):
    """Where trainings differ by chance and where not: in 300 draws of three trainings on 300 images."""
    held, _ = coverage(3, (3.0, 3.3), chance, 300)

    assert held >= LEVEL - 1.96 * np.sqrt(LEVEL * (1 - LEVEL) / 300)


def test_it_says_what_can_be_said():
    """Above zero, across it, below it; one seed is owned up to."""
    said = [in_words(Gain(g, g - 0.01, g + 0.01, 50, 100), 270, s) for g, s in ((0.02, 3), (0.005, 1), (-0.02, 3))]

    assert said[0].startswith("more images like these would help: the last doubling (50 to 100 images) brought +0.0200")
    assert said[1].startswith("it can't be told") and "one seed" in said[1]
    assert said[2].startswith("more images like these made it worse")


def test_the_table_has_intervals_where_evaluate_has_them():
    """Accuracy always, macro F1 only where enough is wrong; the text leaves out what isn't there."""
    truth = np.arange(100) % 2
    good = pd.DataFrame(
        {"split": "val", "path": "x", "label": truth.astype(str), "p.0": 1.0 - truth, "p.1": 0.0 + truth}
    )
    bad = good.assign(**{"p.0": 0.6, "p.1": 0.4})
    table = pd.DataFrame([row(0.5, 1, 50, bad, OPTIONS), row(1.0, 1, 100, good, OPTIONS)])

    assert list(table) == COLUMNS
    assert table["accuracy"].tolist() == [0.5, 1.0] and table["accuracy_low"].notna().all()
    assert table["macro_f1_low"].isna().tolist() == [OPTIONS.bootstrap_from > 100 * 0.25, True]
    assert as_text(table).splitlines()[2].split()[:4] == ["100", "%", "100", "1.0000"]


def test_shares_must_rise(tmp_path):
    """The last two are compared."""
    tree = YAML(typ="safe").load((PROJECT / "params.yaml").read_text())
    tree["learning_curve"]["shares"] = [0.5, 0.5, 1.0]
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump(tree, stream)
    with pytest.raises(UserError, match=r"learning_curve\.shares.*above the one before"):
        load(tmp_path / "params.yaml")
