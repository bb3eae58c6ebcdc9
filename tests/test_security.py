"""Nothing from outside runs: no pickle, no code in a model file, no script of a name; and no secret is written down."""

import ast
import io
import shutil
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from stages.core.candidates.network_file import check_weights, opened
from stages.core.candidates.predictor import load_predictor
from stages.core.errors import UserError
from stages.core.images.manifest import read_manifest
from stages.core.images.packs import load_split
from stages.core.layout import PROJECT
from stages.core.training.feature_files import opened as opened_features
from stages.core.training.reference import read_reference
from stages.datasets.keras import npz_members
from tests import browser as real_browser
from tests import hostile
from tests.conftest import checkout
from tests.test_bad_input import changed, picture

CODE = sorted((PROJECT / "stages").rglob("*.py"))
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch"}
NEVER = {
    "eval",
    "exec",
    "compile",
    "read_pickle",
    "to_pickle",
    "unsafe_load",
    "enable_unsafe_deserialization",
    "system",
}
MUST = {"load_model": ("safe_mode", True), "load": ("allow_pickle", False)}  # of keras.saving, and of numpy


# ---- what our code may call ---------------------------------------------------------------------------------------


def imported(node):
    """Top names of modules that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {str(node.module).split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def faults(path):
    """What a file of ours must not do, by line."""
    for node in ast.walk(ast.parse(path.read_text())):
        yield from (f"{node.lineno}: imports {name}" for name in imported(node) & PICKLES)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name in NEVER and owner not in ("re", "network", "model", "self", "platform"):
            yield f"{node.lineno}: calls {owner}.{name}"
        if (name, owner) == ("load", "np") or name == "load_model":
            key, value = MUST[name]
            if given.get(key) != str(value):
                yield f"{node.lineno}: {owner}.{name} without {key}={value}"
        if given.get("shell") == "True" or "unsafe" in given.get("typ", ""):
            yield f"{node.lineno}: {owner}.{name} with shell or an unsafe loader"


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_our_code_loads_no_pickle_and_runs_no_text(path):
    """Neither by import nor by a loader's default; a network is loaded in safe mode alone."""
    assert list(faults(path)) == []


def test_one_file_loads_networks():
    """Whatever opens a model file goes through the same door."""
    doors = [path.name for path in CODE if "load_model(" in path.read_text()]

    assert doors == ["network_file.py"]


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from joblib import load", "np.load(p)", "np.load(p, allow_pickle=True)", "pd.read_pickle(p)",
     "keras.saving.load_model(p)", "YAML(typ='unsafe')", "run(x, shell=True)", "eval(x)"],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(line, tmp_path):
    """Planted, each is found."""
    (tmp_path / "bad.py").write_text(line)

    assert len(list(faults(tmp_path / "bad.py"))) == 1


# ---- arrays and tables that hold code ------------------------------------------------------------------------------


@pytest.fixture
def mark(tmp_path):
    """A file that is there once code has run."""
    return tmp_path / "it ran"


MANIFEST = pd.DataFrame({"path": ["a.png"], "label": ["a"], "split": ["train"]})


def test_the_planted_code_would_run(tmp_path, mark):
    """With a careless loader."""
    np.load(hostile.npy(tmp_path / "x.npy", mark), allow_pickle=True)

    assert mark.exists()


def read_keras_dataset(folder, mark):
    """MNIST as Keras has it, with objects."""
    return list(npz_members(hostile.npz(folder / "mnist.npz", mark, ["x_train", "y_train", "x_test", "y_test"])))


def read_pack(folder, mark):
    """Packed images of objects."""
    hostile.npy(folder / "train.npy", mark)
    return load_split(folder, MANIFEST, "train")


def read_features(folder, mark):
    """Stored features of objects."""
    return opened_features(hostile.npy(folder / "train.npy", mark))


def read_memory(folder, mark):
    """reference.npz of objects."""
    from stages.core.training.reference import LOOKS

    names = [*(f"look {name}" for name in LOOKS), "features"]
    return read_reference(hostile.npz(folder / "reference.npz", mark, names), pd.DataFrame())


@pytest.mark.parametrize("read", [read_keras_dataset, read_pack, read_features, read_memory])
def test_an_array_of_objects_is_refused(read, tmp_path, mark):
    """With a sentence, before anything in it runs."""
    with pytest.raises(UserError) as refusal:
        read(tmp_path, mark)

    assert not mark.exists() and "\n" not in str(refusal.value)


def test_a_table_with_a_pickled_type_is_a_table(tmp_path, mark):
    """Its columns are read, its type is not built."""
    path = hostile.parquet(tmp_path / "manifest.parquet", mark, MANIFEST)

    assert list(read_manifest(path, ["path", "label", "split"])["label"]) == ["a"] and not mark.exists()


# ---- model files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    """A whole model file in the folder of a candidate."""
    return hostile.small(tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("change", hostile.CHANGES)
def test_a_malicious_model_is_refused(model, tmp_path, monkeypatch, change):
    """One sentence that names the file, at every door; nothing of it runs or is read."""
    (tmp_path / "marks_itself.py").write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    hostile.rewritten(model, hostile.CHANGES[change])
    for door in (opened, lambda path: load_predictor(path.parent)):
        with pytest.raises(UserError) as refusal:
            door(model)

        assert str(model) in str(refusal.value) and "refused" in str(refusal.value) and "\n" not in str(refusal.value)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.slow
def test_a_lambda_is_refused(tmp_path, mark):
    """The layer that holds code; and the file without it is opened."""
    with pytest.raises(UserError, match="Lambda"):
        opened(hostile.with_lambda(tmp_path / "model.keras", mark))
    whole = opened(hostile.small(tmp_path / "whole.keras"))

    assert whole.count_params() > 0 and not mark.exists()


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"", b"no zip", None], ids=["empty", "text", "cut"])
def test_a_damaged_model_is_a_sentence(model, data):
    """With the way to get it back."""
    model.write_bytes(model.read_bytes()[:-200] if data is None else data)

    with pytest.raises(UserError, match="dvc checkout"):
        opened(model)


@pytest.mark.slow
@pytest.mark.parametrize("plant", [hostile.outside, hostile.virtual, hostile.link(hostile.h5py.SoftLink("/x"))])
def test_weights_of_a_user_hold_only_arrays(tmp_path, plant):
    """A .h5 that takes bytes from another file is refused."""
    path = tmp_path / "w.weights.h5"
    with hostile.h5py.File(path, "w") as store:
        plant(store)
    with pytest.raises(UserError, match="refused"):
        check_weights(path)


@pytest.mark.slow
def test_drift_refuses_a_champion_that_was_replaced(finished, tmp_path, mark):
    """A person who asks for drift sees one line, not a traceback."""
    made = type(finished)(shutil.copytree(finished.root, tmp_path / "copy", symlinks=True))
    path = made.root / "data/candidates/plain/model.keras"
    path.unlink()
    hostile.with_lambda(path, mark)
    (tmp_path / "new").mkdir()
    for number in range(8):
        (tmp_path / "new" / f"{number}.png").write_bytes(picture(number))
    done = made.command("drift", str(tmp_path / "new"), "plain", ok=False)

    assert done.returncode == 1 and "Traceback" not in done.stderr and not mark.exists()
    assert "error: " in done.stderr and "Lambda" in done.stderr


# ---- names from data -----------------------------------------------------------------------------------------------

SCRIPT = "<script>document.title='it ran'</script>"
IMAGE = '"><img src=x onerror="document.title=\'it ran\'">'
FORMULA, MARKDOWN = "=cmd|' /C calc'!A0", "[click](javascript:alert(1)) \x1b[31mred {{ 7*7 }}"
FILES = ["a\"b'c", "<img src=x onerror=document.title='it ran'>", "`x` | **y**", "=1+1", "-rf", "\x1b[2J", "{{ 7*7 }}"]


def hostile_set(folder):
    """Images in four classes of hostile names, in a table, some with hostile file names and two in two classes."""
    rows = []
    for place, label in enumerate([SCRIPT, IMAGE, FORMULA, MARKDOWN]):
        for number in range(24):
            stem = FILES[number] if number < len(FILES) else f"{number}"
            name = f"c{place}/{stem}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(picture(1000 * place + number) if number != 3 else picture(7))
            rows.append({"path": name, "label": label})
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A project that went from such a set to the report page; and all that it printed."""
    folder = tmp_path_factory.mktemp("hostile")
    made, images = checkout(folder / "project"), hostile_set(folder / "images")
    tables = [{"uri": str(images / "labels.csv"), "sha256": None, "split": None, "below": ""}]
    columns = {"path": "path", "label": "label", "split": None, "group": None}
    tree = made.params()
    kept = {"plain": tree["models"]["plain"]}
    kept["plain"]["fit"]["epochs"] = 1
    dataset = {"kind": "csv_labels", "images": str(images), "sha256": None, "tables": tables, "columns": columns,
               "suffix": "", "missing": [], "encoding": None, "licence": SCRIPT, "citation": IMAGE}  # fmt: skip
    changes = {"download.dataset": "hostile", "datasets.hostile": dataset, "models": kept, "tune": {}, "combine": {}}
    changes |= {f"checks.{name}.severity": "warning" for name in ("no_conflicts", "no_leaks", "labelled", "readable")}
    changed(made, changes)
    return made, made.run("dvc", "repro", "--no-commit")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["reports/index.html", "reports/validation/index.html"])
def test_no_script_of_a_name_runs_on_a_page(reported, browser, path):
    """A browser that has loaded it shows our title; the names stand there as text."""
    with real_browser.opened(browser, reported[0].root / path) as page:
        page.wait_for_timeout(1000)

        assert page.title() not in ("", "it ran") and page.locator('img[src="x"]').count() == 0
        assert page.get_by_text(SCRIPT).count() and SCRIPT not in page.content()


@pytest.mark.slow
def test_no_script_is_in_the_pages_of_great_expectations(reported):
    """Nor in any other page that was made."""
    pages = list((reported[0].root / "reports").rglob("*.html"))

    assert len(pages) > 2
    assert [page for page in pages if SCRIPT in page.read_text() or "<img src=x" in page.read_text()] == []


@pytest.mark.slow
def test_names_are_text_in_markdown_tables_and_the_terminal(reported):
    """No HTML in report.md, no formula in a table, no escape code on the terminal."""
    made, done = reported
    tables = list((made.root / "reports").rglob("*.csv"))
    cells = [cell.strip('"') for path in tables for line in path.read_text().splitlines() for cell in line.split(",")]

    assert "<script" not in (made.root / "reports/report.md").read_text()
    assert "\x1b[31m" not in done.stdout + done.stderr and "\x1b[2J" not in done.stdout + done.stderr
    assert len(tables) > 5 and not [cell for cell in cells if cell.startswith(("=", "@"))]
    assert any(cell.startswith("'=cmd") for cell in cells)


# ---- secrets -------------------------------------------------------------------------------------------------------

SECRETS = {"MY_TOKEN": "tok-3f9a77d1c2", "MY_PASSWORD": "pw-88d1e6b0aa", "AWS_SECRET_ACCESS_KEY": "aws-5c0ffee5c0ffee"}


@contextmanager
def private_server(data):
    """A server that gives a file to who knows the password and the token, and 403 to others."""
    import base64

    login = base64.b64encode(f"me:{SECRETS['MY_PASSWORD']}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = (
                f"token={SECRETS['MY_TOKEN']}" in self.path and self.headers.get("Authorization") == f"Basic {login}"
            )
            self.send_response(200 if known else 403)
            self.send_header("Content-Length", str(len(data) if known else 0))
            self.end_headers()
            self.wfile.write(data if known else b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def packed():
    """A zip of two classes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(60):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", picture(number))
    return stream.getvalue()


def holding(folder, values):
    """Files below a folder that hold one of these values."""
    wanted = [value.encode() for value in values]
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "test_security.py"]
    return [str(path) for path in files if any(value in path.read_bytes() for value in wanted)]


@pytest.mark.slow
def test_no_secret_is_left_anywhere(tmp_path):
    """After a whole run with a private source, neither the project, its stores nor what was said holds one."""
    made = checkout(tmp_path)
    tree = made.params()
    kept = {"plain": tree["models"]["plain"]}
    kept["plain"]["fit"]["epochs"] = 1
    with private_server(packed()) as host:
        uri = f"http://me:${{MY_PASSWORD}}@{host}/set.zip?token=${{MY_TOKEN}}"
        chosen = {
            "kind": "archive",
            "uri": uri,
            "sha256": None,
            "splits": {},
            "class_depth": None,
            "encoding": None,
            "licence": None,
            "citation": None,
        }
        made_of = {"download.dataset": "private", "datasets.private": chosen, "models": kept, "tune": {}, "combine": {}}
        changed(made, made_of)
        done = made.run("dvc", "repro", **SECRETS)
        refused = made.stage("download", ok=False, **{**SECRETS, "MY_TOKEN": "another-token-1"})

    assert (made.root / "reports/index.html").exists() and (made.root / "mlflow.db").exists()
    assert holding(made.root, SECRETS.values()) == []
    assert "403" in refused.stderr and refused.returncode == 1
    assert not [s for s in (*SECRETS.values(), "another-token-1") for d in (done, refused) if s in d.stdout + d.stderr]


@pytest.mark.slow
def test_the_server_of_mlflow_is_said_without_its_password(tmp_path):
    """A tracking URI with a password, that nobody answers: a warning without it."""
    made = checkout(tmp_path)
    done = made.command(
        "sync", ok=False, MLFLOW_TRACKING_URI="http://me:pw-88d1e6b0aa@127.0.0.1:9/x?token=tok-3f9a77d1c2"
    )

    assert "pw-88d1e6b0aa" not in done.stdout + done.stderr and "tok-3f9a77d1c2" not in done.stdout + done.stderr
