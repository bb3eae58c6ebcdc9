"""`make setup`: .venv holds exactly the locked packages, whatever it held before and whatever was released since."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import setup_venv

from stages.core.governance.lock_file import pins
from stages.core.layout import PROJECT

PYPROJECT = """[build-system]
requires = []
build-backend = "tiny_backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1.0"
"""
BACKEND = """import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    files = {"tiny.pth": "", "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n",
             "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    files["tiny-1.0.dist-info/RECORD"] = "".join(f"{name},,\\n" for name in files)
    with zipfile.ZipFile(f"{folder}/tiny-1.0-py3-none-any.whl", "w") as wheel:
        [wheel.writestr(*one) for one in files.items()]
    return "tiny-1.0-py3-none-any.whl"
"""
OLD_PYTHON = "#!/bin/sh\necho '[[3, 10], \"/elsewhere\"]'\n"


class Index:
    """A package index on disk."""

    def __init__(self, folder):
        self.folder, self.hashes = folder, {}

    def release(self, name, version, *requires, files=(), extra=""):
        """Add a wheel."""
        info = f"{name}-{version}.dist-info"
        head = [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        head += [f'Provides-Extra: {extra}\nRequires-Dist: dns>=1 ; extra == "{extra}"'] if extra else []
        contents = dict.fromkeys(files or (f"{name}.py",), f"{name}\n")
        contents |= {f"{info}/METADATA": "\n".join(head) + "\n"}
        contents |= {f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        contents[f"{info}/RECORD"] = (
            "".join(record(path, text) for path, text in contents.items()) + f"{info}/RECORD,,\n"
        )
        wheel = self.folder / name / f"{name}-{version}-py3-none-any.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            for one in contents.items():
                archive.writestr(*one)
        self.hashes[name, version] = hashlib.sha256(wheel.read_bytes()).hexdigest()
        links = [f'<a href="{one.name}">{one.name}</a>' for one in wheel.parent.glob("*.whl")]
        (wheel.parent / "index.html").write_text("<!DOCTYPE html>\n" + "\n".join(links))

    def lock(self, *pinned):
        """The text of a lock file."""
        return "".join(
            f"{name}=={version} \\\n    --hash=sha256:{self.hashes[name, version]}\n" for name, version in pinned
        )


def record(path, text):
    """A line of a wheel's RECORD."""
    hashed = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={hashed},{len(text)}\n"


class Project:
    """A project with our Makefile, three small lock files, and an index that knows newer releases."""

    def __init__(self, folder):
        self.folder, self.venv, self.index = folder, folder / ".venv", Index(folder / "index")
        for version in ("2.14.3", "2.14.4"):
            self.index.release("data", version, extra="email")
        self.index.release("rekor", "1.0", "data[email]<3,>=2")  # as sigstore-rekor-types needs pydantic[email]
        for version in ("1.0", "2.0"):
            self.index.release("dns", version)
        self.index.release("cuda", "1.0")
        self.index.release("checker", "1.0", "dns>=1")
        self.index.release("old", "1.0")
        self.index.release("shadow", "1.0", files=("dns.py", "shadow.py"))  # as two builds of OpenCV share cv2
        self.index.release("greedy", "1.0", "dns>=2")
        (folder / "scripts").mkdir()
        shutil.copy(PROJECT / "Makefile", folder)
        shutil.copy(PROJECT / "scripts/setup_venv.py", folder / "scripts")
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (folder / "tiny_backend.py").write_text(BACKEND)
        self.write_locks(("data", "2.14.3"), ("dns", "1.0"), ("rekor", "1.0"))

    def write_locks(self, *running):
        """Write the three lock files."""
        (self.folder / "requirements.lock").write_text(self.index.lock(*running))
        (self.folder / "requirements-gpu.lock").write_text(self.index.lock(("cuda", "1.0")))
        (self.folder / "requirements-test.lock").write_text(self.index.lock(("checker", "1.0")))

    def environment(self):
        """Variables under which pip knows this index only."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GPU"))}
        return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": (self.folder / "index").as_uri()}

    def make(self, *arguments):
        """Run make, without uv."""
        command = ["make", *arguments, "UV=", f"SYSTEM_PYTHON={sys.executable}"]
        where = {"cwd": self.folder, "env": self.environment()}
        return subprocess.run(command, **where, capture_output=True, text=True, check=False)

    def pip(self, *arguments):
        """Run the environment's pip, as a person does."""
        subprocess.run([self.venv / "bin/pip", *arguments], env=self.environment(), check=True, capture_output=True)

    def packages(self):
        """Name and version of what is installed, without pip."""
        found = distributions(path=[str(setup_venv.site_packages(self.venv))])
        return sorted((one.metadata["Name"], one.version) for one in found if one.metadata["Name"] != "pip")


RUNNING = [("data", "2.14.3"), ("dns", "1.0"), ("rekor", "1.0"), ("tiny", "1.0")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that is set up once, where .venv was of another Python; each test changes it, and sets it up again."""
    made = Project(tmp_path_factory.mktemp("project"))
    (made.venv / "bin").mkdir(parents=True)
    (made.venv / "bin/python").write_text(OLD_PYTHON)
    (made.venv / "bin/python").chmod(0o755)
    (made.venv / "bin/activate").touch()
    (made.venv / "of-another-python").touch()
    made.first = made.make("setup")
    return made


@pytest.mark.slow
def test_a_newer_release_of_a_package_needed_with_an_extra_is_passed_over(project):
    """What the lock names is installed, however much newer the index is: pip before 23.3 stopped here, "not pinned"."""
    assert project.first.returncode == 0, project.first.stdout + project.first.stderr
    assert "installing 3 packages with pip" in project.first.stdout
    assert project.packages() == RUNNING


@pytest.mark.slow
def test_an_environment_of_another_python_is_made_anew(project):
    """And it is said why; what is made then knows the variables that keep tools from phoning home."""
    assert "making .venv with Python" in project.first.stdout and "it is of Python 3.10" in project.first.stdout
    assert not (project.venv / "of-another-python").exists()
    assert "DO_NOT_TRACK=true" in (project.venv / "bin/activate").read_text()


@pytest.mark.slow
def test_what_no_lock_names_is_removed(project):
    """Of the GPU lock, by hand, or left half installed; and what it had overwritten of a locked package is mended."""
    assert project.make("setup", "GPU=1").returncode == 0
    assert ("cuda", "1.0") in project.packages()
    assert (
        "--keep requirements-test.lock requirements-gpu.lock" in project.make("-n", "ui").stdout
    )  # it takes no CUDA away
    project.pip("install", "--no-deps", "old", "shadow", "dns==2.0")
    half = setup_venv.site_packages(project.venv) / "data-2.14.3.dist-info/INSTALLER"
    half.unlink()

    done = project.make("setup")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "removing 3 packages that the lock doesn't name: cuda, old, shadow" in done.stdout
    assert project.packages() == RUNNING and half.exists()
    assert (half.parents[1] / "dns.py").read_text() == "dns\n"
    assert project.make("setup").stdout == ""


@pytest.mark.slow
def test_packages_for_tests_are_added_and_stay(project):
    """`make repro` after `make test` takes nothing away; without them it brings none."""
    assert project.make("setup-all").returncode == 0
    assert project.packages() == sorted([*RUNNING, ("checker", "1.0")])
    (project.folder / "pyproject.toml").write_text(PYPROJECT + "# changed\n")

    assert project.make("setup").returncode == 0
    assert ("checker", "1.0") in project.packages()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("running", "said"),
    [
        ([("dns", "1.0"), ("greedy", "1.0")], "don't fit each other (`pip check`, above)"),
        ([("dns", "altered")], "its hash differs"),
        ([("dns", "unknown")], "has no file of a locked package"),
    ],
)
def test_a_lock_that_can_not_be_had_is_an_error_each_time(project, running, said):
    """A sentence, no traceback, not "done" at the second try; and the right lock mends it."""
    project.index.hashes |= {("dns", "altered"): "0" * 64, ("dns", "unknown"): "0" * 64}
    project.write_locks(*running)
    lock = project.folder / "requirements.lock"
    lock.write_text(lock.read_text().replace("altered", "2.0").replace("unknown", "9.0"))
    try:
        for _ in range(2):
            done = project.make("setup")
            assert done.returncode and said in done.stderr and "Traceback" not in done.stderr
    finally:
        project.write_locks(*(one for one in RUNNING if one[0] != "tiny"))


@pytest.fixture
def venv(tmp_path):
    """A folder that passes for an environment of this Python, with one package."""
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    answer = json.dumps([sys.version_info[:2], str(folder)])
    (folder / "bin/python").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (folder / "bin/python").chmod(0o755)
    (folder / "bin/activate").write_text(f"VIRTUAL_ENV={folder}\n")
    (folder / "pyvenv.cfg").touch()
    metadata = setup_venv.site_packages(folder) / "dns-1.0.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: dns\nVersion: 1.0\n")
    return folder


def test_why_an_environment_is_not_taken_over(venv):
    """None, one moved, one without its Python, one whose pip fails, one with a package twice; a sound one is."""
    assert setup_venv.unfit_reason(venv) == ""
    assert "none" in setup_venv.unfit_reason(venv / "nowhere")
    twin = setup_venv.site_packages(venv) / "dns-2.0.dist-info"
    shutil.copytree(twin.with_name("dns-1.0.dist-info"), twin)
    assert "twice" in setup_venv.unfit_reason(venv)
    python = (venv / "bin/python").read_text()
    (venv / "bin/python").write_text(python + 'test "$2" != pip\n')
    assert "its pip doesn't work" in setup_venv.unfit_reason(venv)
    (venv / "bin/activate").write_text("VIRTUAL_ENV=/elsewhere/.venv\n")
    assert "moved" in setup_venv.unfit_reason(venv)
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/nowhere/python3.11")
    assert "broken" in setup_venv.unfit_reason(venv)


def test_nothing_is_done_only_while_nothing_has_changed(venv, monkeypatch, tmp_path):
    """Another lock, another text of it, a package more: each is noticed without a process."""
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text("")
    lock, other = Path("a.lock"), Path("b.lock")
    lock.write_text("dns==1.0\n")
    other.write_text("")
    setup_venv.write_stamp(venv, [lock])

    assert setup_venv.is_current(venv, [lock]) and not setup_venv.is_current(venv, [lock, other])
    more = setup_venv.site_packages(venv) / "old-1.0.dist-info"
    more.mkdir()
    assert not setup_venv.is_current(venv, [lock])
    more.rmdir()
    lock.write_text("dns==2.0\n")
    assert not setup_venv.is_current(venv, [lock])


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_without_tensorflow_is_refused(version):
    """With the way out."""
    with pytest.raises(setup_venv.SetupError, match=r"3\.11, 3\.12 or 3\.13 is needed.*SYSTEM_PYTHON="):
        setup_venv.check_python(version)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("failed to write: No space left on device (os error 28)", "disk is full"),
        (
            "NewConnectionError('...: Failed to establish a new connection: [Errno -2] Name or service not known'",
            "reached",
        ),
        ("error: Failed to fetch: `https://index/simple/dns/`\n  dns error: failed to lookup address", "reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash differs"),
        ("something else", ""),
    ],
)
def test_what_an_installer_says_is_explained(words, meaning):
    """Full disk, no network, another file; of pip and of uv."""
    assert meaning in setup_venv.explain(words) and bool(setup_venv.explain(words)) == bool(meaning)


def test_each_package_stands_in_one_lock_with_hashes_and_no_address():
    """The packages for running alone, and what CUDA and the tests add to them."""
    names = [pins(PROJECT / name) for name in ("requirements.lock", "requirements-gpu.lock", "requirements-test.lock")]
    assert not (set(names[0]) & set(names[1])) and not (set(names[0]) & set(names[2]))
    assert all(pin.hashes for packages in names for pin in packages.values())
    assert not any("://" in (PROJECT / name).read_text() for name in ("requirements.lock", "requirements-test.lock"))
    assert "tensorflow" in names[0] and "pytest" in names[2] and all(name.startswith("nvidia-") for name in names[1])
