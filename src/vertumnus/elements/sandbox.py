"""Drawing an SVG in a process of its own, which can be ended: it may run away, eat memory or crash.

Processes are kept for the next drawing, as many as draw at once; one that was ended is replaced. An SVG that this
program wrote itself needs none of this.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from vertumnus.elements.svg_process import ANSWER, JOB
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_SVG_MEMORY, MAX_SVG_SECONDS

PIXELS_PER_SECOND = 10_000_000  # a large drawing may take longer: a second more for so many pixels
BYTES_PER_PIXEL = 24  # and needs more memory
PATIENCE = 4  # times the CPU seconds that a busy machine may take for them


class _Drawer:
    """One process that draws."""

    def __init__(self) -> None:
        import resvg_py

        home = Path(resvg_py.__file__).parent.parent
        script = Path(__file__).with_name("svg_process.py")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us to heed
        )

    def draw(self, text: str, width: int, height: int, fonts: bool, as_is: bool) -> tuple[bool, bytes] | None:
        """Whether it was drawn, and the PNG or why not; None if the process ended before it was."""
        pixels = width * height
        seconds = MAX_SVG_SECONDS + pixels // PIXELS_PER_SECOND
        data = text.encode(errors="replace")
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        timer = threading.Timer(PATIENCE * seconds, self.process.kill)
        timer.daemon = True
        timer.start()
        try:
            memory = MAX_SVG_MEMORY + BYTES_PER_PIXEL * pixels
            self.process.stdin.write(JOB.pack(len(data), width, height, seconds, memory, fonts, as_is) + data)
            self.process.stdin.flush()
            head = self.process.stdout.read(ANSWER.size)
            if len(head) < ANSWER.size:
                return None
            drawn, length = ANSWER.unpack(head)
            answer = self.process.stdout.read(length)
            return (drawn, answer) if len(answer) == length else None
        except OSError:
            return None
        finally:
            timer.cancel()

    def end(self) -> int:
        """Ends the process and returns its exit status."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            return self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


_idle: list[_Drawer] = []
_guard = threading.Lock()


def draw_apart(text: str, width: int, height: int, where: str, as_is: bool = False) -> bytes:
    """The drawing at the largest size that fits width x height, as PNG; or ``as_is``, if it says that size itself.

    Raises `VertumnusError` if it cannot be drawn, or takes more than `MAX_SVG_SECONDS` of CPU or `MAX_SVG_MEMORY`,
    with more of both for what is drawn large.
    """
    with _guard:
        drawer = _idle.pop() if _idle else None
    try:
        if drawer is not None and drawer.process.poll() is not None:
            drawer.end()
            drawer = None
        drawer = drawer or _Drawer()
    except OSError as error:
        raise VertumnusError(f"{where}: the process that draws SVGs cannot be started ({error})") from None
    fonts = "<text" in text  # looking for fonts takes longer than most drawings
    try:
        answer = drawer.draw(text, width, height, fonts, as_is)
    except BaseException:  # a second Ctrl-C: what it answers later is nobody's
        drawer.process.kill()
        drawer.end()
        raise
    if answer is None:
        status = drawer.end()
        raise VertumnusError(f"{where}: the SVG cannot be drawn ({_reason(status)})")
    with _guard:
        _idle.append(drawer)
    drawn, data = answer
    if not drawn:
        raise VertumnusError(f"{where}: the SVG cannot be drawn ({data.decode(errors='replace')})")
    return data


def _reason(status: int) -> str:
    if status in (-9, -24):  # killed by us; SIGXCPU
        return "it takes too long"
    return "it needs too much memory or nests too deeply"


def close() -> None:
    """Ends all processes that wait."""
    with _guard:
        waiting, _idle[:] = list(_idle), []
    for drawer in waiting:
        drawer.end()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # they answer our parent
