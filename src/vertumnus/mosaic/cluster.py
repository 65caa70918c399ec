"""Work on a Ray cluster: the same functions as on one machine, so the same results byte for byte.

Workers must see the same files under the same paths. A job whose worker dies is run again, by another.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import ray

from vertumnus.errors import VertumnusError

T = TypeVar("T")
TRIES = 5  # after the first


class RayWorkers:
    """Runs jobs on a cluster; see `vertumnus.mosaic.workers.Workers`.

    address   of the cluster's head, as host:port or ray://host:port, auto, or local for one on this machine

    Raises `VertumnusError` if it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        if not ray.is_initialized():
            try:
                ray.init(
                    None if address == "local" else address,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    include_dashboard=False if address == "local" else None,
                )
            except Exception as error:  # Ray raises whatever its parts do
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise VertumnusError(f"--ray {address}: the cluster cannot be reached ({first})") from None

    def map(self, function: Callable[..., T], jobs: Iterable[Any], shared: Any = None) -> Iterator[T]:
        """``function(shared, job)`` of each job, in order; a user's error is raised as it was."""
        task: Any = ray.remote(max_retries=TRIES)(_run)
        common = ray.put((function, shared))
        resources: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
        ahead = max(4, 2 * int(resources.get("CPU", 1)))
        waiting: deque[Any] = deque()
        for job in jobs:
            waiting.append(task.remote(common, job))
            if len(waiting) >= ahead:
                yield _settle(waiting.popleft())
        while waiting:
            yield _settle(waiting.popleft())


def _run(common: tuple[Callable[..., T], Any], job: Any) -> T | VertumnusError:
    function, shared = common
    try:
        return function(shared, job)
    except VertumnusError as error:
        return error


def _settle(reference: Any) -> Any:
    try:
        result = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise VertumnusError(f"--ray: a job failed {TRIES + 1} times ({type(error).__name__})") from None
    if isinstance(result, VertumnusError):
        raise result
    return result
