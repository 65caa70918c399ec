"""Where work is done: the threads of this machine, or a Ray cluster. Results come in the order of the jobs.

A cluster runs the same functions as one machine does, so the results are the same byte for byte. Its workers must see
the same files under the same paths. A job whose worker dies is run again, by another.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from vertumnus.errors import VertumnusError

T = TypeVar("T")
PATIENCE = 9  # seconds that an address is given to answer, and then to say something
SETTINGS = 4  # a frame's type in HTTP/2
STARTS = 3  # tries at starting a cluster on this machine
TRIES = 5  # of a job on a cluster, after the first
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


class RayWorkers:
    """Runs jobs on a cluster; see `Workers`.

    address   of the cluster's head, as host:port or ray://host:port, auto, or local for one on this machine
    gpu       whether each job takes a GPU, where the cluster has any

    Raises `VertumnusError` if it cannot be reached.
    """

    def __init__(self, address: str, gpu: bool = False) -> None:
        try:
            import ray
        except ImportError:
            raise VertumnusError(f"`ray` {address}: needs Ray; run pip install 'vertumnus[ray]'") from None
        self._ray, self._gpu = ray, gpu
        if not ray.is_initialized():
            _check_answers(address)
            if address == "local":
                start_local(include_dashboard=False)
            else:
                _init(address)

    def map(self, function: Callable[..., T], jobs: Iterable[Any], shared: Any = None) -> Iterator[T]:
        """``function(shared, job)`` of each job, in order; a user's error is raised as it was."""
        ray = self._ray
        resources: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
        kind = "GPU" if self._gpu and resources.get("GPU", 0) else "CPU"
        task: Any = ray.remote(max_retries=TRIES, num_gpus=float(kind == "GPU"))(_run)
        common = ray.put((function, shared))
        ahead = max(4, 2 * int(resources.get(kind, 1)))
        waiting: deque[Any] = deque()
        for job in jobs:
            waiting.append(task.remote(common, job))
            if len(waiting) >= ahead:
                yield _settle(ray, waiting.popleft())
        while waiting:
            yield _settle(ray, waiting.popleft())


def start_local(**options: Any) -> None:
    """Starts a cluster on this machine; ``options`` are those of ``ray.init``.

    Ray gives a node thirty seconds to register, which a busy machine may not keep: it is tried `STARTS` times.
    Raises `VertumnusError` if it does not start.
    """
    for left in reversed(range(STARTS)):
        try:
            _init(None, **options)
            return
        except VertumnusError:
            if not left:
                raise


def _init(address: str | None, **options: Any) -> None:
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # Ray raises whatever its parts do
        ray.shutdown()  # type: ignore[no-untyped-call]
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise VertumnusError(f"`ray` {address or 'local'}: the cluster cannot be reached ({first})") from None


def _check_answers(address: str) -> None:
    """Raises `VertumnusError` if nobody listens at a host:port within `PATIENCE`; Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as stream:
            if os.environ.get("RAY_USE_TLS", "0") == "0" and not _speaks(stream):
                raise OSError("what answers there is no cluster")
    except (OSError, OverflowError, ValueError) as error:
        raise VertumnusError(f"`ray` {address}: the cluster cannot be reached ({error})") from None


def _speaks(stream: socket.socket) -> bool:
    """Whether HTTP/2 is spoken, which Ray's parts do: the first frame of who does is its settings (RFC 9113, 3.4).

    Raises `OSError` if nothing is said within the socket's timeout.
    """
    stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]))
    head = stream.recv(9)
    return len(head) == 9 and head[3] == SETTINGS


def _run(common: tuple[Callable[..., T], Any], job: Any) -> T | VertumnusError:
    function, shared = common
    try:
        return function(shared, job)
    except VertumnusError as error:
        return error


def _settle(ray: Any, reference: Any) -> Any:
    try:
        result = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise VertumnusError(f"`ray`: a job failed {TRIES + 1} times ({type(error).__name__})") from None
    if isinstance(result, VertumnusError):
        raise result
    return result
