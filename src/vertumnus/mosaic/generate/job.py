"""Generating a mosaic: a reference, prompts, a model and options become tiles in a folder, and these a mosaic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture
from vertumnus.mosaic.generate.blocks import cut_blocks, tile_extent
from vertumnus.mosaic.generate.finish import MOST_GAIN, affine_towards, apply_affine, seen_error
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.layout import layout_of, low_resolution_latents
from vertumnus.mosaic.generate.methods import Recipe, draw, make_recipe
from vertumnus.mosaic.generate.noise import NoiseField
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.pool import TONES, fill_from_pool
from vertumnus.mosaic.generate.steer import Tiles
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.reference import check_resolution
from vertumnus.version import __version__

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.text import TextStates
    from vertumnus.mosaic.generate.origin import Origin
    from vertumnus.mosaic.generate.photographs import Photographs
    from vertumnus.mosaic.personalize.apply import LearnedNames
    from vertumnus.mosaic.workers import Workers

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
Watch = Callable[[int, int], None]
BATCH, BATCH_GPU = 16, 64  # tiles at once, where nothing is said and memory allows
CANDIDATES = 32  # bits of an attempt's number below those that count candidates
NOISY = ("guided", "quilt")  # methods whose first latents are one field


class GenerateJob:
    """A mosaic whose tiles are to be generated.

    reference  RGB
    where      what to call it in an error, and in the mosaic
    grid       of the mosaic
    prompts    one for each cell
    model      of latents
    names      learned ones that prompts may hold, on the model
    photographs  tiles for some cells, which are not drawn
    origin     how it came to be, so that its mosaic can be made again from its document
    branch     of a reference that the model drew: the clean latents it predicted at each step, for noise-blend
    recipe     of the same options and model, where there is one already
    structure  the file of a picture of the reference's aspect, of which tiles begin with their parts

    Raises `VertumnusError` for a reference smaller than the grid, or a size that the model cannot draw.
    """

    def __init__(
        self,
        reference: Image.Image,
        where: str | Path,
        grid: Grid,
        prompts: Sequence[str],
        model: Diffusion,
        *,
        options: GenerateOptions | None = None,
        seed: int = 0,
        names: LearnedNames | None = None,
        photographs: Photographs | None = None,
        origin: Origin | None = None,
        branch: Sequence[torch.Tensor] | None = None,
        recipe: Recipe | None = None,
        structure: bytes | None = None,
    ) -> None:
        self.names, self.photographs, self.origin, self.branch = names, photographs, origin, branch
        self.reference, self.where, self.grid, self.model = reference, Path(where), grid, model
        self.options, self.seed = options or GenerateOptions(), seed
        self.prompts = list(prompts)
        if len(self.prompts) != len(grid):
            raise VertumnusError(f"`prompts`: {len(self.prompts)} for {len(grid)} cells")
        check_resolution(grid, *reference.size, str(where))
        self.multiple = size_multiple(model)
        self.extent = tile_extent(self.options.tile_size, model.resolution, self.multiple, grid.aspect)
        rows, columns = self.extent.height // model.factor, self.extent.width // model.factor
        self.latent = (model.channels, rows, columns)
        self.blocks = cut_blocks(reference, grid, self.extent, (columns, rows))
        self.pictures = cut_blocks(reference, grid, self.extent, self.extent)
        self.places = places_of(grid)
        scaling = self.options.noise if self.options.method in NOISY else "independent"
        most = self.places.max(axis=0) + 1
        self.noise = NoiseField.drawn(seed, int(most[0]), int(most[1]), self.latent, scaling)
        self.structure = structure
        self._structures: Bytes | None = None
        if structure is not None:
            seen = decode_picture(structure, "structure").image
            self._structures = cut_blocks(seen, grid, self.extent, self.extent)
        self._recipe = recipe
        self._whole: torch.Tensor | None = None

    def identity(self) -> dict[str, Any]:
        """Plain values that tell these tiles from others."""
        apart = {"batch"} if self.candidates > 1 else {"batch", "finish", "finish_gain"}  # which choose a candidate
        return {
            "reference": hashlib.sha256(np.asarray(self.reference).tobytes()).hexdigest(),
            "size": list(self.reference.size),
            "cells": hashlib.sha256(self.grid.boxes.tobytes()).hexdigest(),
            "prompts": self.prompts,
            "model": model_identity(self.model),
            "concepts": [] if self.names is None else self.names.told,
            "options": self.options.model_dump(mode="json", exclude=apart),
            "structure": None if self.structure is None else hashlib.sha256(self.structure).hexdigest(),
            "seed": self.seed,
            "version": __version__,
        }

    @property
    def recipe(self) -> Recipe:
        """How the method samples."""
        if self._recipe is None:
            perceptual = None
            if self.options.guidance_kind == "perceptual":
                from vertumnus.mosaic.generate.perceptual import encoder_distance

                perceptual = encoder_distance(self.model)
            self._recipe = make_recipe(self.options, self.model, perceptual)
            if self.structure is not None:
                self._recipe = replace(self._recipe, begins="quilt", strength=self.options.structure)
        return self._recipe

    def draw(self, cells: list[int], attempt: int = 0, watch: Callable[[], None] | None = None) -> list[Bytes]:
        """Tiles of some cells in one batch, each H x W x 3, before their finish.

        Of several candidates, each cell gets the one that is nearest to its block once it is finished.

        attempt  how often they have been drawn before
        watch    called after each step

        Raises `VertumnusError` if the model gives numbers that are none, and `MemoryError` where memory runs out.
        """
        with memory_told():
            return self._draw_best(cells, attempt, watch)

    def _draw_best(self, cells: list[int], attempt: int, watch: Callable[[], None] | None) -> list[Bytes]:
        best = self._draw_once(cells, attempt, watch)
        if self.candidates == 1:
            return best
        errors = [self.error(n, tile) for n, tile in zip(cells, best, strict=True)]
        for candidate in range(1, self.candidates):
            tiles = self._draw_once(cells, attempt | candidate << CANDIDATES, watch)
            for place, (n, tile) in enumerate(zip(cells, tiles, strict=True)):
                error = self.error(n, tile)
                if error < errors[place]:
                    best[place], errors[place] = tile, error
        return best

    def draw_carried(
        self, cells: list[int], latents: torch.Tensor, watch: Callable[[], None] | None = None
    ) -> list[Bytes]:
        """Tiles of some cells from clean latents that they begin with, over `partial_steps` of the schedule.

        latents  B x C x h x w, noised by what the cells' own noise is
        """
        with memory_told():
            return self._draw_once(cells, 0, watch, latents)

    def partial_steps(self) -> int:
        """Steps that a tile takes which begins with latents: ``strength`` of the schedule."""
        return max(1, int(self.options.steps * self.options.strength))

    def error(self, cell: int, tile: Bytes) -> float:
        """How far a tile is from its block as seen from afar, once it is finished; see `seen_error`."""
        return seen_error(apply_affine(tile, *self.finish(cell, tile)), self.pictures[cell])

    def _draw_once(
        self, cells: list[int], attempt: int, watch: Callable[[], None] | None, carried: torch.Tensor | None = None
    ) -> list[Bytes]:
        model, options = self.model, self.options
        device = model.device
        if self.names is not None:  # before anything is read: the text encoder has a LoRA too
            self.names.activate(self._key(cells[0]))
        places = self.places[cells].tolist()
        noise = np.stack([self.noise.tile(row, column, attempt) for row, column in places])
        tiles = Tiles(
            model,
            _tensor(self.pictures[cells], device),
            _tensor(self.blocks[cells], device),
            torch.from_numpy(noise).to(device),
            [tile_seed(self.seed, n, attempt) for n in cells],
            self._read([self.prompts[n] for n in cells]),
        )
        recipe = self.recipe
        if carried is not None:
            recipe, tiles.layout = replace(recipe, begins="quilt", strength=self.options.strength), carried
        elif self._structures is not None:
            with torch.no_grad():
                tiles.layout = model.to_latents(_tensor(self._structures[cells], device))
        elif recipe.begins == "quilt":
            if self._whole is None:
                self._whole = low_resolution_latents(self.reference, model, self.multiple)
            tiles.layout = layout_of(self._whole, self.grid, self.extent, cells, self.latent[1:])
        if self.branch is not None:
            branch = self.branch
            tiles.branch = lambda step: layout_of(branch[step], self.grid, self.extent, cells, self.latent[1:])
        told = None if watch is None else lambda _: watch()
        with model.threads():
            decoded = draw(tiles, recipe, options, told)
        if not bool(torch.isfinite(decoded).all()):
            raise VertumnusError(
                f"{model.name}: gives numbers that are none (NaN); a smaller guidance weight or full precision helps"
            )
        pixels = decoded.clamp(0, 1).float().cpu().movedim(1, -1).numpy()
        return list(np.floor(pixels * 255 + 0.5).astype(np.uint8))

    def _read(self, prompts: list[str]) -> TextStates:
        """The text states of prompts, each read once."""
        different = list(dict.fromkeys(prompts))
        found = self.model.encode_text(different) if self.names is None else self.names.encode(different)
        return found.taken([different.index(prompt) for prompt in prompts])

    def _key(self, cell: int) -> tuple[str, ...]:
        """The learned names in a cell's prompt: cells of one key are drawn together."""
        return () if self.names is None else self.names.key(self.prompts[cell])

    def batches(self, wanted: Sequence[int], size: int) -> list[list[int]]:
        """What is drawn at once: cells in their order, of the same learned names."""
        found: list[list[int]] = []
        for key in sorted({self._key(n) for n in wanted}):
            cells = [n for n in wanted if self._key(n) == key]
            found += [cells[n : n + size] for n in range(0, len(cells), size)]
        return found

    def finish(self, cell: int, tile: Bytes) -> tuple[Doubles, Doubles]:
        """Gain and offset of each channel that finish a tile: 1 and 0 without a finish."""
        if self.options.finish == "none":
            return np.ones(3), np.zeros(3)
        return affine_towards(tile, self.pictures[cell], (self.options.finish_gain, MOST_GAIN))

    def run(self, folder: TileFolder, watch: Watch | None = None, workers: Workers | None = None) -> None:
        """Generates what the folder lacks; ``watch`` is called with tile steps done and all.

        workers  that draw it, in place of this process; of equal devices, the same bytes

        Raises `VertumnusError` when memory runs out even for one tile.
        """
        for _ in self.going(folder, watch, workers):
            pass

    def going(self, folder: TileFolder, watch: Watch | None = None, workers: Workers | None = None) -> Iterator[None]:
        """As `run`, a batch at a time.

        Batches are fixed by their size, so what is done after an interruption is what would have been done.
        """
        pooled = self.options.method in TONES
        names = {n: cell_name(n) for n in self.drawn()}
        if pooled:
            count = min(self.options.pool if self.options.method == "match" else 1, len(self.grid))
            names = {n: f"pool-{n:05d}" for n in range(count)}
        yield from self._batches(names, folder, watch, workers)
        if pooled:
            pool = [folder.read(name) for name in names.values()]
            for cell in self.drawn():
                if not folder.has(cell_name(cell)):
                    folder.write(cell_name(cell), fill_from_pool(pool, self.pictures[cell], self.options.method))
            yield

    def drawn(self) -> list[int]:
        """The cells whose tiles are drawn: all that no photograph takes."""
        return [n for n in range(len(self.grid)) if self.photographs is None or n not in self.photographs.cells]

    def _batches(
        self, names: dict[int, str], folder: TileFolder, watch: Watch | None, workers: Workers | None
    ) -> Iterator[None]:
        steps = self.steps_each()
        size = int(folder.state.get("batch") or self.options.batch or (BATCH_GPU if self.on_gpu() else BATCH))
        drawn_any = False
        while True:
            batches = self.batches(list(names), size)
            waiting = [cells for cells in batches if not all(folder.has(names[n]) for n in cells)]
            drawn_any = drawn_any or len(waiting) < len(batches)
            done = (len(names) - sum(map(len, waiting))) * steps
            try:
                for cells, tiles in zip(waiting, self._drawn_all(waiting, done, watch, workers), strict=True):
                    if folder.state.get("batch") != size:
                        folder.state["batch"] = size
                        folder.save()
                    for n, tile in zip(cells, tiles, strict=True):
                        folder.write(names[n], tile)
                    drawn_any = True
                    done += len(cells) * steps
                    if watch is not None:
                        watch(done, len(names) * steps)
                    yield
                return
            except MemoryError:
                if size == 1 or drawn_any:  # sizes change before anything is drawn, and not within a run
                    raise VertumnusError(
                        f"`batch`: memory runs out with {size} tiles at once; try a smaller `tile_size` or"
                        " `decoder` linear"
                    ) from None
                size = -(-size // 2)

    def _drawn_all(
        self, batches: list[list[int]], done: int, watch: Watch | None, workers: Workers | None
    ) -> Iterator[list[Bytes]]:
        """The tiles of each batch: by workers, or here, where each step is told."""
        if workers is not None:
            from vertumnus.mosaic.generate.far import drawn_by

            yield from drawn_by(workers, self, batches)
            return
        all_steps = done + sum(map(len, batches)) * self.steps_each()
        for cells in batches:

            def told() -> None:
                nonlocal done
                done += len(cells)  # noqa: B023 - called within this turn of the loop
                if watch is not None:
                    watch(done, all_steps)

            yield self.draw(cells, watch=told)

    def again(self, folder: TileFolder, cell: int, watch: Watch | None = None) -> None:
        """Makes one tile anew, another one each time.

        Raises `VertumnusError` for a cell that is not there, or a method that draws no tile for its cell.
        """
        if not 0 <= cell < len(self.grid):
            raise VertumnusError(
                f"`again`: there is no cell {cell}; they are numbered from 0 to {len(self.grid) - 1}"
            )
        if self.options.method in TONES:
            raise VertumnusError(f"`again`: the method {self.options.method} draws no tile for its cell")
        if cell not in self.drawn():
            raise VertumnusError(f"`again`: cell {cell} shows a photograph, which is not drawn")
        self.at_attempt(folder, cell, int(folder.state.get("attempts", {}).get(str(cell), 0)) + 1, watch)

    def at_attempt(self, folder: TileFolder, cell: int, attempt: int, watch: Watch | None = None) -> None:
        """Makes one tile as it was at an attempt, the first of which is 0."""
        steps, done = self.steps_each(), 0

        def told() -> None:
            nonlocal done
            done += 1
            if watch is not None:
                watch(done, steps)

        tile = self.draw([cell], attempt, told)[0]
        folder.write(cell_name(cell), tile)
        folder.state.setdefault("attempts", {})[str(cell)] = attempt
        folder.save()

    def steps_each(self) -> int:
        """Steps that a tile takes."""
        return max(1, int(self.options.steps * self.recipe.strength)) * self.candidates

    @property
    def candidates(self) -> int:
        """For each tile; a pool is no cell's."""
        return 1 if self.options.method in TONES else self.options.candidates

    def on_gpu(self) -> bool:
        return self.model.device.type == "cuda"


@contextmanager
def memory_told() -> Iterator[None]:
    """Lets memory that runs out be a `MemoryError`, also on a processor, where PyTorch has no error for it."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError(str(error)) from None


def cell_name(cell: int) -> str:
    """What a cell's tile is called."""
    return f"{cell:06d}"


def places_of(grid: Grid) -> NDArray[np.int64]:
    """Row and column of each cell, N x 2; of cells that are not in plain rows, row 0 and their number."""
    count = len(grid)
    columns = round(grid.width / grid.step[0]) if grid.kind == "rectangle" and grid.step[0] else count
    return np.stack(np.divmod(np.arange(count), columns), axis=-1)


def size_multiple(model: Diffusion) -> int:
    """Pixels a side that a model's pictures must be a multiple of: the autoencoder's factor, and the network's."""
    levels = len(getattr(model.unet.config, "block_out_channels", (1,)))
    return int(model.factor * 2 ** (levels - 1))


def tile_seed(seed: int, cell: int, attempt: int) -> int:
    """What a tile's own generator starts from."""
    return int(np.random.SeedSequence([seed, cell, attempt]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def model_identity(model: Diffusion) -> str:
    """A model's name and a digest of its network's weights' sums, which tells two folders of one name apart."""
    digest = hashlib.sha256()
    for name, weight in model.unet.state_dict().items():
        digest.update(name.encode() + np.float64(float(weight.double().sum())).tobytes())
    return f"{model.name}:{digest.hexdigest()[:16]}"


def _tensor(pictures: Bytes, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(pictures.astype(np.float32) / 255).movedim(-1, 1).contiguous().to(device)
