"""Checkpoints: arrays and plain values in one file, written whole or not at all, never pickled."""

from __future__ import annotations

import contextlib
import io
import json
import math
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.archive import list_members, read_member
from vertumnus.errors import VertumnusError, about
from vertumnus.limits import MAX_STATE_BYTES, MAX_STATE_NUMBER
from vertumnus.reading import open_file, parse_json
from vertumnus.writing import atomic_write, check_writable

FORMAT = "vertumnus/checkpoint"


class State(dict[str, Any]):
    """What a checkpoint keeps, by name: arrays and plain values. Whoever restores takes fields out through `array`,
    `number` and `part`, which refuse what is not as it must be, and only then changes anything.

    source   the file it was read from, for errors
    """

    def __init__(self, values: Mapping[str, Any], source: str = "state") -> None:
        super().__init__(values)
        self.source = source

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> State:
        """As it is, or of a plain mapping."""
        return values if isinstance(values, cls) else cls(values)

    def array(self, name: str, shape: tuple[int | None, ...], kind: str = "f", finite: bool = True) -> NDArray[Any]:
        """A field that is an array of this shape, None being any number.

        kind     of numbers: "f" floating, "i" whole, "b" true or false
        finite   no entry may be NaN or beyond `MAX_STATE_NUMBER`

        Raises `VertumnusError` naming the file and the field.
        """
        value = self._field(name)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in {"f": "f", "i": "iu", "b": "b"}[kind]:
            raise self.refuse(
                name, "is not an array of " + {"f": "numbers", "i": "whole numbers", "b": "flags"}[kind]
            )
        fits = len(shape) == value.ndim and all(b in (None, a) for a, b in zip(value.shape, shape, strict=True))
        if not fits:
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            raise self.refuse(name, f"has shape {' x '.join(map(str, value.shape))}, not {wanted}")
        if finite and not (np.abs(value) <= MAX_STATE_NUMBER).all():  # false for what is no number
            raise self.refuse(name, f"holds a number that is not finite, or beyond {MAX_STATE_NUMBER:g}")
        return value

    def number(self, name: str, least: int = 0, most: int = 1 << 62) -> int:
        """A field that is a whole number within these limits. Raises `VertumnusError` otherwise."""
        value = self._field(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.refuse(name, f"must be a whole number from {least} to {most}, not {value!r}")
        return value

    def real(self, name: str, least: float, most: float) -> float:
        """A field that is a finite number within these limits. Raises `VertumnusError` otherwise."""
        value = self._field(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.refuse(name, f"must be a number from {least:g} to {most:g}, not {value!r}")
        return float(value)

    def flag(self, name: str) -> bool:
        """A field that is true or false. Raises `VertumnusError` otherwise."""
        value = self._field(name)
        if not isinstance(value, bool):
            raise self.refuse(name, f"must be true or false, not {value!r}")
        return value

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """What is wrong with the state while it is gone back to names the file that it came from.

        Raises `VertumnusError` for whatever is not as it must be.
        """
        try:
            with about(self.source):
                yield
        except KeyError as error:
            raise self.refuse(str(error.args[0]), "is missing") from None
        except VertumnusError:
            raise
        except (TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise VertumnusError(f"{self.source}: not a whole state of this run ({error})") from None

    def part(self, prefix: str) -> State:
        """The fields whose names begin with ``prefix.``, by the rest of their names."""
        start = prefix + "."
        named = {name.removeprefix(start): value for name, value in self.items() if name.startswith(start)}
        return State(named, f"{self.source}: {prefix}")

    def generator(self, name: str) -> dict[str, Any]:
        """A field that is the state of NumPy's default random generator. Raises `VertumnusError` otherwise."""
        value = self._field(name)
        try:
            np.random.default_rng().bit_generator.state = value
        except (TypeError, ValueError, KeyError, OverflowError):
            raise self.refuse(name, "is not the state of a random generator") from None
        return dict(value)

    def refuse(self, name: str, why: str) -> VertumnusError:
        """The error that says why a field cannot be used."""
        return VertumnusError(f"{self.source}: {name}: {why}")

    def _field(self, name: str) -> Any:
        if name not in self:
            raise self.refuse(name, "is missing")
        return self[name]


def require_writable(path: Path) -> None:
    """Finds out, before anything long starts, whether a checkpoint can be written. What is there stays.

    Raises `VertumnusError` if not.
    """
    if path.is_dir():
        raise VertumnusError(f"{path}: cannot be written: it is a folder")
    check_writable(path)


def save_checkpoint(path: Path, run: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes a state.

    run     plain values that say which run this is
    state   arrays and plain values

    Raises `VertumnusError` if the place cannot be written; an older checkpoint there stays.
    """
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in state.items() if not isinstance(value, np.ndarray)}
    head = json.dumps({"format": FORMAT, "run": run, "plain": plain}).encode()
    with atomic_write(path) as stream:
        np.savez(stream, head=np.frombuffer(head, np.uint8), **arrays)  # type: ignore[arg-type]


def load_checkpoint(path: Path, run: dict[str, Any]) -> State:
    """Reads the state of the same run. What it holds is checked by who restores it; see `State`.

    Raises `VertumnusError` if the file is no checkpoint, or one of a run that differs.
    """
    arrays = _read_arrays(path)
    head = parse_json(arrays.pop("head", np.zeros(0, np.uint8)).tobytes(), f"{path}: head")
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise VertumnusError(f"{path}: not a checkpoint of this program")
    for name in ("run", "plain"):
        if not isinstance(head.get(name), dict):
            raise VertumnusError(f"{path}: {name}: is missing")
    here = json.loads(json.dumps(run))
    for name in sorted(here.keys() | head["run"].keys()):
        if here.get(name) != head["run"].get(name):
            raise VertumnusError(f"{path}: {name}: the checkpoint is of another run, whose {name} differs")
    return State(arrays | head["plain"], str(path))


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file, whose lengths are what their heads say; nothing in it is executed."""
    try:
        with open_file(path) as stream:
            members = list_members(stream, str(path))
            if sum(info.file_size for info in members) > MAX_STATE_BYTES:
                raise VertumnusError(f"{path}: unpacks to more than {MAX_STATE_BYTES:,} bytes, which is too much")
            found = {}
            for info in members:
                name = info.filename.removesuffix(".npy")
                found[name] = _read_array(read_member(stream, info, str(path), MAX_STATE_BYTES), f"{path}: {name}")
            return found
    except FileNotFoundError:
        raise VertumnusError(f"{path}: there is no such checkpoint") from None
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    except VertumnusError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise VertumnusError(f"{path}: not a readable checkpoint ({why})") from None


def _read_array(data: bytes, where: str) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = heads[np.lib.format.read_magic(stream)](stream)
        if dtype.kind not in "fiub" or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise ValueError("it is not as long as it says")
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, tokenize.TokenError) as error:
        raise VertumnusError(f"{where}: not an array of numbers ({error})") from None
