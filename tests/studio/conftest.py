"""A studio to talk to without a network."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from vertumnus.studio.app import make_app
from vertumnus.studio.folder import Folder
from vertumnus.studio.safety import Gate


class Studio:
    """A studio on a folder; ``client`` brings the token, ``gate`` tells it."""

    def __init__(self, client, gate, root, folder):
        self.client, self.gate, self.root, self.folder = client, gate, root, folder

    def new(self, name="A", width=300, height=200):
        answer = self.client.post("/api/documents", json={"name": name, "width": width, "height": height})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def live(self, identity):
        return Talk(self.client.websocket_connect(f"/api/documents/{identity}/live"))

    def command(self, identity, **fields):
        return self.client.post(f"/api/documents/{identity}/commands", json=fields)


class Talk:
    """A WebSocket, by messages."""

    def __init__(self, socket):
        self.socket, self.seq, self.heard, self.frames = socket, 0, [], []

    def __enter__(self):
        self.socket.__enter__()
        self.welcome = self.hear("welcome")
        return self

    def __exit__(self, *error):
        self.socket.__exit__(*error)

    def next(self):
        """The next message; a binary one as bytes."""
        message = self.socket.receive()
        self.socket._raise_on_close(message)
        if message.get("bytes") is not None:
            self.frames.append(message["bytes"])
            return message["bytes"]
        found = json.loads(message["text"])
        self.heard.append(found)
        return found

    def hear(self, kind, **fields):
        """Reads on until there is a message of that kind and fields."""
        while True:
            found = self.next()
            if isinstance(found, dict) and found["kind"] == kind and all(found[n] == v for n, v in fields.items()):
                return found

    def until_closed(self):
        """Reads on until the server closes it; with what code."""
        try:
            while True:
                self.next()
        except WebSocketDisconnect as closed:
            return closed.code

    def say(self, kind, **fields):
        """Sends a command and reads on until its answer."""
        self.seq += 1
        self.socket.send_json({"kind": kind, "seq": self.seq, **fields})
        while True:
            found = self.next()
            if isinstance(found, dict) and found["kind"] in ("done", "refused") and found["seq"] == self.seq:
                return found


@pytest.fixture
def studio(tmp_path: Path):
    gate = Gate({("testserver", None)})
    root = tmp_path / "folder"
    root.mkdir()
    folder = Folder(root)
    headers = {"authorization": f"Bearer {gate.token}"}
    with TestClient(make_app(folder, gate), headers=headers) as client:
        yield Studio(client, gate, root, folder)
