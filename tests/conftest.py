"""What several tests need: a copy of the project in a folder of its own, small enough to run in seconds."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings
from ruamel.yaml import YAML

from stages.core.layout import PROJECT
from tests import forking
from tests.browser import browser  # noqa: F401 (a fixture)

settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")

SERVER = pytest.StashKey[forking.ForkServer]()
QUICK = {"plain": 2, "residual": 2}  # epochs


def pytest_configure(config: pytest.Config) -> None:
    """Have a fork server at hand, one for all workers: it starts when the first process is asked of it.

    What `make test` tells the makes that it starts (UV=, that they are inner ones) is kept from the tests' own.
    """
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="imagetrail-tests-"))
        config.stash[SERVER] = forking.announced(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it."""
    if server := config.stash.get(SERVER, None):
        server.close()
        shutil.rmtree(server.bin.parent, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest, lest one worker ends with them while the other is idle."""
    longest: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="module", autouse=True)
def own_store() -> Iterator[None]:
    """Leave no store to the next file's tests: MLflow writes an address that it is told into the environment."""
    given = {key: value for key, value in os.environ.items() if key.startswith("MLFLOW_")}
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield
    for key in [key for key in os.environ if key.startswith("MLFLOW_")]:
        del os.environ[key]
    os.environ.update(given)


@dataclass(frozen=True)
class Checkout:
    """A project of its own: a git repository with DVC, an empty store, and small params."""

    root: Path

    def run(self, *command: str, ok: bool = True, **variables: str) -> subprocess.CompletedProcess:
        """Run a command in it with the tests' Python first on PATH."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
        path = f"{forking.programs()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment |= {"PATH": path, **variables}
        first, *rest = command
        done = subprocess.run(
            [forking.client_of(first), *rest],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        if ok and done.returncode:
            pytest.fail(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def stage(self, *arguments: str, ok: bool = True, **variables: str) -> subprocess.CompletedProcess:
        """Run one node."""
        return self.run(sys.executable, "-m", "stages", *arguments, ok=ok, **variables)

    def command(self, *arguments: str, ok: bool = True, **variables: str) -> subprocess.CompletedProcess:
        """Run `imagetrail ...` with the code of this checkout."""
        return self.run(sys.executable, "-m", "stages.commands", *arguments, ok=ok, **variables)

    def params(self) -> dict:
        """Its params.yaml."""
        return YAML(typ="safe").load((self.root / "params.yaml").read_text())

    def write_params(self, tree: dict) -> None:
        """Replace its params.yaml."""
        with (self.root / "params.yaml").open("w") as stream:
            YAML().dump(tree, stream)


def checkout(folder: Path) -> Checkout:
    """Copy the project's files as they are now into `folder` and commit them."""
    listed = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0"):
        if name and name not in ("dvc.lock", "reports/ledger.jsonl") and (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    made = Checkout(folder)
    made.run("git", "init", "-q", "-b", "main")
    made.run("git", "config", "user.email", "tests@example.com")
    made.run("git", "config", "user.name", "tests")
    tree = made.params()
    for name, epochs in QUICK.items():
        tree["models"][name]["fit"]["epochs"] = epochs
    tree["tune"]["plain"] |= {"budget": {"trials": 2}, "initial_points": 1, "epochs": 1}
    tree["evaluate"]["bootstrap"] = 20
    made.write_params(tree)
    made.run("git", "add", "-A")
    made.run("git", "commit", "-qm", "start")
    return made


@pytest.fixture
def project(tmp_path: Path) -> Checkout:
    """A fresh copy of the project in which nothing has run."""
    return checkout(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy in which `dvc repro` has run once, for all workers; tests must leave it as it is."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "finished"
    with FileLock(f"{folder}.lock"):
        if not Path(f"{folder}.made").exists():
            checkout(folder).run("dvc", "repro")
            Path(f"{folder}.made").touch()
    return Checkout(folder)
