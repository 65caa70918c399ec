"""A studio under random use: edits, runs, drags, undos and exports, seeded, for as long as is asked.

    python benchmarks/studio_soak.py --seconds 1800 --seed 1 [--page]

A server of its own is told by a script; every reply is waited for. Said every so often: the memory of the server and
of its workers (resident, MB), commands, and how many were refused. With --page a browser's page looks on all the
while: its process's resident MB and what its scripts hold, after garbage was collected. At the end the document must
be, byte for byte, the one that the recorded commands make without a server (vertumnus.studio.replay), and nothing
must have gone wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

from vertumnus.document.bundle import to_json
from vertumnus.document.collage import Collage
from vertumnus.studio.frames import DRAG, POSES, Poses, read_drag, write_poses
from vertumnus.studio.replay import read_records, recorder, replay
from vertumnus.studio.session import Session

ICONS = ("apple", "lemon", "carrot", "leaf", "fish", "star", "bell", "key", "heart", "feather")
SIDE = 300  # canvas pixels
MOST = 60  # layers
PAGE = os.sysconf("SC_PAGE_SIZE")


def serve(folder: Path, records: Path) -> None:
    """The server: what the command line starts, and recording."""
    from vertumnus.cli.studio import _listen, _serve
    from vertumnus.studio.app import make_app
    from vertumnus.studio.folder import Folder
    from vertumnus.studio.safety import Gate, hosts_of

    with _listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        gate = Gate(hosts_of("127.0.0.1", port), port=port)
        app = make_app(Folder(folder, None, recorder(records)), gate)
        print(port, gate.token, flush=True)
        _serve(app, listening)


class Client:
    """A script at a document."""

    def __init__(self, port: int, token: str) -> None:
        self.at, self.headers = f"127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}
        self.seq = self.commands = self.refused = self.frames = 0
        self.running, self.errors = False, []
        self.ending = contextlib.ExitStack()
        self.slots: list[int] = []

    def http(self, method: str, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.at}{path}", data, self.headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def open(self, identity: str) -> None:
        address = f"ws://{self.at}/api/documents/{identity}/live"
        self.socket = self.ending.enter_context(
            connect(address, additional_headers=self.headers, max_size=None, max_queue=None, ping_timeout=None)
        )
        self.hear("welcome")

    def take(self, timeout: float | None = None) -> dict | None:
        """One message; poses are acknowledged."""
        message = self.socket.recv(timeout=timeout)
        if isinstance(message, bytes):
            poses = read_drag(message, POSES)
            self.slots, self.frames = poses.slots.tolist(), self.frames + 1
            self.socket.send(b"\2" + message[8:12])
            return None
        found = json.loads(message)
        if found["kind"] == "run":
            self.running = found["state"] in ("starting", "running", "paused")
            if found["state"] == "failed":
                self.errors.append(found["message"])
        elif found["kind"] == "error":
            self.errors.append(found["message"])
        return found

    def hear(self, kind: str) -> dict:
        while (found := self.take(120)) is None or found["kind"] != kind:
            pass
        return found

    def say(self, kind: str, **fields: object) -> dict:
        self.seq += 1
        self.commands += 1
        self.socket.send(json.dumps({"kind": kind, "seq": self.seq, **fields}))
        while (found := self.take(120)) is None or found.get("seq") != self.seq:
            pass
        self.refused += found["kind"] == "refused"
        return found

    def idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self.take(left)
            except TimeoutError:
                return


def one_thing(client: Client, random_: random.Random, identity: str) -> None:
    """Something a person might do."""
    document = json.loads(client.http("GET", f"/api/documents/{identity}"))
    layers = [layer["id"] for layer in document["document"]["layers"]]
    some = random_.choice(layers) if layers else None

    def where() -> float:
        return random_.uniform(0, SIDE)

    what = random_.random()
    if some is None or (what < 0.12 and len(layers) < MOST):
        client.say("add", elements=[{"icon": random_.choice(ICONS)} for _ in range(random_.randint(1, 6))])
    elif what < 0.3:
        changes = random_.choice(
            [{"x": where(), "y": where()}, {"rotation": where()}, {"opacity": random_.random()}, {"name": "named"},
             {"flip": random_.random() < 0.5}, {"squeeze": random_.uniform(0.5, 2)}]
        )  # fmt: skip
        client.say("edit", layers=[{"id": some, "changes": changes}], name="Edit")
    elif what < 0.4:
        client.say(random_.choice(["pin", "release"]), ids=[some])
    elif what < 0.48 and len(layers) > 5:
        client.say("remove", ids=[some])
    elif what < 0.52:
        client.say("replace", id=some, element={"icon": random_.choice(ICONS)})
    elif what < 0.56:
        client.say("reorder", ids=[some], to=random_.randrange(len(layers)))
    elif what < 0.72:
        client.say(random_.choice(["undo", "undo", "redo"]))
    elif what < 0.75:
        client.say("go", step=random_.randrange(len(document["history"]["steps"]) + 1))
    elif what < 0.88 and not client.running:
        verb = "pack" if random_.random() < 0.8 else "compose"
        fast = {"options": {"quality": "fast"}, "shape": {"named": "circle"}}
        asked = fast if verb == "pack" else {"prompt": "a heart", "options": {"iterations": 60}}
        client.say("run", verb=verb, seed=random_.randrange(99), anew=random_.random() < 0.6, **asked)
        client.idle(random_.uniform(0, 1))
    elif what < 0.94 and client.running:
        drag(client, random_, document)
    elif what < 0.96 and client.running:
        client.say(random_.choice(["pause", "resume", "stop"]))
    elif what < 0.98:
        client.http("GET", f"/api/documents/{identity}/exports/{random_.choice(['png', 'svg', 'collage', 'pdf'])}")
    else:
        client.idle(random_.uniform(0, 3))


def drag(client: Client, random_: random.Random, document: dict) -> None:
    """A piece is grabbed, moved and let go."""
    layer = random_.choice(document["document"]["layers"])
    x = y = 0.0
    for _ in range(random_.randint(2, 15)):
        x, y = random_.uniform(0, SIDE), random_.uniform(0, SIDE)
        columns = (np.array([one], np.float32) for one in (x, y, layer["scale"], layer["rotation"]))
        slot = np.array([layer["slot"]], np.uint32)
        client.socket.send(write_poses(Poses(0, 0, slot, *columns, np.zeros(1, np.uint8)), DRAG))
        client.idle(1 / 60)
    client.say("edit", layers=[{"id": layer["id"], "changes": {"x": x, "y": y}}], name="Move")


def memory(process: int) -> tuple[float, float]:
    """MB of a process, and of those it started."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    children = {int(number) for file in listed for number in file.read_text().split()}
    return resident(process), sum(map(resident, children))


class Page:
    """A page that shows the document, and is told of every change."""

    def __init__(self, link: str, ending: contextlib.ExitStack) -> None:
        from playwright.sync_api import sync_playwright

        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        if chromium is None:
            sys.exit("there is no Chromium; name it in CHROMIUM")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = ending.enter_context(sync_playwright())
        browser = running.chromium.launch(executable_path=chromium, args=sandbox)
        ending.callback(browser.close)
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(link)
        self.page.wait_for_selector("#canvas")
        self.probe = context.new_cdp_session(self.page)
        self.whole = browser.new_browser_cdp_session()

    def memory(self) -> tuple[float, float]:
        """MB of the page's process, and of what its scripts hold."""
        self.probe.send("HeapProfiler.collectGarbage")
        heap = self.page.evaluate("performance.memory.usedJSHeapSize") / 1e6
        processes = self.whole.send("SystemInfo.getProcessInfo")["processInfo"]
        return sum(resident(one["id"]) for one in processes if one["type"] == "renderer"), heap


def resident(number: int) -> float:
    """MB of a process."""
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * PAGE / 1e6
    except (OSError, IndexError):
        return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=60, help="seconds between two lines")
    parser.add_argument("--page", action="store_true", help="a browser looks on")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(Path(given.serve[0]), Path(given.serve[1]))
        return
    with tempfile.TemporaryDirectory() as place:
        soak(Path(place), given.seconds, given.seed, given.every, given.page)


def soak(place: Path, seconds: float, seed: int, every: float, watched: bool) -> None:
    folder, records = place / "folder", place / "records"
    folder.mkdir()
    server = subprocess.Popen([sys.executable, __file__, "--serve", folder, records], stdout=subprocess.PIPE)
    assert server.stdout is not None
    port, token = server.stdout.readline().decode().split()
    client, random_ = Client(int(port), token), random.Random(seed)
    began = time.monotonic()
    due = began
    try:
        body = {"name": "soak", "width": SIDE, "height": SIDE}
        identity = json.loads(client.http("POST", "/api/documents", body))["id"]
        client.open(identity)
        link = f"http://{client.at}/?token={token}#{identity}"
        page = Page(link, client.ending) if watched else None
        more = "  page MB  scripts MB" if page else ""
        print(f"minutes  server MB  workers MB  commands  refused  frames  errors{more}", flush=True)
        while time.monotonic() < began + seconds:
            one_thing(client, random_, identity)
            if time.monotonic() >= due:
                due += every
                own, workers = memory(server.pid)
                minutes = (time.monotonic() - began) / 60
                print(f"{minutes:7.1f} {own:10.0f} {workers:11.0f} {client.commands:9} {client.refused:8}"
                      f" {client.frames:7} {len(client.errors):7}", end="")  # fmt: skip
                print("{:9.0f} {:11.1f}".format(*page.memory()) if page else "", flush=True)
        if client.running:
            client.say("resume")
            client.say("stop")
            while client.running:
                client.take(120)
        client.say("save")
        steps = json.loads(client.http("GET", f"/api/documents/{identity}"))["history"]
        if page:
            client.errors += page.errors
    finally:
        client.ending.close()
        server.terminate()
        server.wait(20)
    made = to_json(Collage.load(folder / "soak.collage"))
    session = Session(Collage(width=SIDE, height=SIDE, background="white"), place / "again.collage")
    replay(session, read_records(records), {}, place / "jobs")
    same = to_json(session.collage()) == made
    alike = session.history().model_dump() == steps
    print(f"errors: {sorted(set(client.errors)) or 'none'}")
    print(f"the same document as without a server: {same}; the same history: {alike}")
    sys.exit(0 if same and alike and not client.errors else 1)


if __name__ == "__main__":
    main()
