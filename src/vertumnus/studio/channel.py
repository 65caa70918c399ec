"""The WebSocket of a document: commands in, changes and poses out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from time import monotonic

from starlette.websockets import WebSocket, WebSocketDisconnect

from vertumnus.errors import VertumnusError
from vertumnus.studio.desk import Client, Desk
from vertumnus.studio.folder import Folder
from vertumnus.studio.frames import read_drag, read_shown
from vertumnus.studio.schema import Failed, Refused, read_command

log = logging.getLogger("vertumnus.studio")
MOST_MESSAGES = 1_000  # in a second
MOST_MALFORMED = 20  # of a connection
MOST_TEXT = 4 << 20  # characters of a message
POLICY, TOO_BUSY, GONE = 1008, 1013, 1001


async def channel(socket: WebSocket) -> None:
    """Serves one connection until it ends."""
    folder: Folder = socket.app.state.folder
    try:
        desk = folder.desk(socket.path_params["id"])
    except VertumnusError as error:
        await socket.accept()
        await socket.send_text(Failed(message=str(error)).model_dump_json())
        await socket.close(POLICY)
        return
    await socket.accept()
    client = await desk.join()
    sending = asyncio.create_task(_send(socket, client))
    receiving = asyncio.create_task(_receive(socket, desk, client))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        desk.leave(client)
        for task in (sending, receiving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
                await task
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):
            await socket.close(TOO_BUSY if client.lost else POLICY)


async def _send(socket: WebSocket, client: Client) -> None:
    while (message := await client.next()) is not None:
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)


async def _receive(socket: WebSocket, desk: Desk, client: Client) -> None:
    """Reads until the client goes, sends what is none of ours too often, or more than anybody means."""
    times: deque[float] = deque()
    malformed = 0
    while malformed < MOST_MALFORMED:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        now = monotonic()
        times.append(now)
        while times[0] <= now - 1:
            times.popleft()
        if len(times) > MOST_MESSAGES:
            return
        text, data = message.get("text"), message.get("bytes")
        try:
            if data is not None:
                await _binary(data, desk, client)
            else:
                malformed += not await _text(text or "", desk, client)
        except VertumnusError as error:
            malformed += 1
            client.tell(Failed(message=str(error), about="frame"))


async def _binary(data: bytes, desk: Desk, client: Client) -> None:
    step = read_shown(data)
    if step is not None:
        client.shown(step)
    else:
        await desk.drag(read_drag(data), client)


async def _text(text: str, desk: Desk, client: Client) -> bool:
    """Obeys a command and answers it; whether it was one at all."""
    try:
        if len(text) > MOST_TEXT:
            raise VertumnusError("the message is too long")
        command = read_command(text)
    except VertumnusError as error:
        client.tell(refusal(_seq(text), error))
        return False
    try:
        client.tell(await desk.obey(command, client))
    except VertumnusError as error:
        client.tell(refusal(command.seq, error))
    except Exception as error:  # a fault of ours: the studio stays up and says so
        log.exception("a command could not be obeyed")
        client.tell(refusal(command.seq, fault(error)))
    return True


def _seq(text: str) -> int | None:
    """The number of what is no command, if it has one, so that its sender knows which it was."""
    try:
        found = json.loads(text[:MOST_TEXT])
        seq = found.get("seq")
    except (ValueError, RecursionError, AttributeError):
        return None
    return seq if type(seq) is int and 0 <= seq <= 2**53 else None


def fault(error: Exception) -> VertumnusError:
    """What to say of an error that nobody foresaw."""
    return VertumnusError(f"something went wrong in the program itself ({type(error).__name__}: {error})")


def refusal(seq: int | None, error: VertumnusError) -> Refused:
    """An error as a client gets it: its sentence, and the field that it names."""
    sentence = str(error)
    field = None
    if sentence.startswith("`"):
        field = sentence[1:].partition("`")[0]
    else:
        before, colon, _ = sentence.partition(": ")
        field = before if colon and before.isidentifier() else None
    return Refused(seq=seq, message=sentence.replace("`", ""), field=field)
