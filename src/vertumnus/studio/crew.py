"""Worker processes: taken when a run or job begins, given back when it ends, and ended with the studio."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from vertumnus.errors import VertumnusError
from vertumnus.studio.worker import Ended, main

IDLE = 2  # workers that are kept for the next
Hear = Callable[[Any], None]


class Worker:
    """A process, and the thread that hears what it says."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=main, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.hear: Hear | None = None
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        threading.Thread(target=self._listen, args=(self.pipe,), daemon=True).start()
        self._sender = asyncio.ensure_future(self._send())

    def send(self, message: Any) -> None:
        """Sends a message, after those before; what cannot be sent any more is heard as an end."""
        self._outbox.put_nowait(message)

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                await asyncio.to_thread(self.pipe.send, message)
            except (OSError, ValueError):
                return

    def _listen(self, pipe: Connection) -> None:
        while True:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                message = None
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._heard, message)
            if message is None:
                return

    def _heard(self, message: Any) -> None:
        hear = self.hear
        if hear is None:
            return
        if message is None:
            self.hear = None
            hear(Ended(failed="its process ended without a result, perhaps for want of memory"))
        else:
            hear(message)

    def end(self) -> None:
        """Ends the process at once."""
        self.hear = None
        self._sender.cancel()
        self.process.kill()
        self.pipe.close()


class Crew:
    """All workers of a studio.

    most   runs and jobs at a time
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or max(2, os.cpu_count() or 1)
        self._busy: set[Worker] = set()
        self._idle: list[Worker] = []

    def take(self, task: Any, hear: Hear) -> Worker:
        """A worker that has begun a task; ``hear`` is called with all that it says, `Ended` last.

        Raises `VertumnusError` if too much is going on already.
        """
        if len(self._busy) >= self.most:
            raise VertumnusError(f"{len(self._busy)} runs and jobs are going on, and no more can; stop one first")
        self._idle = [one for one in self._idle if one.process.is_alive()]
        worker = self._idle.pop() if self._idle else Worker()
        self._busy.add(worker)

        def heard(message: Any) -> None:
            if isinstance(message, Ended):
                self._give_back(worker)
            hear(message)

        worker.hear = heard
        worker.send(task)
        return worker

    def _give_back(self, worker: Worker) -> None:
        worker.hear = None
        self._busy.discard(worker)
        if len(self._idle) < IDLE and worker.process.is_alive():
            self._idle.append(worker)
        else:
            worker.end()

    def kill(self, worker: Worker) -> None:
        """Ends a worker in the middle of what it does."""
        self._busy.discard(worker)
        worker.end()

    def close(self) -> None:
        """Ends all."""
        for worker in [*self._busy, *self._idle]:
            worker.end()
        self._busy.clear()
        self._idle.clear()
