"""`imagetrail --help`: which commands there are, in groups."""

import pytest

from stages.commands.__main__ import GROUPS, dispatch
from stages.core.layout import PROJECT


def test_every_command_stands_in_one_group():
    """None is left out, none stands there twice, none is made up."""
    commands = sorted(path.stem.replace("_", "-") for path in (PROJECT / "stages/commands").glob("[!_]*.py"))

    assert sorted(name for names in GROUPS.values() for name in names) == commands


def test_the_help_lists_the_groups(capsys):
    """Each group has a heading, each command a line with what it does."""
    with pytest.raises(SystemExit):
        dispatch(["--help"])
    shown = capsys.readouterr().out

    assert all(f"{title}:" in shown for title in GROUPS) and "  use                 write a recipe" in shown
