"""Names from data stay names: in a terminal, in Markdown and in a spreadsheet."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.console import say, show
from stages.core.files import read_text_csv, write_csv
from stages.core.plain_text import guarded, in_markdown, one_line, unguarded, visible


def test_a_terminal_is_not_commanded(capfd):
    """Escape codes, carriage returns and marks that reorder letters are shown, not done."""
    say("\x1b[2J\x1b]0;title\x07gone\rerror: none \u202etxt.exe")
    show("a\tb\nc\x9b31m")
    shown = capfd.readouterr()

    assert shown.err == "\\x1b[2J\\x1b]0;title\\x07gone\\rerror: none \\u202etxt.exe\n"
    assert shown.out == "a\tb\nc\\x9b31m\n"


def test_the_colours_of_an_error_are_left_out(capfd):
    """Keras writes its errors in bold; nobody reads codes, and what a name could do stays visible."""
    say(one_line(ValueError("Exception in call\n\n\x1b[1mNegative dimension\x1b[0m \x1b[38;5;1mhere\x1b[m, \x1b[2J")))

    assert capfd.readouterr().err == "Exception in call Negative dimension here, \\x1b[2J\n"


@pytest.mark.slow
def test_what_keras_says_of_a_network_has_no_codes():
    """An error of a layer's call has bold in it; what is recorded as the failure of a model has not."""
    import keras

    class Broken(keras.layers.Layer):
        """A layer that fails in its call, as one whose sizes don't fit."""

        def call(self, images):
            """Raises ValueError."""
            raise ValueError(f"{images.shape} does not fit")

    with pytest.raises(ValueError) as raised:
        Broken()(keras.Input((4,)))

    assert "\x1b[1m" in str(raised.value)
    assert "\x1b" not in one_line(raised.value) and "does not fit" in one_line(raised.value)


@given(st.text())
def test_what_is_visible_has_no_control(text):
    """Nothing but tab and line feed below a space."""
    assert not [
        letter for letter in visible(text) if (ord(letter) < 32 or 127 <= ord(letter) < 160) and letter not in "\t\n"
    ]


def test_markdown_shows_it_literally():
    """No HTML, link, emphasis, code or cell; one line."""
    said = in_markdown("<script>alert(1)</script> [x](http://y) **b** `c` | d\n# e")

    assert said == (r"&lt;script&gt;alert(1)&lt;/script&gt; \[x\](http://y) \*\*b\*\* \`c\` \| d \# e")


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "'=1"])
def test_a_formula_is_text_in_a_table(tmp_path, cell):
    """An apostrophe stands before it in the file, and is away again when we read it."""
    write_csv(tmp_path / "t.csv", pd.DataFrame({"class": [cell, "plain"], "n": [1, -2]}))
    read = read_text_csv(tmp_path / "t.csv", ["class"])

    assert (tmp_path / "t.csv").read_text().splitlines()[1].lstrip('"').startswith("'")
    assert list(read["class"]) == [cell, "plain"] and list(read["n"]) == [1, -2]


@pytest.mark.parametrize("cell", ["-1", "+3.5", "-2e-7", "a=b", "7", ""])
def test_numbers_and_words_stay(cell):
    """A class that is called -1 is no formula."""
    assert guarded(cell) == cell


@given(st.text(alphabet="'=+-@a1\t"))
def test_a_guarded_cell_comes_back(cell):
    """Whatever it begins with."""
    assert unguarded(guarded(cell)) == cell or guarded(cell) == cell
