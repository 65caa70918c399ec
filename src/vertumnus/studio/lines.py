"""Connections that ask for nothing: each has a while to do so, and of many the oldest goes, so that others get in."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD = 10.0  # seconds until a request has to be there, and what is left of one that was answered already
MOST = 256  # connections that wait


def patient_protocol(head: float = HEAD, most: int = MOST) -> type[asyncio.Protocol]:
    """The HTTP protocol of a server that is not kept busy by half requests.

    head   seconds that a connection may wait
    most   connections that may, all together
    """
    base: Any = AutoHTTPProtocol
    waiting: dict[Any, asyncio.TimerHandle] = {}  # the oldest first

    class Patient(base):  # type: ignore[misc]
        """A connection."""

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cease()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._look()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._look()

        def _look(self) -> None:
            answering = self.cycle is not None and not self.cycle.response_complete
            if answering or self.transport.get_protocol() is not self:  # a WebSocket by now
                self._cease()
            elif self not in waiting and not self.transport.is_closing():
                self._wait()

        def _wait(self) -> None:
            while len(waiting) >= most:
                next(iter(waiting))._give_up()
            waiting[self] = self.loop.call_later(head, self._give_up)

        def _cease(self) -> None:
            timer = waiting.pop(self, None)
            if timer is not None:
                timer.cancel()

        def _give_up(self) -> None:
            self._cease()
            self.transport.abort()

    return Patient
