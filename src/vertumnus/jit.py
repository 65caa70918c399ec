"""How kernels are compiled: once, kept on disk, without the interpreter's lock."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event, types
from numba.core.caching import IndexDataCacheFile
from numba.core.serialize import dumps

from vertumnus.cachedir import cache_folder
from vertumnus.errors import VertumnusWarning

# Fast-math without the flags that assume there is no NaN or infinity, since a gradient that has gone
# wrong must be seen to be NaN, and without reciprocals, since poses are rounded to exact decimals.
_FAST = {"nsz", "contract", "afn", "reassoc"}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function with Numba on its first call.

    The machine code is kept in the user's cache folder, or beside the package where that cannot be written,
    or nowhere if that cannot be either; see `KernelFiles`. ``NUMBA_CACHE_DIR`` is heeded.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": _FAST, "error_model": "numpy"}
    given = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = given or _folder()  # type: ignore[attr-defined]
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        _warn("there is no folder that it could be kept in")
        return _plain(numba.njit(**options)(function))
    finally:
        config.CACHE_DIR = given  # type: ignore[attr-defined]
    kept, files = compiled._cache, compiled._cache._cache_file
    base = f"{kept._impl.filename_base}-sum"
    kept._cache_file = KernelFiles(files._cache_path, base, files._source_stamp)  # type: ignore[no-untyped-call]
    return _plain(compiled)


def _plain(compiled: Any) -> Any:
    """The kernel, compiled once for all numbers it is called with.

    Numba compiles a kernel anew for each constant that another kernel calls it with, which took two thirds of a first
    run; LLVM puts constants in where it pays.
    """
    template = compiled.get_call_template

    def get_call_template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        return template(tuple(map(_unliteral, args)), {name: _unliteral(value) for name, value in kws.items()})

    compiled.get_call_template = get_call_template
    return compiled


def _unliteral(given: Any) -> Any:
    """A type without the value that Numba knows of it, within tuples too."""
    if isinstance(given, types.Tuple | types.UniTuple):
        return types.Tuple([_unliteral(one) for one in given])  # type: ignore[no-untyped-call]
    return types.unliteral(given)  # type: ignore[no-untyped-call]


@cache
def _folder() -> str:
    """Where this state of the kernels keeps its machine code.

    Numba looks at the file of a kernel alone to tell whether its code is stale, but a kernel holds the code of
    those it calls; so the folder is named by the source of all.
    """
    files = Path(__file__).parent.rglob("*.py")
    kernels = [file for file in files if file.name == "jit.py" or b"@kernel" in file.read_bytes()]
    return str(cache_folder("kernels", kernels))


class KernelFiles(IndexDataCacheFile):  # type: ignore[misc]
    """Where one kernel's machine code is kept: a file for each signature, with a checksum before it.

    Numba numbers its files by an index, and where two programs compile at once one may get the code that the other
    has for another signature; so a file is named by what it is for, and says it, too.
    Machine code of which a bit is wrong does anything at all. So what is not whole is compiled anew, in memory where
    it cannot be written, and the first such file of a run is told of.
    """

    def save(self, key: Any, data: Any) -> None:
        """Keeps a kernel's code, where there is space for it."""
        body: bytes = dumps((self._about(key), data))  # type: ignore[no-untyped-call]
        try:
            with self._open_for_write(str(self._path(key))) as stream:
                stream.write(hashlib.sha256(body).digest() + body)
        except OSError as error:
            _warn(f"it cannot be kept in {self._cache_path} ({error.strerror or error})")

    def load(self, key: Any) -> Any:
        """A kernel's code, if it is there and whole."""
        about, data = self._load(self._path(key)) or (None, None)
        return data if about == self._about(key) else None

    def flush(self) -> None:
        """Nothing: what is kept is as good as ever."""

    def _about(self, key: Any) -> tuple[Any, ...]:
        return self._version, self._source_stamp, key

    def _path(self, key: Any) -> Path:
        return Path(self._index_path).with_suffix(f".{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc")

    def _load(self, path: Path) -> Any:
        try:
            data = path.read_bytes()
            if hashlib.sha256(data[32:]).digest() == data[:32]:
                return pickle.loads(data[32:])
        except FileNotFoundError:
            return None
        except Exception as error:  # whole, but of something else
            _warn(f"{path} cannot be used ({error})")
            return None
        _warn(f"{path} is damaged")
        return None


_said: list[str] = []


def _warn(why: str) -> None:
    """Says once that kernels are compiled in memory, which takes time at every run."""
    if not _said:
        _said.append(why)
        warnings.warn(f"kernels are compiled anew, their machine code is lost: {why}", VertumnusWarning, stacklevel=2)


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
