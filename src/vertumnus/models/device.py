"""Where models compute, and keeping the libraries that load them quiet."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from vertumnus.errors import VertumnusError

SMALL = 50_000_000  # weights: a smaller network's steps are too short to be shared among a processor's threads


def choose_device(wanted: str | None) -> torch.device:
    """The torch device asked for, or a GPU if there is one, or the processor.

    Raises `VertumnusError` if there is no such device here.
    """
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise VertumnusError(
            f"device: {wanted!r} cannot be used here ({' '.join(str(error).split())[:120]})"
        ) from None
    return device


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back progress bars, warnings and advice of diffusers and transformers."""
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    logs = (diffusers_log, transformers_log)
    before = [log.get_verbosity() for log in logs]
    for log in logs:
        log.set_verbosity(logging.ERROR)
        log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, verbosity in zip(logs, before, strict=True):
            log.set_verbosity(verbosity)
            log.enable_progress_bar()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the processor."""
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in said for words in ("out of memory", "allocate memory", "not enough memory")
    )


class Threads:
    """How many threads a network computes on: one, if it is small and on the processor.

    Called, it is a context, which leaves the number as it was; contexts may be nested. Ways back for gradients need
    one of their own.
    """

    def __init__(self, network: Any, device: torch.device) -> None:
        self.small = device.type == "cpu" and sum(part.numel() for part in network.parameters()) < SMALL

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        before = torch.get_num_threads()
        if not self.small or before == 1:
            yield
            return
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
