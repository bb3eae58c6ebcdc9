"""The ledger: whatever is done to a line shows, nothing that is honest does, and no line is lost."""

import json
import multiprocessing
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.auditing.chain import heads, made, parsed, read_chain
from stages.core.auditing.ledger import append, restore
from stages.core.auditing.ledger_history import committed, known_elsewhere, put_there_by_git
from stages.core.layout import PROJECT, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def filled(layout, n=5):
    """Append some lines and return the file's."""
    for i in range(n):
        append(layout, "candidate", {"candidate": f"model {i}"})
    return layout.ledger.read_bytes().splitlines(keepends=True)


def faults(lines):
    return parsed(b"".join(lines)).faults


def chain(n):
    lines = []
    for i in range(n):
        lines.append(made("candidate", f"t{i}", {"candidate": str(i)}, lines))
    return [line.text.encode() + b"\n" for line in lines]


def test_a_line_is_kept_with_its_predecessor(layout):
    """Each line names the one before it, the first none; the whole has no fault."""
    filled(layout)
    read = read_chain(layout.ledger)

    assert [line.previous for line in read.lines] == [(), *((line.hash,) for line in read.lines[:-1])]
    assert read.faults == [] and not read.torn and heads(read.lines) == [read.lines[-1].hash]
    assert layout.ledger.read_bytes() == layout.ledger_copy.read_bytes()


@given(st.integers(2, 8), st.data())
def test_a_removed_or_moved_line_shows(n, data):
    """Whichever line is taken out or moved elsewhere, but for the very last one taken out: that shows elsewhere."""
    lines = chain(n)
    at, to = data.draw(st.integers(0, n - 2)), data.draw(st.integers(0, n - 2))
    moved = [*lines[:at], *lines[at + 1 :]]

    assert any("gone" in fault or "inserted" in fault for fault in faults(moved))
    moved.insert(to, lines[at])
    assert (faults(moved) != []) == (to != at)


@given(st.integers(1, 6), st.data())
def test_an_edited_byte_shows(n, data):
    """Any other byte in any line is a fault, or a line that was never finished."""
    lines = chain(n)
    at = data.draw(st.integers(0, n - 1))
    place, byte = data.draw(st.integers(0, len(lines[at]) - 1)), data.draw(st.integers(0, 255))
    edited = bytearray(lines[at])
    edited[place] = byte
    read = parsed(b"".join([*lines[:at], bytes(edited), *lines[at + 1 :]]))

    same = bytes(edited) == lines[at]
    assert same == (not read.faults and not read.torn and len(read.lines) == n) or edited == lines[at].replace(
        b"\n", b""
    )


def test_an_inserted_line_shows(layout):
    """A line that follows nothing, and one whose hash is made up."""
    lines = filled(layout)
    own = made("candidate", "now", {"candidate": "mine"}, [])
    forged = json.dumps({**json.loads(lines[1]), "body": {"candidate": "mine"}}).encode() + b"\n"

    assert any("follows no line" in fault for fault in faults([*lines[:2], own.text.encode() + b"\n", *lines[2:]]))
    assert any("edited" in fault for fault in faults([*lines[:2], forged, *lines[2:]]))


def test_half_a_line_is_mended_and_a_whole_one_is_not(layout, capsys):
    """A power loss leaves half a line: named, taken out by the next append. Foreign text is a fault that stays."""
    lines = filled(layout, 2)
    layout.ledger.write_bytes(b"".join(lines) + lines[0][:40])
    assert read_chain(layout.ledger).torn and not read_chain(layout.ledger).faults

    append(layout, "decision", {"candidate": "a"})
    assert "half a line" in capsys.readouterr().err
    assert len(read_chain(layout.ledger).lines) == 3 and not read_chain(layout.ledger).faults

    layout.ledger.write_bytes(layout.ledger.read_bytes() + b"something else\n")
    append(layout, "decision", {"candidate": "b"})
    assert read_chain(layout.ledger).faults == ["line 4 is no entry of a ledger"]


def test_a_line_without_its_end_counts(layout):
    """Where only the line's end was not written, nothing is lost and the next line begins a new one."""
    lines = filled(layout, 2)
    layout.ledger.write_bytes(b"".join(lines).rstrip(b"\n"))
    append(layout, "decision", {"candidate": "a"})

    assert len(read_chain(layout.ledger).lines) == 3 and not read_chain(layout.ledger).faults


def test_the_same_decision_twice_in_a_row_is_one(layout):
    """A restart adds nothing; a decision that another one was in between is a new one."""
    for name in ("a", "a", "b", "a"):
        append(layout, "decision", {"candidate": name})

    assert [line.body["candidate"] for line in read_chain(layout.ledger).lines] == ["a", "b", "a"]


def many(root, name):
    for i in range(10):
        append(Layout(root), "candidate", {"candidate": f"{name} {i}"})


def test_processes_wait_for_each_other(layout):
    """Three processes that append at once leave one unbroken chain."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=many, args=(layout.root, name)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    read = read_chain(layout.ledger)
    assert len(read.lines) == 30 and not read.faults and len(heads(read.lines)) == 1


def test_lines_that_git_took_away_come_back(layout, capsys):
    """An older ledger in the place of a newer one loses no line: the next append, and `restore`, put them back."""
    lines = filled(layout, 4)
    layout.ledger.write_bytes(b"".join(lines[:2]))

    assert restore(layout) == 4 and "2 lines" in capsys.readouterr().err
    assert layout.ledger.read_bytes() == b"".join(lines)


def git(root, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True)


def test_two_branches_become_one_ledger(layout):
    """git's own union merge gives a ledger with two ends that verifies, and the next line joins them."""
    git(layout.root, "init", "-q", "-b", "main")
    (layout.root / ".gitattributes").write_bytes((PROJECT / ".gitattributes").read_bytes())
    (layout.root / ".gitignore").write_text("/reports/runs\n/.dvc\n")
    filled(layout, 2)
    for name in ("main", "other"):
        git(layout.root, "checkout", "-q", "-B", name)
        git(layout.root, "add", "-A")
        git(layout.root, "commit", "-qm", name, "--allow-empty")
    layout.ledger_copy.unlink()  # as in two clones
    append(layout, "candidate", {"candidate": "theirs"})
    git(layout.root, "commit", "-qam", "theirs")
    git(layout.root, "checkout", "-q", "main")
    layout.ledger_copy.unlink()
    append(layout, "candidate", {"candidate": "ours"})
    git(layout.root, "commit", "-qam", "ours")
    git(layout.root, "merge", "-q", "other", "-m", "both")
    read = read_chain(layout.ledger)

    assert not read.faults and len(heads(read.lines)) == 2 and len(read.lines) == 4
    append(layout, "decision", {"candidate": "ours"})
    assert len(heads(read_chain(layout.ledger).lines)) == 1 and not read_chain(layout.ledger).faults
    assert len(committed(layout)) == 4


def test_what_a_branch_holds_is_not_lost(layout):
    """A line of another branch is known; a file that is just what a commit holds was put there by git."""
    git(layout.root, "init", "-q", "-b", "main")
    (layout.root / ".gitignore").write_text("/reports/runs\n/.dvc\n")
    filled(layout, 2)
    git(layout.root, "add", "-A")
    git(layout.root, "commit", "-qm", "two")
    git(layout.root, "checkout", "-qb", "other")
    line = append(layout, "candidate", {"candidate": "theirs"})
    git(layout.root, "commit", "-qam", "three")
    git(layout.root, "checkout", "-q", "main")
    layout.ledger_copy.unlink()

    assert known_elsewhere(layout, {line.hash}) and not known_elsewhere(layout, {"f" * 64})
    assert put_there_by_git(layout)
    layout.ledger.write_bytes(layout.ledger.read_bytes().splitlines(keepends=True)[0])
    assert not put_there_by_git(layout)
