"""Runs of runs: the best of several seeds, one process a core; and variations, one after the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from vertumnus.errors import VertumnusError
from vertumnus.live.run import LiveRun

POLL = 0.2  # seconds between two looks at what was asked for
ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
LOOK = 25  # steps between two looks whether anybody still waits for the result

Run = TypeVar("Run", bound=LiveRun)

_stop: Event | None = None


@dataclass
class Starts:
    """What a watcher sees of several runs: how many have ended, and the best score so far."""

    done: int
    total: int
    score: float = 0.0
    phase: str = "starts"
    stopping: bool = False

    @property
    def coverage(self) -> float:
        """The best score, by the name it has in packing."""
        return self.score

    def request_stop(self) -> None:
        """Asks all runs to end as soon as their layouts keep what they promise; the best of them is kept."""
        self.stopping = True


def variations(run: Run, count: int) -> Iterator[Run]:
    """A run and its siblings of the seeds that follow, to be iterated by the caller."""
    yield run
    for number in range(1, count):
        yield run.sibling(run.spec.seed + number)


def best_of(run: Run, starts: int, watch: Callable[[Starts], None] | None = None) -> Run:
    """Runs seeds ``seed``, ``seed + 1``, ... to their ends, and returns the best; the earliest of equals.

    run     tells what to run; it is not begun itself
    watch   called with a `Starts` some times a second; may ask it to stop

    Raises `VertumnusError` if the processes end without a result.
    """
    spawn = multiprocessing.get_context("spawn")
    stop, seen = spawn.Event(), Starts(0, starts)
    best: tuple[float, int, dict[str, Any]] | None = None
    kind, spec, inputs = type(run), run.spec, run.inputs
    pool = ProcessPoolExecutor(
        min(starts, os.cpu_count() or 1), spawn, _prepare_worker, (stop, _Recipe(kind, spec, inputs))
    )
    try:
        with _signals_held():
            pending = {pool.submit(_run_one, spec.seed + n) for n in range(starts)}
        while pending:
            done, pending = wait(pending, POLL, FIRST_COMPLETED)
            for future in done:
                score, seed, state = future.result()
                if best is None or (-score, seed) < (-best[0], best[1]):
                    best = score, seed, state
            if best is not None:
                seen.done, seen.score = seen.done + len(done), best[0]
            if watch is not None:
                watch(seen)
            if seen.stopping and not stop.is_set():
                stop.set()
            if stop.is_set():
                pending = {future for future in pending if not future.cancel()}
                if best is None and not pending:  # none had begun: one is, to be stopped at once
                    with _signals_held():
                        pending = {pool.submit(_run_one, spec.seed)}
    except BrokenProcessPool:
        if best is None:
            raise VertumnusError("starts: the processes ended without a result, perhaps for want of memory") from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    assert best is not None
    found = run.sibling(best[1])
    found.spec = found.spec.changed(starts=starts)
    found.restore(best[2])
    return found


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Signals wait, and processes that begin meanwhile get none.

    A terminal's Ctrl-C goes to all of a program's processes; were one ended by it before it has read its inputs, its
    parent would go on writing them for ever.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class _Recipe:
    """How a worker comes to its runs."""

    kind: type[LiveRun]
    spec: Any
    inputs: Any

    def __call__(self, seed: int) -> LiveRun:
        return self.kind(self.spec.changed(seed=seed), self.inputs)


_recipe: _Recipe | None = None


def _prepare_worker(stop: Event, recipe: _Recipe) -> None:
    global _stop, _recipe
    _stop, _recipe = stop, recipe
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # the parent tells when to stop


def _run_one(seed: int) -> tuple[float, int, dict[str, Any]]:
    assert _recipe is not None
    assert _stop is not None
    run, parent = _recipe(seed), multiprocessing.parent_process()
    if _stop.is_set():
        run.request_stop()
    for _ in run:
        orphan = run.step % LOOK == 0 and parent is not None and not parent.is_alive()
        if _stop.is_set() or orphan:
            run.request_stop()
    return run.score, seed, run.state()
