"""`imagetrail gradcam`: the sheet of the champion's mistakes, and what is said of models that have none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.tampering import copied
from stages.commands.gradcam import network, pictures
from stages.core.errors import UserError
from stages.core.files import read_text_csv
from stages.core.images.packs import Pack
from stages.core.layout import PROJECT, Layout
from stages.core.serving.chosen import Chosen
from stages.core.settings.params import load


@pytest.mark.slow
def test_the_surest_mistakes_are_shown_and_nothing_of_dvc_is_touched(finished, tmp_path):
    """The first mistakes of the evaluation in its order; DVC sees no change."""
    project = type(finished)(copied(finished.root, tmp_path / "copy"))
    place = project.root / project.command("gradcam", "plain").stdout.strip()
    wrong = pd.read_csv(project.root / "reports/candidates/plain/test_mistakes.csv", dtype=str)
    shown = read_text_csv(place.with_suffix(".csv"), ("path", "true", "predicted"))

    assert list(shown["path"]) == list(wrong["path"].head(32))
    assert shown["overlap"].between(0, 1).all()
    assert place.stat().st_size > 1000
    project.run("dvc", "status", "-q")  # ends with 1 where anything is changed


def test_what_is_no_network_is_a_sentence_that_names_those_that_are(tmp_path):
    """A classical head has no slopes that could be followed."""
    for name, file in (("forest", "head.skops"), ("data/candidates/plain", "model.keras")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / file).touch()
    with pytest.raises(UserError, match=r"forest has a classical head.*networks here: plain$"):
        network(Layout(tmp_path), load(PROJECT / "params.yaml"), Chosen("forest", tmp_path / "forest", {}))


def test_images_of_another_pack_are_a_sentence():
    """Another size, or a file that is not there."""
    model = SimpleNamespace(input=np.zeros((1, 8, 8, 1)))
    pack = Pack(np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, int), ["a", "b"])

    assert pictures(pack, ["b"], model).shape == (1, 8, 8, 1)
    with pytest.raises(UserError, match="has no c"):
        pictures(pack, ["c"], model)
    with pytest.raises(UserError, match="dvc repro"):
        pictures(Pack(np.zeros((2, 4, 4, 1), np.uint8), pack.labels, pack.paths), ["a"], model)
