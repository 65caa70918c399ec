"""The VLM score against a server on this machine that answers as told."""

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.vision_language import VlmEndpoint, read_ratings, vlm_score

GOOD = '{"contour_expression": 8, "layout_rationality": 7.5, "aesthetic_quality": 9}'
PIECE = Image.new("RGBA", (1000, 500), "red")


class Server:
    """Gives each of its answers in turn, the last for ever, and keeps what it was asked.

    An answer is a model's text, (status, body, headers), or None for silence.
    """

    def __init__(self, *answers):
        self.asked, self.headers, self.paths, self.quiet = [], [], [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                outer.headers.append(dict(self.headers))
                outer.paths.append(self.path)
                answer = answers[min(len(outer.asked), len(answers)) - 1]
                if answer is None:
                    outer.quiet.wait(20)
                    return
                if isinstance(answer, str):
                    answer = 200, json.dumps({"choices": [{"message": {"content": answer}}]}), {}
                status, body, headers = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.quiet.set()
        self.http.shutdown()
        self.http.server_close()


def rate(server, timeout=5.0, key="", tries=5):
    """The ratings and the waits between tries."""
    waits = []
    endpoint = VlmEndpoint(server.url, "seer", key, timeout)
    return vlm_score(PIECE, "a red flag", endpoint, waits.append, tries=tries), waits


def test_a_good_answer():
    with Server(GOOD) as server:
        found, waits = rate(server, key="secret")
    assert found == (8, 7.5, 9)
    assert found.mean == pytest.approx(24.5 / 3)
    assert waits == []
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert server.asked[0]["model"] == "seer"
    (message,) = server.asked[0]["messages"]
    text, picture = message["content"]
    for word in ('"a red flag"', "contour_expression", "layout_rationality", "aesthetic_quality", "from 1"):
        assert word in text["text"]
    kind, _, data = picture["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert (sent.format, sent.size) == ("PNG", (768, 768))
        assert sent.getpixel((384, 384)) == (255, 0, 0)
        assert sent.getpixel((5, 5)) == (255, 255, 255)


def test_no_key_is_sent_where_there_is_none():
    with Server(GOOD) as server:
        rate(server)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "answer",
    [
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"Sure! Here they are: {GOOD} Have a {{nice}} day.",
        f"<think>maybe {GOOD.replace('8', '2')}, or {{}}...</think>{GOOD}",
        GOOD.replace("}", ', "reason": "the {wings} are clear"}'),
        json.dumps(json.loads(GOOD), indent=4),
    ],
)
def test_ratings_are_found_in_fences_and_amid_text(answer):
    with Server(answer) as server:
        assert rate(server) == ((8, 7.5, 9), [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (GOOD.replace("8", "11"), "contour_expression was 11 and not a number from 1 to 10"),
        (GOOD.replace("8", "0.5"), "contour_expression was 0.5"),
        (GOOD.replace("8", "NaN"), "contour_expression was NaN"),
        (GOOD.replace("8", "true"), "contour_expression was true"),
        (GOOD.replace("9", '"9"'), 'aesthetic_quality was "9"'),
        (GOOD.replace("layout", "lay"), "layout_rationality was null"),
        ("I would say eight.", "no JSON object with the ratings"),
        ("[8, 7, 9]", "no JSON object with the ratings"),
        (GOOD[:-1], "no JSON object with the ratings"),
        ("", "no JSON object with the ratings"),
        ("{" * 5000, "no JSON object with the ratings"),
        ('{"a":' * 5000, "no JSON object with the ratings"),
    ],
)
def test_a_bad_answer_is_said_to_be_so(answer, words):
    with pytest.raises(VertumnusError, match=words):
        read_ratings(answer)


def test_garbage_and_then_a_good_answer():
    with Server("eight", GOOD.replace("8", "80"), GOOD) as server:
        assert rate(server) == ((8, 7.5, 9), [1, 2])
    # The model is told what was wrong, and does not see all its mistakes again.
    roles = [[message["role"] for message in asked["messages"]] for asked in server.asked]
    assert roles == [["user"], ["user", "assistant", "user"], ["user", "assistant", "user"]]
    assert server.asked[2]["messages"][1]["content"] == GOOD.replace("8", "80")
    assert "was 80 and not a number" in server.asked[2]["messages"][2]["content"]


def test_garbage_for_ever_names_the_endpoint():
    with (
        Server("eight") as server,
        pytest.raises(VertumnusError, match=r"^http://127.0.0.1:\d+/v1: seer gave no ratings in 3 tries; .*no JSON"),
    ):
        rate(server, tries=3)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("first", "wait"),
    [
        ((429, '{"error": {"message": "slow down"}}', {}), 1),
        ((429, "", {"Retry-After": "7"}), 7),
        ((429, "", {"Retry-After": "86400"}), 60),
        ((503, "busy", {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}), 1),
        ((200, "<html>", {}), 1),
        ((200, '{"choices": []}', {}), 1),
        ((200, '{"choices": [{"message": {"content": null}}]}', {}), 1),
    ],
)
def test_a_busy_server_is_asked_again(first, wait):
    with Server(first, GOOD) as server:
        assert rate(server) == ((8, 7.5, 9), [wait])
    assert server.asked[0] == server.asked[1]


def test_waits_double():
    waits = []
    with (
        Server((500, '{"error": {"message": "no\\nmemory"}}', {})) as server,
        pytest.raises(VertumnusError, match=r"5 tries; the last time it answered HTTP 500 \(no memory\)$"),
    ):
        vlm_score(PIECE, "a flag", VlmEndpoint(server.url, "seer"), waits.append)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_another_try_cannot_change_is_not_tried_again(status):
    body = json.dumps({"error": {"message": "no such\nmodel"}})
    with (
        Server((status, body, {})) as server,
        pytest.raises(VertumnusError, match=rf"^{server.url}: it answered HTTP {status} \(no such model\)$"),
    ):
        rate(server)
    assert len(server.asked) == 1


def test_silence():
    with (
        Server(None) as server,
        pytest.raises(VertumnusError, match=r"127.0.0.1.* 2 tries; the last time nothing came for 0.2 seconds$"),
    ):
        rate(server, timeout=0.2, tries=2)
    with Server(None, GOOD) as server:
        assert rate(server, timeout=0.2) == ((8, 7.5, 9), [1])


def test_nobody_there():
    with Server(GOOD) as server:
        pass
    with pytest.raises(VertumnusError, match=r"127.0.0.1.*could not be reached \(.*refused"):
        rate(server, tries=2)


@pytest.mark.parametrize("key", ["se\ncret", "geheimnis–"])
def test_a_key_that_cannot_be_sent_is_not_shown(key):
    with (
        Server(GOOD) as server,
        pytest.raises(VertumnusError, match=r"key holds characters that cannot be sent$") as found,
    ):
        rate(server, key=key)
    assert key not in str(found.value)


def test_an_empty_prompt():
    with pytest.raises(VertumnusError, match="prompt: it is empty"):
        vlm_score(PIECE, " ", VlmEndpoint("http://localhost", "seer"), lambda _: None)


def test_a_large_picture_is_made_smaller_and_the_caller_s_is_left_alone():
    picture = Image.fromarray(np.full((1200, 900, 3), 7, np.uint8))
    with Server(GOOD) as server:
        vlm_score(picture, "night", VlmEndpoint(server.url, "seer"), lambda _: None)
    assert picture.size == (900, 1200)


def test_endpoints_from_flags_and_from_the_environment(monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    assert VlmEndpoint.choose("http://localhost:1/v1/", "seer") == VlmEndpoint("http://localhost:1/v1", "seer")
    for url, model, words in (
        (None, "seer", "--vlm: name an endpoint"),
        ("localhost:11434", "seer", "'localhost:11434' is not a web address"),
        ("file:///etc/passwd", "seer", "is not a web address"),
        ("http://", "seer", "is not a web address"),
        ("http://localhost:many/v1", "seer", "is not a web address"),
        ("http://localhost", None, "--vlm-model: name the model"),
    ):
        with pytest.raises(VertumnusError, match=words):
            VlmEndpoint.choose(url, model)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example/v1")
    monkeypatch.setenv("OPENAI_MODEL", "seer")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert VlmEndpoint.choose() == VlmEndpoint("https://api.example/v1", "seer", "secret")
    assert VlmEndpoint.choose("http://localhost", "other") == VlmEndpoint("http://localhost", "other", "secret")
    assert "secret" not in repr(VlmEndpoint.choose())
