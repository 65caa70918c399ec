"""Honest things to spoil: pictures of every format, drawings, a collage, checkpoints, a mosaic, an index."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from hostile.files import blank_pngs, packed
from vertumnus.cli.app import run
from vertumnus.composing import compose as composing
from vertumnus.errors import VertumnusError
from vertumnus.export.video import save_video
from vertumnus.packing import pack as packing
from vertumnus.packing import soft

FORMATS = ("png", "jpg", "webp", "gif", "tif", "bmp", "avif", "ico", "ppm", "tga", "jp2")
DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><g fill="#263"><path d="M4 4h10v12H4z"/>'
    b'<circle cx="15" cy="15" r="6" stroke="red"/></g></svg>'
)
PACK = ["--size", "40", "--quality", "fast"]
DRAWN = ("png", "jpg", "svg", "tif", "webp", "ora", "psd", "pdf")
COMPOSE = ["--prompt", "a butterfly", "--size", "40", "--iterations", "12"]
HEAVY = ["mini"]


def piece(seed: int, width: int = 20, height: int = 24) -> Image.Image:
    """A small opaque form on a transparent ground."""
    pixels = np.zeros((height, width, 4), np.uint8)
    rows, columns = np.mgrid[:height, :width]
    inside = ((columns - width / 2) / (0.45 * width)) ** 2 + ((rows - height / 2) / (0.45 * height)) ** 2 < 1
    pixels[inside] = [50 + 60 * (seed % 4), 200 - 50 * (seed % 3), 30 + 40 * (seed % 5), 255]
    return Image.fromarray(pixels)


def stock(pantry: Path) -> None:
    """Fills the pantry; every command here must end well, and has then loaded the kernels that the cases need."""
    pantry.mkdir(parents=True)
    for seed in range(3):
        (pantry / "pieces").mkdir(exist_ok=True)
        piece(seed, 20 + seed).save(pantry / "pieces" / f"piece{seed}.png")
    (pantry / "formats").mkdir()
    for suffix in FORMATS:
        with contextlib.suppress(OSError, KeyError, ValueError):
            piece(4).convert("RGB").save(pantry / "formats" / f"a.{suffix}")
    piece(4).save(pantry / "formats/b.png")
    piece(4).convert("P").save(pantry / "formats/c.png", interlace=1)
    piece(4).convert("L").save(pantry / "formats/d.jpg", progressive=True)
    piece(4).convert("CMYK").save(pantry / "formats/e.jpg")
    frames = [piece(n).convert("RGB") for n in range(3)]
    frames[0].save(pantry / "formats/f.gif", save_all=True, append_images=frames[1:])
    frames[0].save(pantry / "formats/g.tif", compression="tiff_deflate")
    frames[0].save(pantry / "formats/h.tif", compression="tiff_lzw")
    frames[0].save(pantry / "formats/i.jpg", exif=_exif())
    (pantry / "drawing.svg").write_bytes(DRAWING)
    (pantry / "weights.csv").write_bytes(b"name,weight\npiece0,1.5\npiece1,1\npiece2,.5\n")
    photograph().save(pantry / "photograph.png")
    (pantry / "text.txt").write_text("leaf leaf lemon tree and a tree of lemons\n" * 2)
    font = resources.files("vertumnus.imaging").joinpath("fonts/DejaVuSans-Bold.ttf")
    (pantry / "font.ttf").write_bytes(font.read_bytes())
    _films(pantry / "films", [frame.resize((40, 30)) for frame in frames])
    here = Path.cwd()
    os.chdir(pantry)
    os.environ["XDG_CACHE_HOME"] = str(pantry / "cache")
    try:
        with frequent_checkpoints():
            _make()
    finally:
        os.chdir(here)


def _films(folder: Path, frames: list[Image.Image]) -> None:
    """The frames as animations and videos, of each kind that there is an encoder for."""
    folder.mkdir()
    for name in ("a.gif", "b.webp", "c.apng", "d.mp4", "e.mkv", "f.avi"):
        with contextlib.suppress(VertumnusError):
            save_video(iter(frames), folder / name, 10.0)


@contextlib.contextmanager
def frequent_checkpoints() -> Iterator[None]:
    """Runs write their checkpoints every few steps, for the pantry's are short."""
    with contextlib.ExitStack() as stack:
        for function, every in ((packing.run, 10), (composing.run, 5)):
            assert function.__defaults__ is not None
            stack.enter_context(mock.patch.object(function, "__defaults__", (*function.__defaults__[:-1], every)))
        yield


def short_runs() -> None:
    """From here on a quick packing takes a tenth of its steps: what may go wrong does so in the first ones."""
    soft.ITERATIONS["fast"] = 100


def photograph() -> Image.Image:
    """Something to rebuild."""
    rows, columns = np.mgrid[:30, :40]
    return Image.fromarray(np.dstack([rows * 8, columns * 6, 255 - rows * 4]).astype(np.uint8))


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _make() -> None:
    for size in (100, 1 << 20, 100 << 20):
        packed(size)
    blank_pngs()
    done(
        "pack",
        "pieces",
        "--shape",
        "heart",
        *PACK,
        "-o",
        "a.collage",
        "-o",
        "folder.json",
        "--checkpoint",
        "pack.npz",
    )
    done("pack", "pieces/piece0.png", "drawing.svg", "--shape", "heart", *PACK, "-o", "drawn.png")
    done("pack", "pieces", "--shape", "square", *PACK, "--sizes", "fixed", "--gap", "1", "-o", "fixed.svg")
    done("pack", "pieces", "--shape", "circle", *PACK, "--open", "-o", "open.collage")
    done("pack", "pieces", "--shape", "circle", *PACK, "--overlap", "allow", "-o", "open.collage")
    done("compose", "pieces", *COMPOSE, "-o", "composed.collage", "--checkpoint", "compose.npz")
    done(
        "compose", "pieces", "--like", "photograph.png", "--size", "40", "--iterations", "12", "-o", "liked.collage",
        "--checkpoint", "like.npz",
    )  # fmt: skip
    done(
        "mosaic",
        "photograph.png",
        "--tiles",
        "pieces",
        "--grid",
        "3x4",
        "--size",
        "48",
        "-o",
        "mosaic.json",
        "--beside",
    )
    done(
        "mosaic",
        "photograph.png",
        "--tiles",
        "pieces",
        "--count",
        "12",
        "--adaptive",
        "--size",
        "48",
        "-o",
        "m.collage",
    )
    done("mosaic", "--assignment", "mosaic.json", "-o", "mosaic.png")
    Path("again.png").write_bytes(Path("mosaic.png").read_bytes())
    done("tiles", "info", "pieces", "--beside")
    done("render", "a.collage", *(word for name in DRAWN for word in ("-o", f"a.{name}")))
    done("open", "a.svg", "--original", "a.collage", "-o", "opened.json")
    done("open", "a.ora", "-o", "opened.json")
    done("open", "a.psd", "-o", "opened.json")
    done("words", "text.txt", "--size", "120", "--quality", "fast", "-o", "words.collage", "--html", "words.html")
    done("harmonize", "a.collage", "--model", "none", "--longest", "64", "-o", "harmonized.collage")
    edit = ("harmonize", "edit", "harmonized.collage", "--layer", "piece0", "--gallery", "gallery")
    done(*edit, "--model", "none", "--seeds", "1")
    done(*edit, "--take", "0", "-o", "opened.json")
    done("contact", "a.collage", "-o", "page.html")
    done("measure", "a.collage", "--shape", "heart", "--json")
    done("blend", "a.collage", "-o", "blend.png")
    done("cutout", "pieces", "-o", "cut")
    done("again", "a.collage")
    done("info", "a.collage")
    done("shape", "drawing.svg", "--size", "40")
    first = json.loads(Path("mosaic.json").read_text())
    Path("first.json").write_text(json.dumps(first_version(first)))
    done("mosaic", "--assignment", "first.json", "-o", "first.png", "--size", "48")
    for name in ("drawn.png", "fixed.svg", "open.collage", "again.png"):
        Path(name).unlink()


def first_version(mosaic: dict[str, object]) -> dict[str, object]:
    """A mosaic's document as version 0.1 wrote it."""
    import hashlib

    tiles = sorted(Path("pieces").glob("*.png"))
    sizes = [Image.open(tile).size for tile in tiles]
    rows = [
        [x * 10, y * 10, x * 10 + 10, y * 10 + 10, (x + y) % len(tiles), 0, 0, 1, 1, x % 4, y % 2, 0.5]
        for y in range(3)
        for x in range(4)
    ]
    return {
        "format": "vertumnus/mosaic", "version": 1, "width": 40, "height": 30, "cells": "rectangle", "step": [0, 0],
        "reference": "photograph.png", "tone": "mean-std:0.5", "seed": 0, "options": {"grid": "3x4"},
        "report": {"repeats": 0},
        "columns": [
            "left", "top", "right", "bottom", "tile", "crop_left", "crop_top", "crop_right", "crop_bottom",
            "turn", "flip",
            "cost",
        ],
        "rows": rows,
        "tiles": [
            [str(tile), hashlib.sha256(tile.read_bytes()).hexdigest(), *size, "pieces/.vertumnus-tiles"]
            for tile, size in zip(tiles, sizes, strict=True)
        ],
    }  # fmt: skip


def done(*command: str) -> None:
    """Runs a command that must end well."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(command))
    if code != 0:
        raise RuntimeError(f"{' '.join(command)}: {code}: {err.getvalue()}")
