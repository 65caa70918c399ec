"""Generated mosaics of moving pictures: tiles stay themselves, and are drawn anew only where they no longer fit.

What Generative Photomosaic names as future work (sec. C). A tile stays as it is while its finish alone brings it
near enough to its block. Where it does not, its latents are carried along the optical flow of the picture under it,
get the noise that it began with, and are denoised over a part of the schedule towards the block as it is now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.generate.flow import Floats, flow_back, follow_back, looked_at
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.job import GenerateJob, cell_name
from vertumnus.mosaic.generate.pool import TONES
from vertumnus.mosaic.generate.result import make_result

Bytes = NDArray[np.uint8]
Watch = Callable[[int, int], None]
COHERENCE = 0.5  # of the first frame's mean error: what a tile's may rise by before it is drawn anew


class FilmStep(NamedTuple):
    """A frame's mosaic, and the cells that were drawn for it."""

    collage: Collage
    drawn: list[int]


@dataclass
class FrameTiles:
    """A folder's tiles as one frame shows them."""

    folder: TileFolder
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path, self.state = self.folder.path, self.folder.state

    def has(self, name: str) -> bool:
        """Whether a cell's tile is there."""
        return name in self.names

    def file(self, name: str) -> Path:
        """Where a cell's tile lies."""
        return self.folder.file(self.names[name])

    def read(self, name: str) -> Bytes:
        """A cell's tile, H x W x 3."""
        return self.folder.read(self.names[name])

    def digest(self, name: str) -> str:
        """SHA-256 of its file."""
        return self.folder.digest(self.names[name])


def follow_generated(
    frames: Iterable[Image.Image],
    first: GenerateJob,
    folder: TileFolder,
    *,
    coherence: float = COHERENCE,
    size: str | int | tuple[int, int] | None = None,
    watch: Watch | None = None,
) -> Iterator[FilmStep]:
    """Mosaics of frames, one after the other; what the folder has of them is not drawn again.

    frames     the first is that of the job
    coherence  a tile is drawn anew once its error has risen by this share of the first frame's mean; 0 draws it
               whenever it fits less well than it did
    watch      called with steps done and all, for each frame that is drawn

    Raises `VertumnusError` for frames of different sizes, methods that draw no tile for its cell, or photographs.
    """
    if first.options.method in TONES:
        raise VertumnusError(f"`method`: {first.options.method} draws no tile for its cell, which a film could keep")
    if first.photographs is not None:
        raise VertumnusError("`tiles`: photographs are for still pictures; a film's tiles are all drawn")
    film = _Film(first, folder, coherence)
    for number, frame in enumerate(frames):
        if frame.size != first.reference.size:
            raise VertumnusError(
                f"{first.where}: frame {number + 1} is {frame.width} x {frame.height} pixels, the first is"
                f" {first.reference.width} x {first.reference.height}"
            )
        drawn = film.begin(watch) if number == 0 else film.go_on(number, frame, watch)
        yield FilmStep(make_result(film.job, film.tiles, size), drawn)


class _Film:
    """What is carried from frame to frame."""

    def __init__(self, first: GenerateJob, folder: TileFolder, coherence: float) -> None:
        self.first, self.job, self.folder = first, first, folder
        self.coherence = coherence
        self.tiles = FrameTiles(folder)
        self.seen = looked_at(first.reference)
        self.carried = np.zeros((*self.seen.shape, 2), np.float32)  # from here back to where a tile was drawn
        self.chain = hashlib.sha256(np.asarray(first.reference).tobytes())
        self.errors = np.zeros(len(first.grid))
        self.allowed = 0.0

    def begin(self, watch: Watch | None) -> list[int]:
        """Draws the first frame."""
        self.first.run(self.folder, watch)
        cells = range(len(self.first.grid))
        self.tiles.names = {cell_name(n): cell_name(n) for n in cells}
        self.errors = np.array([self._error(n) for n in cells])
        self.allowed = self.coherence * float(self.errors.mean())
        return list(cells)

    def go_on(self, number: int, frame: Image.Image, watch: Watch | None) -> list[int]:
        """Draws anew what the next frame needs."""
        first = self.first
        self.job = GenerateJob(
            frame, first.where, first.grid, first.prompts, first.model, options=first.options, seed=first.seed,
            names=first.names, recipe=first.recipe,
        )  # fmt: skip
        now = looked_at(frame)
        self.carried = follow_back(flow_back(now, self.seen), self.carried)
        self.seen = now
        self.chain.update(np.asarray(frame).tobytes())
        mark = self.chain.hexdigest()[:12]
        risen = [n for n in range(len(first.grid)) if self._error(n) > self.errors[n] + self.allowed]
        batches = first.batches(risen, int(self.folder.state["batch"]))
        steps, done = first.partial_steps(), 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            if watch is not None:
                watch(done, len(risen) * steps)

        for cells in batches:
            names = {n: f"{number:05d}-{cell_name(n)}-{mark}" for n in cells}
            if not all(self.folder.has(name) for name in names.values()):
                count = len(cells)
                try:
                    tiles = self.job.draw_carried(cells, self._latents(cells), lambda: told(count))  # noqa: B023
                except MemoryError:
                    raise VertumnusError(
                        f"`batch`: memory runs out with {count} tiles at once in frame {number + 1}; try fewer"
                    ) from None
                for n, tile in zip(cells, tiles, strict=True):
                    self.folder.write(names[n], tile)
            self.tiles.names |= {cell_name(n): name for n, name in names.items()}
            for n in cells:
                self.errors[n] = self._error(n)
                left, top, right, bottom = self._box(n)
                self.carried[top:bottom, left:right] = 0
        return risen

    def _error(self, cell: int) -> float:
        return self.job.error(cell, self.tiles.read(cell_name(cell)))

    def _box(self, cell: int) -> tuple[int, int, int, int]:
        """A cell in pixels of what flow sees."""
        grid, (rows, columns) = self.first.grid, self.seen.shape
        scale = np.array([columns / grid.width, rows / grid.height] * 2)
        left, top, right, bottom = np.round(grid.boxes[cell] * scale).astype(int).tolist()
        return max(left, 0), max(top, 0), max(right, left + 1), max(bottom, top + 1)

    @torch.no_grad()
    def _latents(self, cells: list[int]) -> torch.Tensor:
        """The latents of tiles, each carried to where its part of the picture is now, B x C x h x w."""
        pictures = np.stack([self.tiles.read(cell_name(n)) for n in cells]).astype(np.float32) / 255
        model = self.first.model
        latents = model.to_latents(torch.from_numpy(pictures).movedim(-1, 1).contiguous().to(model.device))
        ways = np.stack([self._way(n, latents.shape[-2], latents.shape[-1]) for n in cells])
        return carry(latents, torch.from_numpy(ways).to(latents))

    def _way(self, cell: int, rows: int, columns: int) -> Floats:
        """The way back under a cell, in shares of the cell's sides, rows x columns x (x, y)."""
        left, top, right, bottom = self._box(cell)
        under = self.carried[top:bottom, left:right]
        shares = [under[..., 0] / (right - left), under[..., 1] / (bottom - top)]
        small = [
            np.asarray(Image.fromarray(share).resize((columns, rows), Image.Resampling.BILINEAR)) for share in shares
        ]
        return np.stack(small, axis=-1)


def carry(latents: torch.Tensor, ways: torch.Tensor) -> torch.Tensor:
    """Latents read from where a way back leads, bilinearly; beyond a tile's edge, what is next to it.

    latents  B x C x h x w
    ways     B x h x w x (x, y), shares of the tile's sides
    """
    rows, columns = latents.shape[-2:]
    y, x = torch.meshgrid(
        (torch.arange(rows).to(ways) + 0.5) / rows, (torch.arange(columns).to(ways) + 0.5) / columns, indexing="ij"
    )
    places = 2 * (torch.stack([x, y], dim=-1) + ways) - 1
    return torch.nn.functional.grid_sample(
        latents, places, mode="bilinear", padding_mode="border", align_corners=False
    )
