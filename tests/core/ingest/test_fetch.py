"""Downloads, from a real server on this machine: resumed, retried where it helps, and checked."""

import hashlib
import io
import random
import re
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest

from stages.core.errors import UserError
from stages.core.files import text_digest
from stages.core.ingest import fetch
from stages.core.ingest.fetch import fetched
from stages.core.layout import PROJECT

DATA = random.Random(1).randbytes(3 * fetch.CHUNK + 12345)
SHA256 = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves DATA; before that, answers as `server.plan` says: a status, or the bytes after which to cut."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        step = self.server.plan.pop(0) if self.server.plan else {}
        start = int(asked.removeprefix("bytes=")[:-1]) if asked and self.server.ranges else 0
        status = step.get("status") or (416 if start >= len(DATA) else 206 if start else 200)
        self.send_response(status)
        body = DATA[start:] if status < 400 else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: step.get("cut")])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """Run a server on a free port of this machine, reached without any proxy."""
    monkeypatch.setattr(fetch, "WAIT_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.plan, running.asked, running.ranges = [], [], True
        running.url = f"http://127.0.0.1:{running.server_port}/a%20b.zip"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_fetched_whole(server, tmp_path):
    """It lies in the cache under its own name, unquoted, and no part is left."""
    path = fetched(server.url, SHA256, tmp_path / "cache")

    assert path == tmp_path / "cache" / text_digest(server.url)[:12] / "a b.zip"
    assert path.read_bytes() == DATA
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_the_right_hash_is_not_fetched_again(server, tmp_path):
    """The second call asks the server nothing; without a hash to compare it has to."""
    fetched(server.url, SHA256, tmp_path)
    fetched(server.url, SHA256, tmp_path)
    assert len(server.asked) == 1

    fetched(server.url, None, tmp_path)
    assert len(server.asked) == 2


def test_a_cut_download_goes_on_where_it_stopped(server, tmp_path):
    """After a cut in the third MiB only the rest is asked for."""
    server.plan = [{"cut": 2 * fetch.CHUNK + 1000}]

    assert fetched(server.url, SHA256, tmp_path).read_bytes() == DATA
    assert server.asked[0] is None
    assert fetch.CHUNK <= int(server.asked[1].removeprefix("bytes=")[:-1]) <= 2 * fetch.CHUNK + 1000


def test_the_next_call_goes_on_where_the_last_gave_up(server, tmp_path):
    """Four cut tries are an error that keeps the part; the next call needs only the rest."""
    server.plan = [{"cut": fetch.CHUNK + 1}, *[{"cut": 0}] * 3]
    with pytest.raises(UserError, match=r"could not be fetched \(\w+, try 4 of 4\)"):
        fetched(server.url, SHA256, tmp_path)

    assert fetched(server.url, SHA256, tmp_path).read_bytes() == DATA
    assert server.asked[-1] == f"bytes={fetch.CHUNK}-"


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    """It answers 200 to a range: the part is begun anew, nothing is doubled."""
    server.ranges, server.plan = False, [{"cut": 2 * fetch.CHUNK}]

    assert fetched(server.url, SHA256, tmp_path).read_bytes() == DATA
    assert server.asked[1].startswith("bytes=")


def test_a_part_longer_than_the_file_is_begun_anew(server, tmp_path):
    """The server's file became shorter (416): the old part is thrown away."""
    part = tmp_path / text_digest(server.url)[:12] / "a b.zip.part"
    part.parent.mkdir()
    part.write_bytes(DATA + b"old")

    assert fetched(server.url, SHA256, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("status", [503, 429, 408, 500])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    """Three refusals that may pass, then the file."""
    server.plan = [{"status": status}] * 3

    assert fetched(server.url, SHA256, tmp_path).read_bytes() == DATA
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_final_refusal_is_not_repeated(server, tmp_path, status):
    """One try, then an error with the address, the status and the way out."""
    server.plan = [{"status": status}]

    with pytest.raises(UserError) as refusal:
        fetched(server.url, SHA256, tmp_path)

    assert len(server.asked) == 1
    for words in (
        server.url,
        f"HTTP status {status}",
        "check the address",
        "give the path of a file you have",
    ):
        assert words in str(refusal.value)


def test_a_wrong_hash_is_refused_and_not_kept(server, tmp_path):
    """Both hashes are named, and the file does not stay to be taken for the right one."""
    with pytest.raises(UserError, match=f"its SHA-256 is {SHA256}, and params.yaml says {'0' * 64}"):
        fetched(server.url, "0" * 64, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_an_error_of_ours(server, tmp_path):
    """A refused connection ends in one sentence after the last try."""
    server.server_close()

    with pytest.raises(UserError, match=r"could not be fetched \(ConnectionError, try 4 of 4\)"):
        fetched(server.url, None, tmp_path)


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_local_file_is_used_where_it_is(tmp_path, form):
    """A path or file:// is not copied, and its hash is compared too."""
    path = tmp_path / "a.zip"
    path.write_bytes(DATA)

    assert fetched(form.format(path), SHA256, tmp_path / "cache") == path
    assert not (tmp_path / "cache").exists()


def test_a_local_file_of_another_hash_stays(tmp_path):
    """It is refused, but it is the user's: it is not deleted."""
    path = tmp_path / "a.zip"
    path.write_bytes(DATA)

    with pytest.raises(UserError, match="another file, or a damaged one"):
        fetched(str(path), "0" * 64, tmp_path)
    assert path.read_bytes() == DATA


def test_a_missing_path_says_so(tmp_path):
    """The error names what was asked for and what would be right."""
    with pytest.raises(UserError, match=r"none\.zip: no such file; give a path that exists, or a URL"):
        fetched(str(tmp_path / "none.zip"), None, tmp_path)


SECRET = "https://me:pass%40word@host.example/a/b.zip;p?X-Amz-Signature=abc&token=def#frag"


def test_what_a_url_holds_of_secrets_is_not_shown():
    """User, password, query and fragment are left out; a path stays as it is."""
    assert fetch.shown(SECRET) == "https://host.example/a/b.zip"
    assert fetch.shown("s3://key:secret@bucket/x.zip?versionId=1") == "s3://bucket/x.zip"
    assert fetch.shown("images/a?b#c@d.zip") == "images/a?b#c@d.zip"


def test_no_message_says_a_secret(server, tmp_path, capfd):
    """Neither the lines while it tries again nor the error at the end."""
    server.plan = [{"status": 503}] * 4
    url = server.url.replace("http://", "http://me:password@") + "?signature=abc"

    with pytest.raises(UserError) as refusal:
        fetched(url, None, tmp_path)
    with pytest.raises(UserError) as other:
        fetched(url, "0" * 64, tmp_path)

    said = str(refusal.value) + str(other.value) + "".join(capfd.readouterr())
    assert "trying again" in said and "params.yaml says" in said
    assert "password" not in said and "signature" not in said


# ---- everything that fsspec can read ---------------------------------------------------------------------------


class Cut(io.BytesIO):
    """A remote file whose connection breaks after some bytes."""

    left = 2**40

    def read(self, size=-1):
        data = super().read(size)
        Cut.left -= len(data)
        if Cut.left < 0:
            raise ConnectionResetError("the connection broke")
        return data


@pytest.fixture
def bucket(monkeypatch):
    """fsspec's file system in memory, with DATA in it, and what was opened of it."""
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/a.zip", DATA)
    monkeypatch.setattr(fetch, "WAIT_S", 0.0)
    monkeypatch.setattr(Cut, "left", 2**40)
    store.seeks = []

    real = store.open

    def opened(path, mode="rb", **options):
        if mode != "rb":
            return real(path, mode, **options)
        stream = Cut(store.store[path].getvalue())
        seek = stream.seek
        stream.seek = lambda place: store.seeks.append(place) or seek(place)
        return stream

    monkeypatch.setattr(store, "open", opened)
    yield store
    store.rm("/bucket", recursive=True)


URI = "memory://bucket/a.zip"


def test_an_object_is_fetched_whole(bucket, tmp_path):
    """Whatever the protocol; it lies in the cache under its own name, and nothing else does."""
    path = fetched(URI, SHA256, tmp_path)

    assert path.read_bytes() == DATA and path.name == "a.zip"
    assert list(path.parent.iterdir()) == [path]
    fetched(URI, SHA256, tmp_path)
    assert bucket.seeks == [0]


def test_an_object_goes_on_where_the_connection_broke(bucket, tmp_path, monkeypatch):
    """After a break in the third MiB only the rest is read."""
    monkeypatch.setattr(Cut, "left", 2 * fetch.CHUNK + 1000)
    monkeypatch.setattr(fetch.time, "sleep", lambda _: setattr(Cut, "left", 2**40))

    assert fetched(URI, SHA256, tmp_path).read_bytes() == DATA
    assert bucket.seeks == [0, 2 * fetch.CHUNK]


def test_the_next_call_goes_on_with_an_object(bucket, tmp_path, monkeypatch):
    """Four broken tries are an error that keeps the part; the next call reads the rest."""
    monkeypatch.setattr(Cut, "left", fetch.CHUNK + 1)
    with pytest.raises(
        UserError, match=r"memory://bucket/a\.zip could not be fetched \(ConnectionResetError, try 4 of 4"
    ):
        fetched(URI, SHA256, tmp_path)
    monkeypatch.setattr(Cut, "left", 2**40)

    assert fetched(URI, SHA256, tmp_path).read_bytes() == DATA
    assert bucket.seeks[-1] == fetch.CHUNK


def test_an_object_that_has_changed_is_begun_anew(bucket, tmp_path, monkeypatch):
    """The part of another version, or one longer than the object, is not gone on with."""
    monkeypatch.setattr(Cut, "left", fetch.CHUNK + 1)
    with pytest.raises(UserError):
        fetched(URI, None, tmp_path)
    monkeypatch.setattr(Cut, "left", 2**40)
    bucket.pipe("/bucket/a.zip", DATA[::-1])

    assert fetched(URI, None, tmp_path).read_bytes() == DATA[::-1]
    assert bucket.seeks[-1] == 0


def test_an_object_that_is_not_there_is_not_tried_again(bucket, tmp_path):
    """One try, and the address."""
    with pytest.raises(
        UserError, match=r"memory://bucket/none\.zip could not be fetched \(FileNotFoundError, try 1 of 4\)"
    ):
        fetched("memory://bucket/none.zip", None, tmp_path)


def test_an_object_of_another_hash_is_refused_and_not_kept(bucket, tmp_path):
    """As over HTTP."""
    with pytest.raises(UserError, match="its SHA-256 is"):
        fetched(URI, "0" * 64, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "module", "words"),
    [
        (
            "s3://me:secret@bucket/a.zip",
            "s3fs",
            "s3://bucket/a.zip: s3:// needs a package that is not installed; run `pip install -e '.[s3]'`",
        ),
        ("gs://bucket/a.zip", "gcsfs", "run `pip install -e '.[gs]'`"),
        ("abfs://bucket/a.zip", "adlfs", "abfs:// needs a package that is not installed; Install adlfs"),
        ("bogus://bucket/a.zip", "none", "no way is known to read bogus://; give a path, http(s)://, s3:// or gs://"),
    ],
)
def test_a_protocol_that_is_not_there_names_its_extra(tmp_path, monkeypatch, uri, module, words):
    """One sentence with the command that brings it."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UserError) as refusal:
        fetched(uri, None, tmp_path)
    assert words in str(refusal.value) and "secret" not in str(refusal.value)


def test_the_extras_that_are_named_exist():
    """Every `pip install -e '.[X]'` in the code is an extra of pyproject.toml."""
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    code = "".join(path.read_text() for path in (PROJECT / "stages").rglob("*.py"))

    assert set(re.findall(r"\.\[(\w+)\]", code)) | set(fetch.EXTRAS.values()) <= set(extras)
