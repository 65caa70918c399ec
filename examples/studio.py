"""Drives the studio from Python: a heart of icons is packed while a piece of it is dragged across.

    python examples/studio.py

Everything the page does goes through the same interface, docs/api.md. Needs the extra `studio`.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect


class Studio:
    """A studio on a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "vertumnus", "studio", str(folder), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address, _, token = self.process.stdout.readline().strip().partition("/?token=")
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """A request; a body goes as JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/{path}", data, self.headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    def live(self, document: str) -> ClientConnection:
        """The channel of a document."""
        address = self.address.replace("http", "ws", 1)
        return connect(f"{address}/api/documents/{document}/live", additional_headers=self.headers, max_size=None)

    def close(self) -> None:
        """Saves everything, and ends."""
        self.process.terminate()
        self.process.wait()


def send(channel: ClientConnection, kind: str, **fields: Any) -> None:
    """A command."""
    channel.send(json.dumps({"kind": kind, "seq": 1, **fields}))


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    studio = Studio(folder)
    icons = ["apple", "lemon", "carrot", "leaf", "fish", "feather"]
    document = json.loads(studio.ask("POST", "documents", {"name": "Heart", "width": 600, "height": 600}))["id"]
    add = {"kind": "add", "elements": [{"icon": icons[n % len(icons)]} for n in range(36)]}
    studio.ask("POST", f"documents/{document}/commands", add)
    frames = 0
    with studio.live(document) as channel:
        send(channel, "run", verb="pack", shape={"named": "heart"}, anew=True)
        for message in channel:
            if isinstance(message, bytes):  # where the pieces are now
                step, count = struct.unpack_from("<II", message, 8)
                channel.send(struct.pack("<BI", 2, step))  # seen: the next may come
                frames += 1
                if frames in range(10, 40):  # the first piece is held, and goes from left to right
                    x = 200 + 200 * (frames - 10) / 29
                    change = {"id": "k1", "changes": {"x": x, "y": 250.0}}
                    send(channel, "edit", name="Move apple", layers=[change], transient=frames < 39)
                continue
            said = json.loads(message)
            if said["kind"] == "refused":
                raise SystemExit(said["message"])
            if said["kind"] == "run" and said["state"] in ("finished", "failed"):
                print(f"{said['state']} after {frames} frames of {count} pieces; {said['message'] or 'all placed'}")
                break
    picture = folder / "heart.png"
    picture.write_bytes(studio.ask("GET", f"documents/{document}/exports/png?scale=2"))
    print(picture)
    print(json.loads(studio.ask("GET", f"documents/{document}/again?scale=2"))["command"])
    studio.close()


if __name__ == "__main__":
    main()
