"""What a command will take, said before it is begun where that is much; at a terminal, asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vertumnus.export.picture import DEEP_ZOOM, FORMATS

LONG, MUCH_TIME, MUCH_MEMORY = 15.0, 60.0, 2 << 30  # seconds; seconds; bytes
# Measured on an AMD EPYC, 2026 (docs/benchmarks.md); a guess for any other machine, good to a factor of two.
DRAWN = 12e6  # pixels a second of a picture
PIECES = 1e-3  # seconds to place a piece, beside what the first take
RASTER_SECONDS = 2.7e-7  # for each canvas pixel, which are looked at once
STEP, STEP_PIECES, NETWORK = 4e-3, 1e-5, 3.0  # seconds of a step of composing, for each piece of it, and of a network
CELLS = 5.4 / 10_000**1.2  # seconds to match a cell, the more the more there are
FRAME, CARRIED = 0.1, 0.3  # seconds to read and write a frame; of matching its cells, where most keep their tiles
TILE_STEP, LATENT = 3e-3, 64 * 64  # seconds of a step of a small network for a tile of so many pixels
BASE = 200 << 20  # bytes, whatever is asked
CELL_BYTES, PIECE_BYTES, RASTER_BYTES = (
    2_000,
    20_000,
    40,
)  # RASTER_BYTES to a canvas pixel: a raster of twice its sides


class Estimate(NamedTuple):
    """Seconds and bytes of memory."""

    seconds: float = 0.0
    memory: float = BASE

    def __add__(self, other: object) -> Estimate:
        """One after the other."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return Estimate(self.seconds + other.seconds, max(self.memory, other.memory))

    @property
    def much(self) -> bool:
        """Whether it is to be asked."""
        return self.seconds > MUCH_TIME or self.memory > MUCH_MEMORY

    def __str__(self) -> str:
        """For people."""
        minutes = self.seconds / 60
        time = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} minutes" if minutes < 120 else ""
        return f"about {time or f'{minutes / 60:.0f} hours'} and {self.memory / 2**30:.1f} GB of memory"


def drawing(size: tuple[int, int], scale: float, outputs: Iterable[Path]) -> Estimate:
    """Of pictures of a canvas of width x height pixels, drawn at a scale."""
    pixels = size[0] * size[1] * scale**2
    whole = Estimate()
    for path in outputs:
        suffix = path.suffix.lower()
        if suffix in (".webp", ".ora", ".psd"):  # held whole, layers too
            whole += Estimate(pixels / DRAWN * (1 if suffix == ".webp" else 3), BASE + 16 * pixels)
        elif suffix in FORMATS or suffix == DEEP_ZOOM:
            whole += Estimate(pixels / DRAWN, BASE)
    return whole


def packing(pieces: int, size: tuple[int, int], starts: int, slow: bool) -> Estimate:
    """Of placing so many pieces on a canvas of width x height pixels, so often; ``slow`` where quality is high."""
    rounds = -(-starts // (os.cpu_count() or 1))
    pixels = size[0] * size[1]
    seconds = rounds * (1.5 + PIECES * pieces + RASTER_SECONDS * pixels) * (2.5 if slow else 1)
    return Estimate(seconds, BASE + PIECE_BYTES * pieces + RASTER_BYTES * pixels)


def composing(pieces: int, size: tuple[int, int], steps: int, networks: int, runs: int) -> Estimate:
    """Of arranging so many pieces on a canvas of width x height pixels, in some runs.

    networks   how many of what judges the picture are large networks; on a CPU
    """
    pixels = size[0] * size[1]
    seconds = runs * (1.0 + steps * (STEP + STEP_PIECES * pieces + NETWORK * networks) + RASTER_SECONDS * pixels)
    return Estimate(seconds, BASE + PIECE_BYTES * pieces + RASTER_BYTES * pixels + (networks and 4 << 30))


def matching(cells: int) -> Estimate:
    """Of finding a tile for each of so many cells."""
    return Estimate(CELLS * cells**1.2, BASE + CELL_BYTES * cells)


def filming(frames: int, cells: int, size: tuple[int, int]) -> Estimate:
    """Of matching so many frames, each drawn at width x height pixels."""
    each = FRAME + CARRIED * matching(cells).seconds + size[0] * size[1] / DRAWN
    return Estimate(frames * each, BASE + CELL_BYTES * cells + 16 * size[0] * size[1])


def generating(tiles: int, steps: int, pixels: int, large: bool, gpu: bool) -> Estimate:
    """Of so many tiles of some pixels that a model draws, each in so many steps.

    large   a model of a thousand million weights, say, in place of the one that ships
    """
    step = (NETWORK / 60 if gpu else NETWORK) * pixels / 512**2 if large else TILE_STEP * pixels / LATENT
    return Estimate(tiles * steps * step, BASE + (4 << 30 if large and not gpu else 0))


def go_on(estimate: Estimate, yes: bool) -> None:
    """Says what it will take if that is long; if it is much, a terminal is asked.

    Raises `KeyboardInterrupt` at a no.
    """
    if not estimate.much and estimate.seconds < LONG:
        return
    print(f"this takes {estimate}, by a rough estimate", file=sys.stderr)
    if yes or not estimate.much or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    print("go on? [y/N] (--yes does not ask) ", end="", file=sys.stderr, flush=True)
    if not sys.stdin.readline().strip().lower().startswith("y"):
        raise KeyboardInterrupt
