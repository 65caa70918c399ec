"""How kernels are compiled: once, kept on disk, without the interpreter's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event

from vertumnus.cachedir import cache_folder

# Fast-math without the flags that assume there is no NaN or infinity, since a gradient that has gone
# wrong must be seen to be NaN, and without reciprocals, since poses are rounded to exact decimals.
_FAST = {"nsz", "contract", "afn", "reassoc"}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function with Numba on its first call.

    The machine code is kept in the user's cache folder, or beside the package where that cannot be written,
    or nowhere if that cannot be either. ``NUMBA_CACHE_DIR`` is heeded.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": _FAST, "error_model": "numpy"}
    given = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = given or _folder()  # type: ignore[attr-defined]
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(**options)(function)
    finally:
        config.CACHE_DIR = given  # type: ignore[attr-defined]


@cache
def _folder() -> str:
    """Where this state of the kernels keeps its machine code.

    Numba looks at the file of a kernel alone to tell whether its code is stale, but a kernel holds the code of
    those it calls; so the folder is named by the source of all.
    """
    files = Path(__file__).parent.rglob("*.py")
    kernels = [file for file in files if file.name == "jit.py" or b"@kernel" in file.read_bytes()]
    return str(cache_folder("kernels", kernels))


@contextlib.contextmanager
def while_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Calls ``tell`` whenever a kernel starts to be compiled, which happens on a machine's first run."""

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, _: Any) -> None:
            tell()

        def on_end(self, _: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
