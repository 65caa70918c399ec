"""A progress bar in a notebook, where nobody else watches."""

from __future__ import annotations

import sys
from typing import Any

from vertumnus.live.run import LiveRun
from vertumnus.live.several import Starts


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


class NotebookBar:
    """A watcher that shows a run with tqdm; a new bar for each phase."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.phase = ""

    def __call__(self, run: LiveRun | Starts) -> None:
        if run.phase != self.phase:
            self.close()
            from tqdm.auto import tqdm

            self.phase = run.phase
            self.bar = tqdm(total=run.total or None, desc=run.phase, leave=False)
        self.bar.update(run.done - self.bar.n)

    def close(self) -> None:
        """Takes the bar away."""
        if self.bar is not None:
            self.bar.close()
