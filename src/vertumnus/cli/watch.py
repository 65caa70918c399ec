"""Watching a long run on the terminal, and ending it early without losing it."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Self

from rich.progress import Progress, TaskID

from vertumnus.cli.common import bar
from vertumnus.jit import while_compiling

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Watch:
    """A progress bar, and Ctrl-C as a wish: ``stopped`` tells the run to end with the best so far.

    So do SIGTERM and, when the terminal goes away, SIGHUP. A second one stops at once.
    """

    def __init__(self) -> None:
        self.stopped = self.said = False
        self.progress: Progress = bar("note")
        self.task: TaskID = self.progress.add_task("starting", total=None, note="")

    def __enter__(self) -> Self:
        self.progress.start()
        self.compiling = while_compiling(self._compiling)
        self.compiling.__enter__()
        self.before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.compiling.__exit__(None, None, None)
        self.progress.stop()

    def _stop(self, _: int, __: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True

    def _compiling(self) -> None:
        if not self.said and not self.progress.console.is_terminal:
            self.said = True
            print("compiling kernels, on the first run only: some 15 s of one core", file=sys.stderr)
        self.progress.update(self.task, note="compiling kernels, on the first run only")

    def show(self, what: str, done: int, total: int, note: str) -> None:
        """Moves the bar; a total of 0 is one that is not known."""
        self.progress.update(self.task, description=what, completed=done, total=total or None, note=note)
