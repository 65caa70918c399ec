"""The command line's part, and a server in a process of its own: killed, and found again."""

import os
import random
import signal
import subprocess
import time
import urllib.error

import pytest

from served import Server
from vertumnus.cli import studio as verb
from vertumnus.cli.app import run
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "uvicorn" else object())
    assert run(["studio"]) == 2
    said = capsys.readouterr().err
    assert said == "vertumnus: studio: needs uvicorn; pip install 'vertumnus[studio]'\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "--password-file"),
        (["--host", "192.168.1.7"], "--password-file"),
        (["--host", "0.0.0.0", "--password-file", "short.txt"], "at least 8 characters"),
        (["--host", "0.0.0.0", "--password-file", "nothing.txt"], "nothing.txt"),
        (["--prefix", "/a b"], "--prefix"),
        (["--port", "70000"], "--port"),
        (["nothing.collage"], "there is no such file"),
        (["short.txt"], "is not a collage"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("secret\n")
    assert run(["studio", "--no-browser", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_what_it_is_opened_on(tmp_path):
    Collage(width=9, height=9).save(tmp_path / "a.collage")
    assert verb._place(tmp_path) == (tmp_path.resolve(), None)
    assert verb._place(tmp_path / "a.collage") == (tmp_path.resolve(), (tmp_path / "a.collage").resolve())
    assert verb._prefix("collages/of/mine/") == "/collages/of/mine"
    with pytest.raises(VertumnusError):
        verb._prefix("/../x")
    assert verb._is_loopback("127.0.0.2")
    assert verb._is_loopback("::1")
    assert not verb._is_loopback("0.0.0.0")


@pytest.mark.slow
def test_killed_at_any_moment_no_more_than_two_seconds_are_lost(tmp_path):
    random_ = random.Random(4)
    server = Server(tmp_path)
    name = server.ask("POST", "/api/documents", {"name": "A"})["id"]
    server.ask("POST", f"/api/documents/{name}/commands", {"kind": "add", "elements": [{"icon": "apple"}]})
    for _ in range(4):
        done = []  # when each value was set
        until = time.monotonic() + random_.uniform(2.2, 4)
        while time.monotonic() < until:
            x = round(random_.uniform(0, 1000), 3)
            edit = {"kind": "edit", "layers": [{"id": "k1", "changes": {"x": x}}]}
            server.ask("POST", f"/api/documents/{name}/commands", edit)
            done.append((time.monotonic(), x))
            time.sleep(0.03)
        server.kill()
        killed = time.monotonic()
        kept = Collage.load(tmp_path / "A.collage").layer("k1").x
        when = {x: at for at, x in done}
        assert kept in when
        later = [at for at, _ in done if at > when[kept]]
        assert not later or killed - later[0] <= 2.0, "what is not on disk is two seconds old at most"
        server = Server(tmp_path)
        assert server.ask("GET", "/api/documents")["documents"][0]["path"] == "A.collage"
        name = server.ask("POST", "/api/documents/open", {"path": "A.collage"})["id"]
        assert server.ask("GET", f"/api/documents/{name}")["document"]["layers"][0]["x"] == kept
    server.kill()
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["A.collage"]


@pytest.mark.slow
def test_ended_as_with_ctrl_c_everything_is_saved_and_its_processes_are_gone(tmp_path):
    server = Server(tmp_path, "--prefix", "/mine")
    assert server.at.endswith("/mine")
    name = server.ask("POST", "/api/documents", {"name": "A", "width": 200, "height": 200})["id"]
    elements = [{"icon": one} for one in ("apple", "lemon", "leaf") * 4]
    server.ask("POST", f"/api/documents/{name}/commands", {"kind": "add", "elements": elements})
    begin = {"kind": "run", "verb": "pack", "anew": True, "shape": {"named": "heart"}}
    server.ask("POST", f"/api/documents/{name}/commands", begin)
    time.sleep(2.0)
    children = subprocess.run(
        ["ps", "--ppid", str(server.process.pid), "-o", "pid="], capture_output=True, text=True, check=False
    ).stdout.split()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)
    server.process.stdout.close()
    assert len(Collage.load(tmp_path / "A.collage").layers) == 12
    for _ in range(50):
        if not any(os.path.exists(f"/proc/{child}") for child in children):  # noqa: PTH110
            break
        time.sleep(0.1)
    else:
        pytest.fail("a worker is left")
    with pytest.raises(urllib.error.URLError):
        server.ask("GET", "/api/documents")
