"""`imagetrail serve` over real sockets with MLflow's real server: what is answered, what is refused and how."""

import base64
import io
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests
from PIL import Image

from tests.core.images.test_header import bomb
from tests.core.serving.asked import LIMITS, picture, served


@pytest.fixture(scope="module")
def address():
    with served(threshold=0.75) as found:
        yield found


def asked(address, body, kind="application/json"):
    """Status and answer of a request."""
    data = json.dumps(body) if isinstance(body, dict | list) else body
    done = requests.post(f"{address}/invocations", data=data, headers={"Content-Type": kind}, timeout=20)
    return done.status_code, done.json()


def b64(data):
    return base64.b64encode(data).decode()


FORMS = {
    "image/png": lambda data: (data, "image/png"),
    "image/anything": lambda data: (data, "image/whatever; q=1"),
    "bytes": lambda data: (data, "application/octet-stream"),
    "images": lambda data: ({"images": [b64(data)]}, "application/json"),
    "dataframe_split": lambda data: (
        {"dataframe_split": {"columns": ["image"], "data": [[b64(data)]]}},
        "application/json",
    ),
    "dataframe_records": lambda data: (
        {"dataframe_records": [{"image": b64(data)}]},
        "application/json; charset=utf-8",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_request_gives_the_same_answer(address, form):
    """Raw bytes, base64, and MLflow's own protocol; trailing zero bytes of a file are kept."""
    body, kind = FORMS[form](picture(255) + b"\0\0")
    status, told = asked(address, body, kind)

    assert status == 200
    assert told == {
        "predictions": [{"label": "dog", "confidence": 1.0, "sure": True, "p.cat": 0.0, "p.dog": 1.0, "p.=owl": 0.0}]
    }


def test_several_images_are_answered_in_order(address):
    """One of them is not sure."""
    status, told = asked(address, {"images": [b64(picture(255)), b64(picture(128)), b64(picture(0, kind="jpeg"))]})

    assert status == 200
    assert [(row["label"], row["sure"]) for row in told["predictions"]] == [
        ("dog", True),
        ("dog", False),
        ("cat", True),
    ]


def damaged():
    """A JPEG whose header is whole and whose data ends."""
    stream = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(stream, "jpeg")
    return stream.getvalue()[:900]


REFUSED = {
    "no JSON": ("{", "application/json", 400, "is no JSON"),
    "JSON a thousand deep": ("[" * 100_000, "application/json", 400, "is no JSON"),
    "a list": ([1], "application/json", 400, "must be a JSON dictionary"),
    "no known key": ({"x": 1}, "application/json", 400, "must be a JSON dictionary"),
    "another column": ({"dataframe_split": {"columns": ["x"], "data": [["aa"]]}}, "application/json", 400, "image"),
    "a chat": ({"messages": [{"role": "user", "content": "hi"}]}, "application/json", 400, "column called image"),
    "numbers for images": ({"images": [10**12]}, "application/json", 400, "text in base64"),
    "a number in MLflow's form": ({"dataframe_records": [{"image": 10**12}]}, "application/json", 400, "Failed to convert"),
    "no images": ({"images": []}, "application/json", 400, "no image was sent"),
    "an empty body": (b"", "image/png", 422, "the file is empty"),
    "no image": (b"hello", "image/png", 422, "the image can't be read: no JPEG"),
    "a damaged JPEG": (damaged(), "image/jpeg", 422, "image 0 can't be read"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "image/x-eps", 422, "no JPEG"),
    "a bomb": (bomb(11_000), "image/png", 413, "121,000,000 pixels are more than the 10,000"),
    "pixels of several": ({"images": [b64(picture(0, (60, 60)))] * 3}, "application/json", 413, "10,800 pixels are more than"),
    "too many images": ({"images": [b64(picture(0))] * 4}, "application/json", 413, "4 images are more than the 3"),
    "CSV": ("image\naa", "text/csv", 415, "got 'text/csv'"),
    "parquet, which may unpack to anything": (b"PAR1", "application/vnd.apache.parquet", 415, "got"),
    "a form, as another site may send it": (b"x", "multipart/form-data; boundary=x", 415, "got"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_gets_a_status_and_a_sentence(address, case):
    """JSON with one key; no traceback, and nothing of what was sent but a kind or a number."""
    body, kind, status, words = REFUSED[case]
    got, told = asked(address, body, kind)

    assert (got, list(told)) == (status, ["error"]) and words in told["error"]
    assert "Traceback" not in told["error"] and "\n" not in told["error"] and len(told["error"]) <= 300


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/docs", 404),
        ("get", "/openapi.json", 404),
        ("get", "/invocations", 405),
        ("delete", "/", 405),
        ("post", "/health", 405),
    ],
)
def test_only_what_is_promised_is_there(address, method, path, status):
    """FastAPI's own pages ask other servers for scripts."""
    done = getattr(requests, method)(f"{address}{path}", timeout=20)

    assert done.status_code == status and list(done.json()) == ["error"]


def test_it_says_that_it_lives(address):
    """/health and /ping for whoever watches, /version is MLflow's."""
    assert [requests.get(f"{address}/{name}", timeout=20).status_code for name in ("health", "ping", "version")] == [
        200
    ] * 3


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_refused_before_it_is_kept(address, announced):
    """By its announced length, or at the first byte too many where none is announced."""
    sent = b"x" * (LIMITS.max_body_bytes + 1)
    body = sent if announced else iter([sent[:100_000], sent[100_000:]])
    status, told = asked(address, body, "image/png")

    assert status == 413 and told == {"error": "the request holds more than 200,000 bytes"}


def test_an_endless_body_is_cut(address):
    """A caller that never stops is not listened to."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n"
        )
        n_sent, began = 0, time.monotonic()
        try:
            while time.monotonic() - began < 15:
                n_sent += line.send(b"x" * 65536)
        except OSError:
            pass

    assert n_sent < 50 * LIMITS.max_body_bytes
    assert requests.get(f"{address}/health", timeout=20).status_code == 200


def test_a_slow_body_is_given_up(address):
    """What has not arrived in time is refused; others are served meanwhile."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nx")
        assert asked(address, picture(255), "image/png")[0] == 200
        answer = line.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 408") and b"longer than 4 s" in answer


def test_many_at_once_are_all_answered(address):
    """Each with its own answer."""
    lights = [0, 255] * 15
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda light: asked(address, picture(light), "image/png"), lights))

    assert [told["predictions"][0]["label"] for _, told in found] == ["cat", "dog"] * 15


def asked_until(status, address):
    """The answer with a status, once the server has noticed who came and went. Fails after some seconds."""
    for _ in range(30):
        got, told = asked(address, picture(255), "image/png")
        if got == status:
            return told
        time.sleep(0.1)
    pytest.fail(f"still {got}: {told}")


def test_more_than_may_wait_are_sent_away(address):
    """While the limit of requests is still sending, another is told to come back; then it is answered again."""
    host, port = address.removeprefix("http://").split(":")
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
    with ExitStack() as held:
        for _ in range(LIMITS.max_waiting):
            held.enter_context(socket.create_connection((host, int(port)))).sendall(head)
        told = asked_until(503, address)
    assert "come back" in told["error"]
    assert asked_until(200, address)["predictions"]


def test_the_page_may_run_its_own_script_alone(address):
    """Its policy names script and style by their hashes, and the model's name is escaped."""
    done = requests.get(address, timeout=20)
    policy = done.headers["Content-Security-Policy"]

    assert done.status_code == 200 and "default-src 'none'" in policy and "unsafe" not in policy
    assert len(re.findall(r"'sha256-[^']+='", policy)) == len(re.findall(r"<(script|style)>", done.text)) >= 2
    assert not re.search(r"""\s(on\w+|style)=["']""", done.text) and "http://127" not in done.text
    assert requests.head(address, timeout=20).headers["Content-Length"] == str(len(done.content))


def test_a_name_from_outside_is_escaped_on_the_page():
    """A model may be called by a path."""
    with served(name="<script>alert(1)</script>") as other:
        text = requests.get(other, timeout=20).text

    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_without_a_threshold_nobody_knows_what_is_sure():
    """`sure` is null, not true."""
    with served(threshold=None) as other:
        status, told = asked(other, picture(128), "image/png")

    assert status == 200 and told["predictions"][0]["sure"] is None
