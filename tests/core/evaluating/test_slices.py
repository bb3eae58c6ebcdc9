"""Parts of a split."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from stages.core.evaluating.metrics import wilson
from stages.core.evaluating.slices import sliced
from tests.core.evaluating.cases import OPTIONS, changed

SLICES = OPTIONS.slices.model_copy(update={"bins": 2, "min_images": 5})


def facts(n=40, **columns):
    """Rows of a manifest of images that are all alike."""
    plain = {
        "path": [f"{'ab'[i % 2]}/{i:02}.png" for i in range(n)], "label": ["a", "b"] * (n // 2), "width": 8, "height": 8,
        "n_bytes": 100, "brightness": 50.0, "contrast": 9.0, "crispness": 0.5, "format": "PNG", "mode": "L",
        "flags": "", "group": None,
    }  # fmt: skip
    return pd.DataFrame({**plain, **columns}, index=range(100, 100 + n))


def test_alike_images_have_no_slices():
    """One value, one part: nothing to compare; nor does a folder a class say more than the class."""
    assert sliced(np.ones(40, bool), facts(), OPTIONS).empty


def test_a_dark_half_by_hand():
    """Wrong on 12 of the 20 dark images, on none of the bright ones: Wilson, and Fisher's test times two slices."""
    dark = np.arange(40) < 20
    hit = ~dark | (np.arange(40) < 8)

    got = sliced(hit, facts(brightness=np.where(dark, 10.0, 90.0)), changed(slices=SLICES))

    assert got["slice"].tolist() == ["10 to 10", "90 to 90"]
    assert got["column"].tolist() == ["brightness"] * 2
    assert got["n"].tolist() == [20, 20]
    assert got["accuracy"].tolist() == [0.4, 1]
    assert tuple(got.loc[0, ["low", "high"]]) == wilson(8, 20, 0.95)
    assert got["p_value"].tolist() == pytest.approx([2 * fisher_exact([[8, 12], [20, 0]]).pvalue] * 2)


def test_texts_are_parts_too():
    """Format, group and folder divide where there are several; small parts and gaps are left out."""
    groups = ["x"] * 10 + ["y"] * 26 + ["z"] * 2 + [None] * 2
    paths = [f"camera{i % 2}/{'ab'[i // 2 % 2]}/{i}.png" for i in range(40)]
    labels = ["ab"[i // 2 % 2] for i in range(40)]

    got = sliced(np.arange(40) > 3, facts(group=groups, path=paths, label=labels), changed(slices=SLICES))

    assert got[got["column"] == "group"]["slice"].tolist() == ["y", "x"]
    assert got[got["column"] == "folder"]["slice"].tolist() == ["camera0/a", "camera0/b", "camera1/a", "camera1/b"]


def test_one_text_is_no_slice_and_missing_numbers_are_in_none():
    """NaN, which an unmeasured image has, is in no part by brightness."""
    brightness = np.append(np.full(10, np.nan), np.linspace(1, 30, 30))

    got = sliced(np.ones(40, bool), facts(brightness=brightness), changed(slices=SLICES))

    assert got["n"].sum() == 30
    assert set(got["column"]) == {"brightness"}


def test_equal_parts_hold_every_image_once():
    """Parts by a number are a partition, of about the same size."""
    values = np.random.default_rng(1).normal(size=400)

    got = sliced(np.ones(400, bool), facts(400, brightness=values), OPTIONS)

    assert got["n"].sum() == 400
    assert got["n"].between(99, 102).all()
