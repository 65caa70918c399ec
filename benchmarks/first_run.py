"""What a first run costs: 100 icons packed and drawn from an empty cache, then again, and what each kernel took.

``python benchmarks/first_run.py`` prints CPU seconds of one core, the ratio to the second run, and a line for each
kernel; ``--lines 50`` prints more. The second run has all kernels compiled, so its time is imports and packing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

COMMAND = ("pack", "icon:apple,lemon,leaf", "--count", "100", "--shape", "heart")


def child(out: str) -> None:
    """Runs the command, and prints what it took as JSON."""
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        """Own time of what is compiled, without that of what is compiled on its behalf."""

        def __init__(self) -> None:
            self.open: list[float] = []
            self.own: Counter[str] = Counter()

        def on_start(self, _: Any) -> None:
            self.open += [time.thread_time(), 0.0]

        def on_end(self, seen: Any) -> None:
            within, began = self.open.pop(), self.open.pop()
            took = time.thread_time() - began
            function = seen.data["dispatcher"].py_func
            self.own[f"{function.__module__}.{function.__qualname__}"] += took - within
            if self.open:
                self.open[-1] += took

    listener = Listener()
    event.register("numba:compile", listener)
    from vertumnus.cli.app import main

    try:
        main([*COMMAND, "-o", out + ".collage", "-o", out + ".png"])
    except SystemExit as done:
        if done.code:
            raise
    print(json.dumps({"cpu": time.process_time(), "kernels": listener.own}))


def once(folder: str) -> dict[str, Any]:
    """One run in a process of its own, with its cache in ``folder``."""
    source = str(Path(__file__).parent.parent / "src")
    given = {**os.environ, "XDG_CACHE_HOME": folder, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--child", f"{folder}/a"], env=given, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--lines", type=int, default=25)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        first, second = once(folder), once(folder)
    compiled = sum(first["kernels"].values())
    print(f"first run {first['cpu']:.1f} CPU s, of which compiling {compiled:.1f}; second run {second['cpu']:.1f}")
    print(f"ratio {first['cpu'] / second['cpu']:.2f}, {len(first['kernels'])} functions compiled")
    for name, took in sorted(first["kernels"].items(), key=lambda one: -one[1])[: given.lines]:
        print(f"{took:8.2f}  {name}")


if __name__ == "__main__":
    main()
