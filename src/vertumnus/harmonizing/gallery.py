"""A folder of results, a picture a seed: written one at a time, so that what is finished stays, and gone on with."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Pixels
from vertumnus.imaging.decode import open_image
from vertumnus.limits import check_depth
from vertumnus.reading import parse_json, read_file, read_named
from vertumnus.writing import atomic_write, cannot_write

FORMAT = "vertumnus/gallery"
INDEX = "gallery.json"
SHEET = "contact.png"
THUMB = 256  # pixels of a picture's longer side on the contact sheet


class Gallery:
    """Results of one collage with one set of settings, by seed.

    folder    made if it is not there
    identity  plain values that tell these results from others; a gallery of others is refused

    Raises `VertumnusError` for a folder that holds something else, or results of another collage or other settings.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder, self.identity = folder, identity
        self.pictures: dict[int, str] = {}  # by seed, the SHA-256 of the file
        self.batches: dict[int, list[int]] = {}  # by seed, those that were drawn with it
        if folder.exists() and not folder.is_dir():
            raise VertumnusError(f"{folder}: is a file; a gallery needs a folder")
        if folder.is_dir() and any(folder.iterdir()):
            found = read_index(folder)
            if found["identity"] != json.loads(json.dumps(identity)):
                raise VertumnusError(
                    f"{folder}: holds results of another collage or other settings; choose another folder"
                )
            self.pictures = {int(seed): digest for seed, digest in found["pictures"].items()}
            self.batches = {int(seed): batch for seed, batch in found.get("batches", {}).items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def path(self, seed: int) -> Path:
        """Where the result of a seed is or will be."""
        return self.folder / f"seed-{seed:04d}.png"

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Those seeds whose picture is not here, or is not the one that was written."""
        return [seed for seed in seeds if not self._whole(seed)]

    def _whole(self, seed: int) -> bool:
        path = self.path(seed)
        return path.is_file() and hashlib.sha256(read_named(path)).hexdigest() == self.pictures.get(seed)

    def put(self, seed: int, picture: Pixels, batch: Sequence[int] = ()) -> None:
        """Writes the picture of a seed, H x W x 3, and then the index.

        batch   seeds that were drawn with it, itself among them
        """
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "PNG")
        with atomic_write(self.path(seed)) as file:
            file.write(stream.getvalue())
        self.pictures[seed] = hashlib.sha256(stream.getvalue()).hexdigest()
        self.batches[seed] = list(batch) or [seed]
        index = {
            "format": FORMAT,
            "identity": self.identity,
            "pictures": dict(sorted(self.pictures.items())),
            "batches": dict(sorted(self.batches.items())),
        }
        with atomic_write(self.folder / INDEX) as file:
            file.write(json.dumps(index, indent=1).encode())

    def picture(self, seed: int) -> Pixels:
        """The picture of a seed. Raises `VertumnusError` if it is not here."""
        if not self._whole(seed):
            known = ", ".join(str(n) for n in sorted(self.pictures)) or "none"
            raise VertumnusError(f"{self.folder}: there is no result of seed {seed}; there are {known}")
        with open_image(read_named(self.path(seed)), str(self.path(seed)), ("PNG",)) as image:
            return np.asarray(image.convert("RGB"))

    def contact_sheet(self) -> None:
        """Writes a sheet of all results, with their seeds."""
        seeds = sorted(self.pictures)
        if not seeds:
            return
        pictures = [Image.fromarray(self.picture(seed)) for seed in seeds]
        for picture in pictures:
            picture.thumbnail((THUMB, THUMB))
        wide, high = max(p.width for p in pictures) + 8, max(p.height for p in pictures) + 24
        columns = min(len(pictures), 5)
        sheet = Image.new("RGB", (columns * wide + 8, -(-len(pictures) // columns) * high + 8), "white")
        draw = ImageDraw.Draw(sheet)
        for n, (seed, picture) in enumerate(zip(seeds, pictures, strict=True)):
            left, top = n % columns * wide + 8, n // columns * high + 8
            sheet.paste(picture, (left, top))
            draw.text((left, top + picture.height + 3), str(seed), fill="black")
        stream = io.BytesIO()
        sheet.save(stream, "PNG")
        with atomic_write(self.folder / SHEET) as file:
            file.write(stream.getvalue())


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a gallery. Raises `VertumnusError` if the folder is not one."""
    path = folder / INDEX
    try:
        found = parse_json(read_file(path, 1 << 24), path)
    except OSError:
        raise VertumnusError(f"{folder}: is not a gallery, and not empty; choose another folder") from None
    except VertumnusError:
        raise VertumnusError(f"{path}: is damaged; choose another folder") from None
    fields = {"format": str, "identity": dict, "pictures": dict}
    if not isinstance(found, dict) or not all(isinstance(found.get(name), kind) for name, kind in fields.items()):
        raise VertumnusError(f"{path}: is damaged; choose another folder")
    try:
        check_depth(found["identity"])
    except ValueError as error:
        raise VertumnusError(f"{path}: identity: {error}") from None
    for name in ("prompt", "layer", "model"):
        if not isinstance(found["identity"].get(name), str | None):
            raise VertumnusError(f"{path}: identity.{name}: is not a text; choose another folder")
    seeds_and_digests = found["pictures"].items()
    if found["format"] != FORMAT or not all(
        seed.isdecimal() and isinstance(digest, str) for seed, digest in seeds_and_digests
    ):
        raise VertumnusError(f"{path}: is not the index of a gallery; choose another folder")
    batches = found.get("batches", {})
    if not isinstance(batches, dict) or not all(
        seed.isdecimal() and isinstance(batch, list) and all(type(one) is int for one in batch) and int(seed) in batch
        for seed, batch in batches.items()
    ):
        raise VertumnusError(f"{path}: is damaged; choose another folder")
    return found
