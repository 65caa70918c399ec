"""What the program itself wrote, gone wrong: checkpoints, indexes of tiles, its caches."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from hostile.cases import Case, Kitchen
from hostile.pantry import COMPOSE, PACK
from hostile.values import NUMBERS, TEXTS, change_tree, spoil


def checkpoints(kitchen: Kitchen) -> Case:
    """A checkpoint with numbers, shapes, names or bytes that are not its own."""
    rng = kitchen.rng
    which = rng.choice(["pack", "compose", "like"])
    data = kitchen.read(f"{which}.npz")
    draw = rng.random()
    if draw < 0.15:
        data = spoil(rng, data)
    else:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
        for _ in range(rng.choice([1, 1, 2])):
            _change(rng, arrays)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        data = buffer.getvalue()
        if draw < 0.2:
            data = _larger(data)
    kitchen.take("pieces")
    kitchen.take("photograph.png")
    kitchen.put("wrong.npz", data)
    command = {
        "pack": ["pack", "pieces", "--shape", "heart", *PACK],
        "compose": ["compose", "pieces", *COMPOSE],
        "like": ["compose", "pieces", "--like", "photograph.png", "--size", "40", "--iterations", "12"],
    }[which]
    command += ["--checkpoint", "wrong.npz", "--resume", "-o", "out/a.collage", "-o", "out/a.png"]
    return Case([command], ["wrong.npz"], writes=["wrong.npz"])


def _change(rng: random.Random, arrays: dict[str, Any]) -> None:
    name = rng.choice([name for name in arrays if name != "head"] or ["head"])
    act = rng.random()
    if act < 0.3 and "head" in arrays:
        try:
            tree = change_tree(rng, json.loads(arrays["head"].tobytes()))
        except ValueError:
            return
        arrays["head"] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    elif act < 0.7 and arrays[name].size:
        changed = arrays[name].copy()
        number = rng.choice(NUMBERS)
        with contextlib.suppress(OverflowError, ValueError), np.errstate(all="ignore"):
            changed.reshape(-1)[rng.randrange(changed.size) if rng.random() < 0.7 else slice(None)] = number
        arrays[name] = changed
    elif act < 0.8:
        old = arrays[name]
        arrays[name] = rng.choice(
            [
                lambda: old[:0],
                lambda: old[..., None],
                lambda: np.concatenate([old.reshape(-1)] * 2),
                lambda: old.astype(np.complex128),
                lambda: old.astype("S8"),
                lambda: np.zeros((1000, 1000)),
                lambda: np.array(1.0),
            ]
        )()
    elif act < 0.85:
        del arrays[name]
    elif act < 0.9:
        arrays[rng.choice(["extra", "head", "../x", ""])] = arrays[name]
    else:
        names = sorted(arrays)
        other = rng.choice(names)
        arrays[name], arrays[other] = arrays[other], arrays[name]


def _larger(data: bytes) -> bytes:
    """The checkpoint with an array whose head promises far more than is there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for number, name in enumerate(old.namelist()):
            body = old.read(name)
            if number == 1:
                head = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99), }".ljust(117) + "\n"
                body = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + b"xyz"
            new.writestr(name, body)
    return buffer.getvalue()


def indexes(kitchen: Kitchen) -> Case:
    """An index of tiles with rows, files, or bytes that are not its own, or links in their places."""
    rng = kitchen.rng
    kitchen.take("pieces")
    kitchen.take("photograph.png")
    kitchen.take("mosaic.json", "mosaic.json")
    place = kitchen.folder / "pieces/.vertumnus-tiles"
    gold = kitchen.folder / "treasure/gold.txt"
    files = sorted(path for path in place.iterdir() if path.is_file())
    act = rng.randrange(6)
    touched = rng.choice(files)
    if act == 0:
        touched.write_bytes(spoil(rng, touched.read_bytes()))
    elif act in (1, 2):
        with contextlib.suppress(sqlite3.Error):
            _change_rows(rng, place / "tiles.sqlite")
    elif act == 3:
        touched.unlink()
        rng.choice([touched.symlink_to, touched.hardlink_to])(gold)
    elif act == 4:
        touched.unlink()
        rng.choice([touched.mkdir, touched.touch, lambda: os.mkfifo(touched)])()
    else:
        shutil.rmtree(place)
        place.symlink_to(gold.parent)
    folder = ["--beside"]
    commands = rng.choice(
        [
            [["tiles", "info", "pieces", *folder]],
            [["tiles", "index", "pieces", *folder]],
            [["tiles", "index", "pieces", *folder, "--rebuild"]],
            [["tiles", "prune", "pieces", *folder]],
            [
                [
                    "mosaic",
                    "photograph.png",
                    "--tiles",
                    "pieces",
                    "--grid",
                    "3x4",
                    "--size",
                    "48",
                    "-o",
                    "out/m.png",
                    *folder,
                ]
            ],
            [["mosaic", "--assignment", "mosaic.json", "-o", "out/m.png"]],
        ]
    )
    # An index is the program's own to write, the pictures are not.
    return Case(commands, ["vertumnus-tiles", "pieces"], writes=["pieces/.vertumnus-tiles"])


def _change_rows(rng: random.Random, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as base:
        tables = [str(row[0]) for row in base.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        table = rng.choice(tables)
        columns = [str(row[1]) for row in base.execute(f"PRAGMA table_info({table})")]
        number = rng.choice([0, -1, 1, 2**31, 2**62, 1e300, None, *TEXTS[:12], b"\xff\x00", *NUMBERS[:8]])
        if isinstance(number, str):
            number = number.encode("utf-8", "replace").decode()
        where = f" WHERE rowid = (SELECT MIN(rowid) FROM {table})" if rng.random() < 0.5 else ""
        act = rng.random()
        if act < 0.8:
            base.execute(f"UPDATE {table} SET {rng.choice(columns)}=?{where}", (number,))
        elif act < 0.9:
            base.execute(f"DROP TABLE {table}")
        else:
            base.execute(f"DELETE FROM {table}")
        base.commit()


def caches(kitchen: Kitchen) -> Case:
    """The cache of elements with bits flipped or rows changed: never another picture, never a fault."""
    rng = kitchen.rng
    kitchen.take("pieces")
    kitchen.take("cache", "cache")
    found = sorted((kitchen.folder / "cache").rglob("elements.sqlite*"))
    if rng.random() < 0.6:
        with contextlib.suppress(sqlite3.Error):
            _change_rows(rng, next(path for path in found if path.suffix == ".sqlite"))
    else:
        touched = rng.choice(found)
        touched.write_bytes(spoil(rng, touched.read_bytes(), 12))
    command = ["pack", "pieces", "--shape", "heart", *PACK, "-o", "out/a.png"]
    return Case([command], ["pieces"], same={"out/a.png": kitchen.read("a.png")})
