"""`imagetrail refit`: the champion's entry once more, on train and validation, written into params.yaml."""

import pandas as pd
import pytest

from stages.commands.refit import with_entry
from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.settings.params import check, read_yaml
from stages.core.training.refitting import refit

TEXT, WRITTEN = (PROJECT / "params.yaml").read_text(), read_yaml(PROJECT / "params.yaml")
HISTORY = pd.DataFrame({"epoch": [1, 2], "val_loss": [2, 1], "val_accuracy": [0.1, 0.2]})


@pytest.mark.parametrize("base", WRITTEN["models"])
def test_the_entry_is_added_and_all_else_stays_as_it_is(base, tmp_path):
    """Every line of the file is still there, in order; the new entry is the refit, with the comments of its base."""
    entry = refit(base, WRITTEN["models"][base], HISTORY)
    changed = with_entry(TEXT, base, f"{base}_refit", entry)
    (tmp_path / "params.yaml").write_text(changed)
    written = read_yaml(tmp_path / "params.yaml")
    at = changed.index(f"  {base}_refit:\n")
    end = at + len(changed) - len(TEXT)

    assert changed[:at] + changed[end:] == TEXT
    assert written == {**WRITTEN, "models": {**WRITTEN["models"], f"{base}_refit": entry}}
    assert check(written).models[f"{base}_refit"].fit.on == "train+val"


def test_a_second_refit_replaces_the_first():
    """With other settings: one entry of that name."""
    base = next(iter(WRITTEN["models"]))
    entry = refit(base, WRITTEN["models"][base], HISTORY)
    once = with_entry(TEXT, base, f"{base}_refit", entry)
    longer = {**entry, "fit": {**entry["fit"], "epochs": 77}}

    assert with_entry(once, base, f"{base}_refit", entry) == once
    assert with_entry(once, base, f"{base}_refit", longer) == once.replace("epochs: 2\n", "epochs: 77\n")


def test_a_file_without_models_is_refused():
    """Written on one line there is no place for it."""
    with pytest.raises(UserError, match="no section `models:`"):
        with_entry("models: {}", "plain", "plain_refit", {})
