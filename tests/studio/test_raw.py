"""What somebody may send to the port of a studio, byte by byte: none of it succeeds, and others are answered.

The server is the command in a process of its own; nothing here is said by a client that keeps the rules.
"""

import asyncio
import io
import json
import re
import socket
import struct
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from served import Server
from vertumnus.studio.frames import DRAG, Poses, write_poses
from vertumnus.studio.lines import patient_protocol

pytestmark = pytest.mark.slow

SECRET = "not for you"


class Attacked(Server):
    """A studio with one document of one layer, beside a file that nobody is to read."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder, self.log = root, root / "folder", root / "log"
        self.folder.mkdir()
        (root / "secret.txt").write_text(SECRET)
        (root / "secret.collage").write_text(SECRET)
        with self.log.open("w") as log:
            super().__init__(self.folder, log=log)
        self.port = int(self.at.rpartition(":")[2])
        self.host = f"127.0.0.1:{self.port}"
        self.id = self.ask("POST", "/api/documents", {"name": "A", "width": 100, "height": 80})["id"]
        self.command(kind="add", elements=[{"icon": "apple"}])
        self.document = self.layers()
        self.files = self.listing()

    def command(self, **fields: object) -> dict:
        return self.ask("POST", f"/api/documents/{self.id}/commands", fields)

    def layers(self) -> list:
        return self.ask("GET", f"/api/documents/{self.id}")["document"]["layers"]

    def listing(self) -> list[str]:
        """All files that there are, but for what the studio itself writes beside them."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(path.name for path in found if not path.name.startswith("."))

    def memory(self) -> int:
        """Bytes of the process in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def line(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, *parts: bytes, line: socket.socket | None = None) -> bytes:
        """Sends bytes and returns what comes back until the line is closed, or is silent after an answer."""
        with line or self.line() as line:
            with suppress(OSError):  # it may be closed before all is said
                for part in parts:
                    line.sendall(part)
            got = b""
            with suppress(OSError):
                line.settimeout(20)
                while more := line.recv(65536):
                    got += more
                    line.settimeout(0.5)
            return got

    def live(self, **headers: str):
        """A WebSocket of the document."""
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        address = f"ws://{self.host}/api/documents/{self.id}/live"
        return connect(address, additional_headers=headers, max_size=None, close_timeout=2, proxy=None)

    def check(self) -> None:
        """It answers, at once; nothing has changed, and nothing that it has said is a fault of its own."""
        began = time.monotonic()
        assert self.layers() == self.document
        assert time.monotonic() - began < 10
        assert self.listing() == self.files
        said = self.log.read_text()
        assert "vertumnus/studio/" not in said, said[-5000:]  # as in a traceback through it


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Attacked(tmp_path_factory.mktemp("attacked"))
    time.sleep(2.5)  # it has saved by then
    server.files = server.listing()
    yield server
    server.kill()


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """A request as it is said; nothing is made right."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def status(answer: bytes) -> int:
    """Of an answer; 0 if the line was closed without one."""
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found[1]) if found else 0


def all_statuses(answer: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def edit(x: float) -> bytes:
    """The body of a command that would be seen."""
    return json.dumps({"kind": "edit", "layers": [{"id": "k1", "changes": {"x": x}}]}).encode()


def test_what_is_asked_as_it_should_be_is_answered(server):
    """Without this the others would hold of a server that answers nothing."""
    allowed = (f"Host: {server.host}", f"Authorization: Bearer {server.token}", "Connection: close")
    assert status(server.send(request("GET", f"/api/documents/{server.id}", *allowed))) == 200
    assert status(server.send(request("GET", "/static/app.js", *allowed))) == 200


def test_who_asks_from_elsewhere_or_without_the_token(server):
    host, token = f"Host: {server.host}", f"Authorization: Bearer {server.token}"
    cookie = f"Cookie: vertumnus_{server.port}={server.token}"
    tries = [
        (host,),
        (host, "Authorization: Bearer wrong"),
        (host, f"Authorization: Basic {server.token}"),
        (host, f"Authorization: Bearer {server.token[:-1]}"),
        (host, f"Authorization: Bearer {server.token}x"),
        (host, f"Cookie: vertumnus_1={server.token}"),
        (host, token, "Origin: http://evil.example"),
        (host, token, "Origin: null"),
        (host, cookie, f"Origin: http://127.0.0.1:{server.port}.evil.example"),
        (host, cookie, "Origin: http://127.0.0.1:1"),
        (host, token, f"Origin: http://{server.host}", "Origin: http://evil.example"),
        (token,),
        ("Host: evil.example", token),
        (f"Host: evil.example:{server.port}", token),
        ("Host: 127.0.0.1:1", token),
        ("Host: ", token),
        (host, "Host: evil.example", token),
        (f"Host: {server.host}@evil.example", token),
        ("X-Forwarded-Host: " + server.host, "Host: evil.example", token),
    ]
    command = f"/api/documents/{server.id}/commands"
    for headers in tries:
        for method, target, body in (("GET", f"/api/documents/{server.id}", b""), ("POST", command, edit(7))):
            answer = server.send(request(method, target, *headers, "Connection: close", body=body))
            assert status(answer) in (0, 400, 401, 403, 421), (headers, answer)
            assert b"apple" not in answer
    evil = request("GET", f"http://evil.example/api/documents/{server.id}", "Host: evil.example", token)
    assert status(server.send(evil)) in (0, 400, 404, 421)
    old = f"GET /api/documents/{server.id} HTTP/1.0\r\n{token}\r\n\r\n".encode()
    assert status(server.send(old)) in (0, 400, 421)
    for headers in ({"Authorization": "Bearer no"}, {"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(Exception, match=r"403|421|400|closed|invalid"), server.live(**headers) as tab:
            assert tab.recv(5) == ""
    server.check()


TARGETS = (
    "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/..%2f..%2f..%2f..%2fsecret.txt",
    "/static/%2e%2e%2f%2e%2e%2fsecret.txt", "/static/....//....//secret.txt", "/static/..\\app.py",
    "/static/..%5capp.py", "/static//etc/passwd", "/static/%2fetc%2fpasswd", "//etc/passwd", "/etc/passwd",
    "/static/%00", "/static/app.js%00.png", "/static/%c0%ae%c0%ae/app.py", "/static/%252e%252e/app.py",
    "/static/./../app.py", "/static/vendor/../../app.py", "../../secret.txt", "file:///etc/passwd", "*",
    "/api/documents/{id}/images/..%2f..%2fsecret.txt", "/api/documents/{id}/images/%2fetc%2fpasswd",
    "/api/documents/{id}/originals/..%2f..%2fsecret.txt", "/api/documents/{id}/originals/%2fetc%2fpasswd",
    "/api/documents/{id}/uploads/..%2f..%2fsecret.txt", "/api/documents/{id}/zoom/0/../../../secret.txt",
    "/api/documents/{id}/zoom/0/zoom_files/0/..%2f..%2f0_0.jpg", "/api/documents/{id}/jobs/..%2fj1/0",
    "/api/documents/{id}/exports/..%2f..%2fpng", "/api/documents/..%2f..%2fsecret", "/api/icons/..%2f..%2fx",
    "/api/options/..%2f..%2fx", "/api/documents/{id}/exports/png?scale=1e9", "/" + "a/" * 30_000,
    "/static/" + "%2e%2e/" * 40 + "etc/passwd",
)  # fmt: skip


def test_no_address_leaves_the_program(server):
    allowed = (f"Host: {server.host}", f"Authorization: Bearer {server.token}", "Connection: close")
    for target in TARGETS:
        answer = server.send(request("GET", target.format(id=server.id), *allowed))
        assert status(answer) in (0, 400, 404, 414, 431), (target[:80], answer[:300])
        assert SECRET.encode() not in answer
        assert b"root:" not in answer
        assert b"import " not in answer
    names = ("../secret.collage", "/etc/passwd", "..\\secret.collage", "A.collage/../../secret.collage", "a\0b")
    for name in names:
        body = json.dumps({"path": name}).encode()
        answer = server.send(request("POST", "/api/documents/open", *allowed, body=body))
        assert status(answer) in (400, 404)
        assert SECRET.encode() not in answer
    server.check()


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        empty = {"format": "vertumnus/collage", "version": 2, "width": 9, "height": 9, "layers": []}
        bundle.writestr("collage.json", json.dumps(empty))
        for name in names:
            bundle.writestr(name, "x")
    return stream.getvalue()


def form(filename: str, data: bytes) -> bytes:
    """The body of an upload, with the file's name as it is given."""
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{filename}"\r\n\r\n'
    return head.encode("utf-8", "surrogateescape") + data + b"\r\n--b--\r\n"


def test_names_of_files_and_within_archives(server):
    allowed = (f"Host: {server.host}", f"Authorization: Bearer {server.token}", "Connection: close")
    kind = "Content-Type: multipart/form-data; boundary=b"
    files = [
        ("../../evil.png", b"x"),
        ("/tmp/evil.png", b"x"),
        ("..\\..\\evil.png", b"x"),
        ("evil.txt\\\0.png", b"x"),
        ("%2e%2e%2fevil.png", b"x"),
        ("a.collage", archive("../../evil.txt")),
        ("b.collage", archive("/tmp/evil.txt")),
        ("c.collage", archive("elements/../../evil.txt")),
        ("d.collage", archive("..\\evil.txt")),
    ]
    for name, data in files:
        answer = server.send(request("POST", "/api/uploads", *allowed, kind, body=form(name, data)))
        assert status(answer) in (200, 400), (name, answer)
        if status(answer) == 200:
            said = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert said["uploads"] == [], name
            assert len(said["refused"]) == 1
    assert not list(server.root.rglob("*evil*"))
    assert not Path("/tmp/evil.png").exists()
    assert not Path("/tmp/evil.txt").exists()
    server.check()


def test_two_gigabytes(server):
    """Said to come, in one chunk or in many: refused at what is allowed, and nothing of it stays in memory."""
    before = server.memory()
    allowed = (f"Host: {server.host}", f"Authorization: Bearer {server.token}")
    kind = "Content-Type: multipart/form-data; boundary=b"
    for target in ("/api/uploads", f"/api/documents/{server.id}/uploads", f"/api/documents/{server.id}/commands"):
        for length in ("2147483648", "99999999999999999999999", "-1", "1e9", "0x10", "2147483648, 1", " "):
            answer = server.send(request("POST", target, *allowed, kind, f"Content-Length: {length}"), b"x" * 1000)
            assert status(answer) in (0, 400, 413), (length, answer)
        chunk = request("POST", target, *allowed, "Content-Type: application/json", "Transfer-Encoding: chunked")
        line = server.line()
        line.sendall(chunk + b"80000000\r\n" + b" " * 100_000)
        line.close()
    many = request("POST", f"/api/documents/{server.id}/commands", *allowed, "Transfer-Encoding: chunked")
    answer = server.send(many, *[b"10000\r\n" + b" " * 65536 + b"\r\n"] * 400)
    assert status(answer) in (0, 413)
    # And in earnest, a file without end: cut off at what one request may bring.
    with server.line() as line:
        line.sendall(request("POST", "/api/uploads", *allowed, kind, "Transfer-Encoding: chunked"))
        head = form("a.png", b"")[:-9]
        line.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        block = b"400000\r\n" + bytes(4 << 20) + b"\r\n"
        sent, cut = 0, False
        while sent < 2 << 30 and not cut:
            try:
                line.sendall(block)
                sent += 4 << 20
            except OSError:
                cut = True
        assert cut
        assert 400 << 20 < sent < 700 << 20
    assert server.memory() - before < 200 << 20
    server.check()


def test_what_is_no_http(server):
    host, token = f"Host: {server.host}", f"Authorization: Bearer {server.token}"
    command = f"/api/documents/{server.id}/commands"
    hidden = request("POST", command, host, token, body=edit(13))
    without = request("POST", command, host, body=edit(17))  # it has no token of its own
    head = f"POST {command} HTTP/1.1\r\n{host}\r\n{token}\r\n".encode()
    tries = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
        b"\r\n" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 5000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 500_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n: nothing\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\x00: b\r\n\r\n",
        head + b"Content-Length: 5\r\nContent-Length: 500\r\n\r\n" + edit(11),
        head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + without,
        head + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + without,
        head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + edit(11),
        head + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 200_000 + b"\r\nhello\r\n0\r\n\r\n",
        head + b"Content-Length: 3\r\n\r\n{}\n" + b"GARBAGE " + hidden[:40],
        b"CONNECT evil.example:80 HTTP/1.1\r\n" + host.encode() + b"\r\n" + token.encode() + b"\r\n\r\n",
        b"TRACE / HTTP/1.1\r\n" + host.encode() + b"\r\n" + token.encode() + b"\r\n\r\n",
    ]
    for data in tries:
        answer = server.send(data)
        assert all(one >= 400 for one in all_statuses(answer)), (data[:120], answer[:300])
        assert b"Traceback" not in answer
    # A thousand and more in one go are answered one by one, and no more than a thousand a second.
    answer = server.send(request("GET", "/api/shapes", host, token) * 3000)
    assert set(all_statuses(answer)) <= {200, 429}
    time.sleep(1.1)
    server.check()


def test_requests_that_never_end(server):
    """Hundreds of half requests, heads and bodies: others are answered meanwhile, and who dawdles is let go."""
    host, token = f"Host: {server.host}", f"Authorization: Bearer {server.token}"
    half = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        request("GET", "/api/documents", host, token)[:-2],
        request("POST", "/api/uploads", host, "Content-Length: 1000") + b"x",  # without a token
    ]
    lines = []
    for n in range(600):
        line = server.line()
        with suppress(OSError):
            line.sendall(half[n % len(half)])
        lines.append(line)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.5):
            for n, line in enumerate(lines):
                with suppress(OSError):
                    line.send(b"x" if n % 5 else b"")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        answered, began = [], time.monotonic()
        while time.monotonic() - began < 14:
            asked = time.monotonic()
            assert server.layers() == server.document
            answered.append(time.monotonic() - asked)
            time.sleep(0.3)
    finally:
        stop.set()
        dripping.join()
    assert max(answered) < 5
    gone = 0
    for line in lines:
        line.settimeout(0.05)
        try:
            while line.recv(4096):
                pass
            gone += 1
        except TimeoutError:
            pass
        except OSError:
            gone += 1
        line.close()
    assert gone == len(lines), "whoever asks for nothing in ten seconds is let go"
    server.check()


def test_a_long_answer_is_waited_for_and_the_oldest_that_waits_makes_room():
    """What is being answered is no line that waits, however long it takes."""

    async def ended(reader) -> None:
        with suppress(ConnectionError):
            assert await reader.read() == b""

    async def main() -> None:
        begun, others_gone = asyncio.Event(), asyncio.Event()

        async def app(scope, receive, send):
            if scope["type"] == "http":
                begun.set()
                await others_gone.wait()
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
                await send({"type": "http.response.body", "body": b"ok"})

        config = uvicorn.Config(app, http=patient_protocol(4.0, 3), lifespan="off", log_level="error")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listening]))
            address = listening.getsockname()
            while not server.started:
                await asyncio.sleep(0.01)
            asked, say = await asyncio.open_connection(*address)
            say.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await begun.wait()
            half = [await asyncio.open_connection(*address) for _ in range(5)]
            for _, one in half:
                one.write(b"GET / HT")
            readers = [reader for reader, _ in half]
            await asyncio.gather(*(ended(reader) for reader in readers[:2]))
            assert not any(reader.at_eof() for reader in readers[2:]), "two of five were one too many"
            await asyncio.gather(*(ended(reader) for reader in readers[2:]))
            others_gone.set()
            answer = await asked.read(1000)
            assert answer.startswith(b"HTTP/1.1 200")
            for one in (say, *(writer for _, writer in half)):
                one.close()
            server.should_exit = True
            await serving

    with ThreadPoolExecutor(1) as apart:  # a browser's tests leave a loop that runs in this thread
        apart.submit(lambda: asyncio.run(main())).result()


def closed(tab) -> int | None:
    """Reads on until the server closes; with what code."""
    try:
        while True:
            tab.recv(20)
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd is not None else None


def test_ten_thousand_messages_a_second(server):
    """The one who floods is let go; another tab is answered all the while."""
    with server.live() as other, server.live() as tab:
        text = '{"kind":"edit","layers":[{"id":"nobody","changes":{"x":1}}],"seq":1}'
        began = time.monotonic()
        with suppress(ConnectionClosed, OSError):
            for _ in range(10_000):
                tab.send(text)
        other.send('{"kind":"ping","seq":5}')
        while '"done"' not in other.recv(20):
            pass
        assert time.monotonic() - began < 15
        assert closed(tab) in (1008, 1006, None)
    server.check()


def frame(**changes: object) -> bytes:
    one = np.ones(1, np.float32)
    fields = {"slots": np.zeros(1), "x": one, "y": one, "scale": one, "rotation": one, "flags": np.zeros(1)}
    return write_poses(Poses(0, 0, *(fields | changes).values()), DRAG)


def test_frames_that_are_none(server):
    good = frame()
    bad = [b"", b"\1", good[:-1], good + b"\0", bytes(200), b"\xff" * 37, good[:4] + b"\xff" * 12 + good[16:]]
    bad += [frame(x=np.array([value], np.float32)) for value in (np.nan, np.inf, 1e30)]
    bad += [frame(scale=np.zeros(1, np.float32)), frame(slots=np.array([99]))]
    rng = np.random.default_rng(7)
    bad += [rng.bytes(int(length)) for length in rng.integers(1, 3000, 30)]
    with server.live() as tab:
        with suppress(ConnectionClosed):
            for data in bad:
                tab.send(data)
        assert closed(tab) == 1008
    server.check()


def opened(server) -> socket.socket:
    """A WebSocket without a library, its welcome read."""
    line = server.line()
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Host: {server.host}",
               f"Authorization: Bearer {server.token}")  # fmt: skip
    line.sendall(request("GET", f"/api/documents/{server.id}/live", *headers))
    assert line.recv(100).startswith(b"HTTP/1.1 101")
    return line


def masked(first: int, length: int, data: bytes = b"") -> bytes:
    """A frame's head as it is given, and its bytes."""
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length) if length < 65536 else (
        b"\xff" + struct.pack(">Q", length)
    )  # fmt: skip
    return bytes([first]) + size + bytes(4) + data


def test_what_is_no_websocket(server):
    """Frames against the protocol, and such as would be gigabytes: the line is closed, others go on."""
    before = server.memory()
    ping = b'{"kind":"ping"}'
    tries = [
        b"\x81" + bytes([len(ping)]) + ping,  # not masked
        masked(0x83, 5, b"hello"),  # a kind that there is not
        masked(0xF1, 5, b"hello"),  # bits that nobody agreed on
        masked(0x81, 2 << 30, bytes(1000)),  # two gigabytes are said to come
        masked(0x82, 5 << 20, bytes(5 << 20)),  # more than a message may have
        masked(0x81, 4, b"\xff\xfe\xfd\xfc"),  # a text that is none
        masked(0x89, 126, bytes(126)),  # a ping that is too long
        masked(0x80, 5, b"hello"),  # goes on with what has not begun
        masked(0x01, 4 << 20, bytes(4 << 20)) + masked(0x00, 4 << 20, bytes(4 << 20)) * 8,  # and goes on
        masked(0x88, 1, b"x"),  # an end that is half a number
        np.random.default_rng(3).bytes(5000),
    ]
    for data in tries:
        line = opened(server)
        with suppress(OSError):
            line.sendall(data)
        line.settimeout(20)
        got = b"x"
        with suppress(ConnectionError):
            while got:
                got = line.recv(65536)  # ends; TimeoutError if the server waits for more
        line.close()
    assert server.memory() - before < 200 << 20
    server.check()
