"""What somebody may try who is not the person at this machine, as a list: none of it succeeds, the server stays up.

All of it goes to a server of the test's own, within this process.
"""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from vertumnus.errors import VertumnusError
from vertumnus.studio import channel, safety, uploads
from vertumnus.studio.addresses import ADDRESSES
from vertumnus.studio.app import make_app
from vertumnus.studio.folder import Folder
from vertumnus.studio.frames import DRAG, Poses, read_drag, write_poses
from vertumnus.studio.safety import Gate, hosts_of

SECRET = "not for you"


@pytest.fixture
def fruits(studio):
    (studio.root.parent / "secret.txt").write_text(SECRET)
    (studio.root.parent / "secret.collage").write_text(SECRET)
    identity = studio.new()
    studio.command(identity, kind="add", elements=[{"icon": "apple"}])
    return identity


def is_up(studio, identity):
    """Whether the server still does what it should, and the document is as it was."""
    assert studio.command(identity, kind="ping").status_code == 200
    found = studio.client.get(f"/api/documents/{identity}").json()["document"]
    return [layer["name"] for layer in found["layers"]] == ["apple"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"cookie": "vertumnus_0=wrong"}])
def test_without_the_token_nothing_is_answered(studio, fruits, headers):
    studio.client.headers.pop("authorization")
    paths = [(one.method, one.path.format(id=fruits, name="x", kind="png", job="j1", index=0, revision=0, verb="pack",
                                          upload="u1")) for one in ADDRESSES]  # fmt: skip
    paths.append(("GET", "/static/app.js"))
    for method, path in paths:
        if method == "WS":
            with (
                pytest.raises(WebSocketDisconnect) as closed,
                studio.client.websocket_connect(path, headers={**headers, "origin": "http://testserver"}),
            ):
                pass
            assert closed.value.code == 1008
        else:
            answer = studio.client.request(method, path, headers=headers, follow_redirects=False)
            assert answer.status_code == 401, path
            assert "set-cookie" not in answer.headers
    assert studio.client.get("/?token=wrong", follow_redirects=False).status_code == 401


ORIGINS = (
    "http://evil.example",
    "null",
    "http://testserver.evil.example",
    "https://testserver@evil.example",
    "file://",
)


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_origin_is_refused(studio, fruits, origin):
    with (
        pytest.raises(WebSocketDisconnect),
        studio.client.websocket_connect(f"/api/documents/{fruits}/live", headers={"origin": origin}),
    ):
        pass
    for method, path in (("POST", f"/api/documents/{fruits}/commands"), ("GET", "/api/documents")):
        assert studio.client.request(method, path, headers={"origin": origin}).status_code == 403
    assert is_up(studio, fruits)


def test_a_page_that_does_not_say_where_it_comes_from_gets_no_channel(studio, fruits):
    token = studio.client.headers.pop("authorization").removeprefix("Bearer ")
    cookie = {"cookie": f"{studio.gate.cookie}={token}"}
    assert studio.client.get("/api/documents", headers=cookie).status_code == 200
    with (
        pytest.raises(WebSocketDisconnect),
        studio.client.websocket_connect(f"/api/documents/{fruits}/live", headers=cookie),
    ):
        pass
    fetch = {**cookie, "sec-fetch-site": "cross-site"}
    assert studio.client.post("/api/documents", json={}, headers=fetch).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "127.0.0.1:9", "[::1", "", "a b", "x" * 5000]
)
def test_a_name_made_to_point_here_is_none_of_ours(studio, fruits, host):
    answer = studio.client.get("/api/documents", headers={"host": host})
    assert answer.status_code == 421
    assert not Gate(hosts_of("127.0.0.1", 8000)).knows_host(host)


def test_names_of_this_machine_and_of_a_proxy():
    gate = Gate(hosts_of("127.0.0.1", 8000, ["collages.example", "other.example:444"]))
    for name in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "collages.example", "other.example:444"):
        assert gate.knows_host(name), name
    assert gate.knows_origin("https://collages.example")
    assert not gate.knows_host("other.example:445")


NAMES = ("../secret.collage", "/etc/passwd", "a/../../secret.collage", "..\\secret.collage", "link.collage",
         "linked/secret.collage", ".hidden.collage", "", ".", "..", "A.collage/../../secret.collage", "a\0b", "C:x",
         "x" * 2000, "%2e%2e/secret.collage", "folder")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_the_folder(studio, fruits, name):
    (studio.root / "link.collage").symlink_to(studio.root.parent / "secret.collage")
    (studio.root / "linked").symlink_to(studio.root.parent)
    (studio.root / "folder").mkdir()
    answer = studio.client.post("/api/documents/open", json={"path": name})
    assert answer.status_code in (400, 404)
    assert SECRET not in answer.text
    made = studio.client.post("/api/documents", json={"name": name})
    assert made.status_code == (201 if name in ("folder", "link.collage") else 400)
    listed = [one["path"] for one in studio.client.get("/api/documents").json()["documents"]]
    assert listed == ["A.collage"] + [f"{name}.collage"] * (made.status_code == 201)
    job = {"reference": "example", "tiles": {"folder": name}}
    answer = studio.command(fruits, kind="job", verb="mosaic", options=job)
    if name not in ("", ".", "folder"):
        assert answer.status_code in (400, 404)
    assert sorted(path.name for path in studio.root.parent.iterdir()) == ["folder", "secret.collage", "secret.txt"]


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/..%2fsecret.txt",
     "/api/documents/{id}/images/..%2f..%2fsecret.txt", "/api/documents/{id}/images/%2fetc%2fpasswd",
     "/api/documents/{id}/zoom/0/../../../secret.txt", "/api/documents/{id}/zoom/0/..%2f..%2fsecret.txt",
     "/api/documents/..%2f{id}", "/api/icons/..%2f..%2fx", "/api/icons/%2fetc%2fpasswd"],
)  # fmt: skip
def test_no_address_leaves_the_program(studio, fruits, path):
    answer = studio.client.get(path.format(id=fruits))
    assert answer.status_code in (400, 404), answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "command",
    [
        {"kind": "add", "text": "a", "font": "/etc/passwd"},
        {"kind": "add", "elements": [{"icon": "../../secret.txt"}]},
        {"kind": "add", "elements": [{"image": "elements/../../secret.txt"}]},
        {"kind": "add", "elements": [{"upload": "../../secret.txt"}]},
        {"kind": "job", "verb": "harmonize", "options": {"how": {"lora": ["/etc/passwd"]}}},
        {"kind": "job", "verb": "mosaic", "options": {"reference": "example", "tiles": {"example": True},
                                                      "how": {"importance": "/etc/passwd"}}},
        {"kind": "job", "verb": "generate", "options": {"prompts": ["x"], "how": {"adapter": "/etc"}}},
        {"kind": "job", "verb": "words", "options": {"text": "a", "font": "/etc/passwd"}},
        {"kind": "canvas", "background": "url(http://evil.example)"},
        {"kind": "edit", "layers": [{"id": "k1", "changes": {"name": "x" * 5000}}]},
        {"kind": "edit", "layers": [{"id": "k1", "changes": {"x": 1e300}}]},
    ],
)  # fmt: skip
def test_no_option_names_a_file(studio, fruits, command):
    answer = studio.command(fruits, **command)
    assert answer.status_code in (400, 404), answer.text
    assert SECRET not in answer.text
    assert is_up(studio, fruits)


def test_what_judges_and_what_is_filled_name_no_file():
    from vertumnus.studio.building import checked_guidance, checked_model, checked_shape

    for named in (
        "photo:/etc/passwd",
        "shape:/etc/passwd",
        "clip:/models",
        "clip:../models",
        "distillation:a/b/c",
        "!",
    ):
        with pytest.raises(VertumnusError):
            checked_guidance(named)
    for named in ("/models", "..", "../a", "src/vertumnus" if safety.Path("src/vertumnus").exists() else "/x", ""):
        with pytest.raises(VertumnusError):
            checked_model(named)
    for named in ("/etc/passwd", "x.svg", "../x.png", "secret.txt"):
        with pytest.raises(VertumnusError):
            checked_shape(named)


def archive(*members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, data in members:
            bundle.writestr(name, data)
    return stream.getvalue()


def bomb():
    """A PNG that says it is 50,000 pixels a side."""
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


EMPTY = json.dumps({"format": "vertumnus/collage", "version": 2, "width": 9, "height": 9, "layers": []})
FILES = {
    "../../evil.png": b"x",
    "/etc/cron.d/evil.png": b"x",
    "page.html": b"<script>alert(1)</script>",
    "run.exe": b"MZ",
    "bomb.png": bomb(),
    "climbs.collage": archive(("collage.json", EMPTY), ("../../evil.txt", "x")),
    "absolute.collage": archive(("collage.json", EMPTY), ("/tmp/evil.txt", "x")),
    "many.zip": archive(("a.png", "x")),
    "none.collage": b"PK",
    "zero.csv": b"a,\0",
    "deep.svg": b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g>" * 5000 + b"</g>" * 5000 + b"</svg>",
    "outside.svg": b"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg xmlns='http://www.w3.org/2000/svg'"
    b" width='9' height='9'><text>&x;</text></svg>",
}


def test_files_that_are_not_what_they_should_be(studio, fruits):
    sent = [("files", (name, data)) for name, data in FILES.items()]
    answer = studio.client.post("/api/uploads", files=sent)
    assert answer.status_code == 200
    assert not answer.json()["uploads"]
    assert len(answer.json()["refused"]) == len(FILES)
    assert not list(studio.folder.uploads.folder.iterdir()), "what was refused is gone"
    assert not list(studio.root.parent.glob("**/evil*"))
    assert is_up(studio, fruits)


def test_an_svg_with_script_is_a_picture_and_no_more(studio, fruits):
    svg = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40"
        height="40" onload="alert(1)"><script>alert(2)</script><a xlink:href="javascript:alert(3)"><rect width="40"
        height="40" fill="red"/></a><foreignObject><p>x</p></foreignObject></svg>"""
    outside = svg.replace(b"<foreign", b'<image href="http://evil.example/x.png"/><foreign')
    refused = studio.client.post("/api/uploads", files=[("files", ("b.svg", outside))]).json()["refused"]
    assert "never followed" in refused[0]["message"]
    sent = studio.client.post("/api/uploads", files=[("files", ("a<script>.svg", svg))]).json()["uploads"]
    ids = studio.command(fruits, kind="add", elements=[{"upload": sent[0]["id"]}]).json()["ids"]
    layers = studio.client.get(f"/api/documents/{fruits}").json()["document"]["layers"]
    image = next(one["image"] for one in layers if one["id"] == ids[0]).removeprefix("elements/")
    shown = studio.client.get(f"/api/documents/{fruits}/images/{image}")
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(shown.content)).format == "PNG"
    exported = studio.client.get(f"/api/documents/{fruits}/exports/svg")
    assert "attachment" in exported.headers["content-disposition"]
    for word in ("script>", "alert", "evil.example", "foreignObject", "onload"):
        assert word not in exported.text.replace("a&lt;script&gt;", "")


def test_more_bytes_than_are_taken(studio, fruits, monkeypatch):
    two = {"content-length": str(2 << 30), "content-type": "multipart/form-data; boundary=x"}
    answer = studio.client.post("/api/uploads", content=b"x", headers=two)
    assert answer.status_code == 413
    monkeypatch.setattr(safety, "MOST_UPLOAD", 200_000)

    def endless():
        yield b'--x\r\ncontent-disposition: form-data; name="f"; filename="a.png"\r\n\r\n'
        for _ in range(1000):
            yield bytes(10_000)

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert studio.client.post("/api/uploads", content=endless(), headers=kind).status_code == 413
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "MOST_FILES", 3)
    monkeypatch.setattr("vertumnus.studio.app.MOST_FILES", 3)
    assert studio.client.post("/api/uploads", files=[("f", (f"{n}.png", b"x")) for n in range(5)]).status_code == 400
    monkeypatch.setattr("vertumnus.studio.app.MOST_BYTES", 1000)
    found = studio.client.post("/api/uploads", files=[("f", ("a.png", bytes(2000)))]).json()["refused"]
    assert "too much for one file" in found[0]["message"]
    answer = studio.client.post(f"/api/documents/{fruits}/commands", content=b" " * (5 << 20))
    assert answer.status_code == 413
    monkeypatch.setattr(uploads, "MOST_KEPT", 10)
    found = studio.client.post("/api/uploads", files=[("f", ("a.txt", b"words and more words"))]).json()["refused"]
    assert "already" in found[0]["message"]
    assert not list(studio.folder.uploads.folder.iterdir())
    assert is_up(studio, fruits)


def good_frame(count=1, **changes):
    one = np.ones(count, np.float32)
    fields = {"slots": np.arange(count), "x": one, "y": one, "scale": one, "rotation": one, "flags": np.zeros(count)}
    fields |= changes
    return write_poses(Poses(0, 0, *fields.values()), DRAG)


def bad_frames():
    frame = good_frame()
    nan = np.array([np.nan], np.float32)
    yield from (b"", b"\1", frame[:-1], frame + b"\0", frame[:20], b"\2\0\0", bytes(200), b"\xff" * 37)
    yield frame[:4] + b"\xff" * 12 + frame[16:]  # four thousand million pieces
    for field in ("x", "y", "scale", "rotation"):
        yield good_frame(**{field: nan})
        yield good_frame(**{field: nan * 0 + np.inf})
    yield good_frame(x=np.array([1e30], np.float32))
    yield good_frame(scale=np.array([0], np.float32))
    yield good_frame(2, slots=np.zeros(2))
    yield good_frame(slots=np.array([99]))
    rng = np.random.default_rng(5)
    for length in rng.integers(1, 300, 30):
        yield rng.bytes(int(length))


def test_frames_that_are_none(studio, fruits):
    for frame in bad_frames():
        if frame != good_frame(slots=np.array([99])):
            with pytest.raises(VertumnusError):
                read_drag(frame)
    frames = list(bad_frames())
    for some in (frames[:20], frames[10:]):
        with studio.live(fruits) as tab:
            for frame in some:
                tab.socket.send_bytes(frame)
            assert tab.until_closed() == 1008
    assert all(one["kind"] == "error" for one in tab.heard[1:])
    assert is_up(studio, fruits)


TEXTS = ("", "{", "[]", "1", '{"kind":"edit"}', "[" * 10_000, '{"kind":"ping","seq":1e999}', '{"kind":"\ud800"}',
         '{"kind":"edit","layers":[{"id":"k1","changes":{"x":NaN}}]}')  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_no_commands(studio, fruits, text):
    with studio.live(fruits) as tab:
        tab.socket.send_text(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
        assert tab.hear("refused")["message"]
        assert tab.say("ping")["kind"] == "done"
    assert is_up(studio, fruits)


def test_a_fault_of_ours_ends_nothing(studio, fruits, monkeypatch):
    def broken(*_):
        raise KeyError("oh")

    monkeypatch.setattr("vertumnus.studio.session.Session.reorder", broken)
    with studio.live(fruits) as tab:
        said = tab.say("reorder", ids=["k1"], to=0)
        assert said["message"] == "something went wrong in the program itself (KeyError: 'oh')"
        tab.socket.send_text('{"kind":"no","seq":77}')
        assert tab.hear("refused")["seq"] == 77
    assert is_up(studio, fruits)


def test_ten_thousand_messages_a_second(studio, fruits):
    with studio.live(fruits) as tab:
        for _ in range(10_000):
            tab.socket.send_text('{"kind":"ping"}')
        assert tab.until_closed() == 1008
    assert len(tab.heard) <= 2 * channel.MOST_MESSAGES
    assert is_up(studio, fruits)


def test_who_reads_nothing_is_let_go():
    from vertumnus.studio.desk import MOST_WAITING, Client

    client = Client(1)
    for step in range(MOST_WAITING + 1):
        client.tell_text("x")
        client.show(step, b"frame")
    assert client.lost
    assert len(client.texts) == MOST_WAITING


def test_requests_beyond_reason(studio, fruits, monkeypatch):
    monkeypatch.setattr(safety.Gate, "busy", lambda self, now: safety._too_many(self.recent, 0.0, 1.0, 50))
    found = [studio.client.get("/api/shapes").status_code for _ in range(60)]
    assert found.count(200) == 48, "and two before"
    assert found[48:] == [429] * 12


def test_the_password_is_guessed_five_times_a_minute(tmp_path):
    gate = Gate({("testserver", None)}, password="correct horse", prefix="/collages")
    with TestClient(make_app(Folder(tmp_path), gate), base_url="http://testserver", follow_redirects=False) as client:
        page = client.get("/collages/")
        assert "password" in page.text
        assert "<script" not in page.text
        assert client.get("/collages/api/documents").status_code == 401
        enter = {"origin": "http://testserver"}
        for _ in range(4):
            assert client.post("/collages/login", data={"password": "wrong"}, headers=enter).status_code == 403
        answer = client.post("/collages/login", data={"password": "correct horse"}, headers=enter)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/collages/"
        assert "HttpOnly; SameSite=Strict; Path=/collages/" in answer.headers["set-cookie"]
        assert client.get("/collages/api/documents").status_code == 200
        client.cookies.clear()
        answer = client.post("/collages/login", data={"password": "correct horse"}, headers=enter)
        assert answer.status_code == 403, "that was the sixth"
        evil = {"origin": "http://evil.example"}
        assert client.post("/collages/login", data={"password": "x"}, headers=evil).status_code == 403


def test_what_a_page_may_load(studio, fruits):
    studio.client.headers.pop("authorization")
    link = studio.client.get(f"/?token={studio.gate.token}", follow_redirects=False)
    assert link.status_code == 303
    assert link.headers["location"] == "/"
    assert "HttpOnly; SameSite=Strict" in link.headers["set-cookie"]
    policy = studio.client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
