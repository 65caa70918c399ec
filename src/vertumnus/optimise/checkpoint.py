"""Checkpoints: arrays and plain values in one file, written whole or not at all, never pickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vertumnus.document.atomic import atomic_write
from vertumnus.errors import VertumnusError

FORMAT = "vertumnus/checkpoint"


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


def load_checkpoint(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Reads the state of the same run.

    Raises `VertumnusError` if the file is no checkpoint, or one of a run that differs.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays.pop("head").tobytes())
    except FileNotFoundError:
        raise VertumnusError(f"{path}: there is no such checkpoint") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise VertumnusError(f"{path}: not a readable checkpoint ({error})") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise VertumnusError(f"{path}: not a checkpoint of this program")
    here = json.loads(json.dumps(run))
    for name in sorted(here.keys() | head["run"].keys()):
        if here.get(name) != head["run"].get(name):
            raise VertumnusError(f"{path}: {name}: the checkpoint is of another run, whose {name} differs")
    return arrays | head["plain"]
