"""A studio as people have it: the command, in a process, on a port."""

import json
import os
import signal
import subprocess
import sys
import urllib.request


class Server:
    """``vertumnus studio`` on a folder, in a process of its own. ``log``: a file for what it says of errors."""

    def __init__(self, folder, *arguments, log=None):
        command = [sys.executable, "-m", "vertumnus", "studio", str(folder), "--no-browser", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        link = self.process.stdout.readline().decode().strip()
        self.at, _, self.token = link.partition("/?token=")

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.at}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()
