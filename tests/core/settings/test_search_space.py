"""Search spaces: what a sampled point makes of an entry, and which spaces are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.layout import PROJECT
from stages.core.settings.entries import entry
from stages.core.settings.params import read_yaml
from stages.core.settings.search_space import changes, dimensions, ends, grid, own_values, points_of, realised

ENTRY = read_yaml(PROJECT / "params.yaml")["models"]["plain"]
PUBLISHED = read_yaml(PROJECT / "recipes/intel_tuned.yaml")
RATE = {"min": 1e-4, "max": 1e-1, "scale": "log"}
FILTERS = {"length": {"min": 1, "max": 3}, "each": {"min": 32, "max": 256, "scale": "linear", "step": 32}}
SPACE = {
    "blocks": {"length": {"min": 1, "max": 5}, "each": {"filters": FILTERS, "kernel": {"choices": [3, 5]}}},
    "fit": {"optimizer": {"rate": RATE}, "balance": {"choices": [ENTRY["fit"]["balance"]]}},
}


@st.composite
def points(draw, space, written):
    """Any point of a space, drawn dimension by dimension."""
    values = {}
    for dimension in dimensions(space, written):
        if dimension.active(values):
            low, high = min(dimension.ends, key=repr), max(dimension.ends, key=repr)
            if dimension.points is not None:
                values[dimension.name] = draw(st.sampled_from(dimension.points))
            elif dimension.whole:
                values[dimension.name] = draw(st.integers(dimension.leaf["min"], dimension.leaf["max"]))
            else:
                low, high = float(dimension.leaf["min"]), float(dimension.leaf["max"])
                values[dimension.name] = draw(st.floats(low, high))
    return values


@pytest.mark.parametrize(
    ("space", "written"),
    [(SPACE, ENTRY), (PUBLISHED["tune"]["tuned"]["space"], PUBLISHED["models"]["tuned"])],
    ids=["own", "published"],
)
def test_every_point_of_a_space_makes_a_right_entry(space, written):
    """Whatever is drawn passes the Options of the kind, has lists as long as drawn, and is its own point again."""

    @given(points(space, written))
    def check(values):
        made = realised(written, space, values)

        checked = entry("models", "made", made)
        assert len(checked.options.blocks) == values["blocks.length"]
        assert [len(b.filters) for b in checked.options.blocks] == [
            values[f"blocks.{i}.filters.length"] for i in range(values["blocks.length"])
        ]
        assert realised(made, space, own_values(made, space)) == made

    check()


def test_items_of_a_list_count_only_where_the_list_is_that_long():
    """Item i is active exactly when the length is above i; so are what it holds itself."""
    found = {dimension.name: dimension for dimension in dimensions(SPACE, ENTRY)}

    assert found["blocks.0.kernel"].active({"blocks.length": 1})
    assert not found["blocks.1.kernel"].active({"blocks.length": 1})
    deep = found["blocks.3.filters.2"]
    assert deep.active({"blocks.length": 4, "blocks.3.filters.length": 3})
    assert not deep.active({"blocks.length": 4, "blocks.3.filters.length": 2})
    assert not deep.active({"blocks.length": 3, "blocks.3.filters.length": 3})


def test_items_beyond_the_entry_begin_as_its_last():
    """What a space leaves alone in a new item is what the entry's last item has."""
    space = {"blocks": {"length": {"min": 1, "max": 4}, "each": {"kernel": {"choices": [3, 5]}}}}
    made = realised(ENTRY, space, {"blocks.length": 3} | {f"blocks.{i}.kernel": 5 for i in range(3)})

    assert [block["kernel"] for block in made["blocks"]] == [5, 5, 5]
    assert made["blocks"][2] == {**ENTRY["blocks"][-1], "kernel": 5}


def test_the_entry_is_a_point_of_a_space_or_lies_outside():
    """Its own values bring it back; a value, step or length out of reach means that no trial is the entry."""
    inside = own_values(ENTRY, {"fit": {"batch_size": {"choices": [32, 64]}}})

    assert inside == {"fit.batch_size": 32}
    assert own_values(ENTRY, {"fit": {"batch_size": {"choices": [16, 64]}}}) is None
    assert own_values(ENTRY, {"fit": {"batch_size": {"min": 1, "max": 64, "scale": "linear", "step": 5}}}) is None
    assert own_values(ENTRY, {"blocks": {"length": {"min": 3, "max": 4}, "each": {"kernel": {"choices": [3]}}}}) is None


def test_steps_by_hand():
    """Linear steps are added, logarithmic ones are factors; the end belongs to the range."""
    assert points_of({"min": 32, "max": 128, "scale": "linear", "step": 32}) == [32, 64, 96, 128]
    assert points_of({"min": 0.1, "max": 0.5, "scale": "linear", "step": 0.1}) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert points_of({"min": 1e-4, "max": 1e-1, "scale": "log", "step": 10}) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert points_of({"min": 8, "max": 64, "scale": "log", "step": 2}) == [8, 16, 32, 64]
    assert points_of({"choices": [None, {"a": 1}]}) == [None, {"a": 1}]


def test_a_grid_holds_every_point_once():
    """3 optimizers x 4 rates x 3 numbers of epochs are 36 points; a list's lengths multiply only what they hold."""
    optimizer = {"name": {"choices": ["adam", "sgd", "adamax"]}, "rate": {**RATE, "step": 10}}
    space = {"fit": {"optimizer": optimizer, "epochs": {"choices": [5, 10, 20]}}}
    found = list(grid(dimensions(space, ENTRY)))
    assert len(found) == 36 == len({tuple(point.items()) for point in found})

    space = {"blocks": {"length": {"min": 1, "max": 3}, "each": {"kernel": {"choices": [3, 5]}}}}
    assert len(list(grid(dimensions(space, ENTRY)))) == 2 + 4 + 8


def test_both_ends_of_everything_are_reached():
    """The check at the start sees the longest list with the highest and the lowest of each value."""
    reached = {(name, repr(value)) for name, value, _ in ends(ENTRY, SPACE)}

    assert {("blocks.length", "1"), ("blocks.length", "5"), ("blocks.4.filters.2", "256")} <= reached
    assert {("fit.optimizer.rate", "0.0001"), ("fit.optimizer.rate", "0.1")} <= reached


def test_changes_name_a_varied_list_whole():
    """What a search found can be written into params.yaml by path, however long a list became."""
    values = {"blocks.length": 1, "blocks.0.kernel": 5, "fit.batch_size": 64}
    space = {
        "blocks": {"length": {"min": 1, "max": 2}, "each": {"kernel": {"choices": [3, 5]}}},
        "fit": {"batch_size": {"choices": [32, 64]}},
    }

    assert changes(ENTRY, space, values) == {"blocks": [{**ENTRY["blocks"][0], "kernel": 5}], "fit.batch_size": 64}
