"""Several starts at once, one process a core: the layout that covers most wins."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.packing.run import Layout, Packing
from vertumnus.strict.problem import Problem

_stop: Event | None = None


@dataclass
class Starts:
    """What a watcher sees of several starts: how many have ended and the best coverage so far."""

    done: int
    total: int
    coverage: float
    phase: str = "starts"
    hurry: bool = False


def best_of_starts(
    problem: Problem,
    warm: Collage | None,
    placed: Sequence[int],
    seed: int,
    starts: int,
    watch: Callable[[Any], None] | None,
) -> Layout:
    """Runs seeds ``seed``, ``seed + 1``, ... and returns the layout that covers most; the earliest of equals.

    ``watch`` is called with a `Starts` as runs end; if it sets ``hurry``, the runs still going come to an end.
    """
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    best: Layout | None = None
    workers = min(starts, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, spawn, _prepare_worker, (stop,)) as pool:
        futures = [pool.submit(_run_one, problem, warm, placed, seed + n) for n in range(starts)]
        for done, future in enumerate(futures, 1):
            layout = future.result()
            if best is None or layout.measure.coverage > best.measure.coverage:
                best = layout
            if watch is not None:
                seen = Starts(done, starts, best.measure.coverage)
                watch(seen)
                if seen.hurry:
                    stop.set()
    assert best is not None
    return best


def _prepare_worker(stop: Event) -> None:
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop


def _run_one(problem: Problem, warm: Collage | None, placed: Sequence[int], seed: int) -> Layout:
    packing = Packing(problem, seed, warm, placed)
    for _ in packing:
        packing.hurry = _stop is not None and _stop.is_set()
    return packing.result()
