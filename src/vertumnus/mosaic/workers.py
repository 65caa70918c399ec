"""Where work is done: the threads of this machine, or a Ray cluster. Results come in the order of the jobs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from vertumnus.errors import VertumnusError

T = TypeVar("T")
AHEAD = 2  # jobs waiting for each worker, so that memory does not grow with their number


class Workers(Protocol):
    """Runs one function on many jobs."""

    def map(self, function: Callable[..., T], jobs: Iterable[Any], shared: Any = None) -> Iterator[T]:
        """``function(shared, job)`` of each job, in order; ``shared`` is what all jobs need."""
        ...


class Threads:
    """Threads of this process: decoding, kernels and compression all let go of the interpreter's lock."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1

    def map(self, function: Callable[..., T], jobs: Iterable[Any], shared: Any = None) -> Iterator[T]:
        """See `Workers.map`."""
        waiting: deque[Future[T]] = deque()
        with ThreadPoolExecutor(self.count) as pool:
            try:
                for job in jobs:
                    waiting.append(pool.submit(function, shared, job))
                    if len(waiting) >= AHEAD * self.count:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def ray_workers(address: str) -> Workers:
    """A Ray cluster's workers.

    Raises `VertumnusError` if Ray is not installed or the cluster cannot be reached.
    """
    try:
        from vertumnus.mosaic.cluster import RayWorkers
    except ImportError:
        raise VertumnusError(f"--ray {address}: needs Ray; run pip install 'vertumnus[ray]'") from None
    return RayWorkers(address)
