"""Each examination finds what it is for, planted here, and mends what it says it can."""

import json
import os
import subprocess
import sys

import pytest
from filelock import FileLock

from stages.core.doctor.examining import examine, repaired
from stages.core.doctor.findings import Patient
from stages.core.layout import PROJECT, Layout


@pytest.fixture
def patient(tmp_path, monkeypatch):
    """A checkout with nothing but params.yaml."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "TF_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "params.yaml").write_text((PROJECT / "params.yaml").read_text())
    return Patient(Layout(tmp_path))


def told(name, patient):
    """Level and text of the first thing that is not ok, else of the first."""
    found = sorted(examine(name, patient), key=lambda one: one.level == "ok")[0]
    return found.level, found.text


def git(root, *arguments):
    """Run git in a folder, as somebody."""
    who = ["-c", "user.email=tests@example.com", "-c", "user.name=tests", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def test_a_wrong_key_in_params_is_named(patient):
    """The sentence is that of the nodes."""
    path = patient.layout.params
    path.write_text(path.read_text().replace("timeout_s: 5", "timeout: 5"))

    assert told("settings", patient)[0] == "broken"
    assert "tracking.timeout" in told("settings", patient)[1]


def test_packages_are_compared_with_the_lock_file(patient):
    """Missing and other versions are told apart; what is not meant for this system is passed over."""
    patient.layout.lock.write_text(
        "no-such-package==1.0 \\\n    --hash=sha256:0\nnumpy==0.1\nelsewhere==1 ; sys_platform == 'none'\n"
    )
    levels = {finding.level: finding.text for finding in examine("packages", patient)}

    assert levels["broken"] == "1 locked packages are missing: no-such-package"
    assert levels["warning"].startswith("1 packages differ from the lock files: numpy ")


def test_packages_for_tests_may_be_missing_but_not_differ(patient):
    """`make repro` brings none of them; one that is there has the locked version."""
    patient.layout.lock.write_text("")
    patient.layout.lock.with_name("requirements-test.lock").write_text("no-such-package==1.0\npytest==0.1\n")
    findings = examine("packages", patient)

    assert [finding.level for finding in findings] == ["warning"]
    assert findings[0].text.startswith("1 packages differ from the lock files: pytest ")


def test_an_extra_that_params_or_a_remote_need_is_named(patient):
    """GS in params.yaml, HDFS as DVC's remote."""
    (patient.layout.root / ".dvc").mkdir()
    (patient.layout.root / ".dvc/config").write_text("['remote \"store\"']\n    url = hdfs://host/there\n")
    patient.layout.params.write_text("download: {dataset: d}\ndatasets: {d: {kind: archive, uri: 'gs://b/x.zip'}}\n")
    said = " ".join(finding.text for finding in examine("extras", patient))

    assert "DVC's remote 'store' needs package 'dvc_hdfs'" in said
    assert "gs:// in params.yaml needs package 'gcsfs'" in said


def test_the_state_of_git_is_told(patient, tmp_path):
    """No repository, no commit, a clean tree, a changed file, a detached head."""
    seen = [told("repository", patient)]
    git(tmp_path, "init")
    seen.append(told("repository", patient))
    git(tmp_path, "add", "params.yaml")
    git(tmp_path, "commit", "-m", "one")
    seen.append(told("repository", patient))
    (tmp_path / "params.yaml").write_text("changed\n")
    seen.append(told("repository", patient))
    git(tmp_path, "checkout", "--", "params.yaml")
    git(tmp_path, "checkout", "--detach")
    seen.append(told("repository", patient))

    assert [level for level, _ in seen] == ["broken", "broken", "ok", "warning", "warning"]
    for (_, text), word in zip(
        seen, ["no git repository", "no commit yet", "on main", "params.yaml", "detached"], strict=True
    ):
        assert word in text


def test_a_merge_conflict_is_named(patient, tmp_path):
    """In dvc.lock, which everything else trusts."""
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n")

    assert told("repository", patient) == ("broken", "dvc.lock holds the markers of a merge conflict")


def test_a_kept_state_is_deleted_only_when_its_stage_is_gone(patient, tmp_path):
    """Its lock tells."""
    for name in ("train-plain-1", "train-plain-2"):
        (tmp_path / ".checkpoints" / name).mkdir(parents=True)
        (tmp_path / ".checkpoints" / name / "state").write_bytes(b"x" * 1000)
    with FileLock(tmp_path / ".checkpoints/train-plain-1.lock"):
        report = {"checkpoints": examine("checkpoints", patient)}
        repaired(report)

        assert [finding.level for finding in report["checkpoints"]] == ["ok", "warning"]
        assert [path.name for path in (tmp_path / ".checkpoints").iterdir() if path.is_dir()] == ["train-plain-1"]


def test_half_written_files_of_the_living_are_left_alone(patient, tmp_path):
    """A dead process's are deleted."""
    (tmp_path / "data").mkdir()
    mine, dead = tmp_path / f"data/.a.{os.getpid()}.part", tmp_path / "data/.b.999999999.part"
    for path in (mine, dead):
        path.write_text("half")

    assert told("half_written", patient)[0] == "warning"
    assert repaired({"x": examine("half_written", patient)}) == ["x: deleted 1 half-written files"]
    assert mine.exists() and not dead.exists()


def test_locks_of_dead_processes_are_let_go(patient, tmp_path):
    """Those of living ones stay."""
    path = tmp_path / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True)
    dead, mine = {"pid": 999999999, "cmd": "dvc repro"}, {"pid": os.getpid(), "cmd": "dvc repro"}
    path.write_text(json.dumps({"a": {"write": dead}, "b": {"read": [dead, mine]}, "c": {"write": mine}}))

    assert repaired({"x": examine("dvc_locks", patient)}) == ["x: let go of the locks of 1 processes that are gone"]
    assert json.loads(path.read_text()) == {"b": {"read": [mine]}, "c": {"write": mine}}
    path.write_text("{ half")
    assert told("dvc_locks", patient)[0] == "broken"


def test_a_damaged_cache_object_is_found_and_deleted(patient, tmp_path):
    """A wrong size at once, a wrong byte with --deep."""
    md5, other = "5d41402abc4b2a76b9719d911017c592", "7d793037a0760186574b0282f2f435e7"  # of "hello" and "world"
    for name, content in ((md5, "hello"), (other, "wOrld")):
        path = tmp_path / ".dvc/cache/files/md5" / name[:2] / name[2:]
        path.parent.mkdir(parents=True)
        path.write_text(content)
    (tmp_path / "dvc.lock").write_text(f"outs:\n- path: a\n  md5: {md5}\n  size: 5\n- md5: {other}\n  size: 5\n")

    assert told("dvc_cache", patient)[0] == "ok"
    deep = Patient(patient.layout, deep=True)
    assert told("dvc_cache", deep) == ("broken", f"1 objects in DVC's cache are damaged: {other}")
    repaired({"x": examine("dvc_cache", deep)})
    assert told("dvc_cache", deep)[0] == "ok"
    (tmp_path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).write_text("hell")
    assert told("dvc_cache", patient)[0] == "broken"


def test_variables_that_change_results_are_named(patient, monkeypatch):
    """What the store is reached with, is told without its secrets."""
    assert told("environment", patient)[0] == "ok"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@host")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")
    said = {finding.text: finding.level for finding in examine("environment", patient)}

    assert "warning" in said.values()
    assert any("MLFLOW_TRACKING_URI is http://host" in text for text in said)
    assert not any("s3cret" in text or "hush" in text or "ann" in text for text in said)


def test_the_command_tells_by_its_exit_code(tmp_path):
    """1 when anything is broken; JSON is the same in another form."""
    command = [sys.executable, "-m", "stages.commands", "doctor", "--json"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "file:///nowhere"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    found = {one["examined"]: one["level"] for one in json.loads(done.stdout)}

    assert (done.returncode, found["store"]) == (1, "broken")
