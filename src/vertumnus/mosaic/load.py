"""Reading a mosaic: a collage whose pictures are found again in the indexes, or a document of the first version."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.document.pictures import HASH_DIGITS
from vertumnus.errors import VertumnusError, about
from vertumnus.limits import MAX_CANVAS, MAX_LENGTH, MAX_SEED, check_whole
from vertumnus.mosaic.collage import Cells, canvas_size, make_collage, parse_size, resized
from vertumnus.mosaic.library.library import Tile, TileLibrary
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.library.record import cut_size
from vertumnus.mosaic.library.store import NAME
from vertumnus.mosaic.library.thumbnails import find_thumbnails
from vertumnus.mosaic.match.grid import Grid, Kind
from vertumnus.mosaic.match.reference import read_reference
from vertumnus.mosaic.match.tone import Tone
from vertumnus.reading import read_head, read_json, read_named

FIRST = "vertumnus/mosaic"  # the format of mosaics before they were collages
COLUMNS = (
    "left", "top", "right", "bottom", "tile", "crop_left", "crop_top", "crop_right", "crop_bottom", "turn", "flip",
    "cost",
)  # fmt: skip


def load_mosaic(
    path: str | Path,
    *,
    reference: str | Path | None = None,
    tone: str | None = None,
    size: str | int | tuple[int, int] | None = None,
) -> Collage:
    """Reads a mosaic: a ``*.collage``, a ``.json`` with links to its tiles, or the ``.json`` of version 0.1.

    reference, tone   in place of the document's own
    size              of the canvas, see `make_mosaic`

    Where the tiles' indexes are still there, their thumbnails serve cells that are small enough. Raises
    `VertumnusError` naming the file and the field for anything that is not a whole, consistent mosaic.
    """
    path = Path(path)
    given = {"`size`": size, "`tone`": tone, str(reference): reference}
    with about(path, *(name for name, value in given.items() if value is not None)):
        try:
            if is_first_version(path):
                return _load_first(path, reference, tone, size)
            return _load(path, reference, tone, size)
        except OSError as error:  # a name in it is none that the system has
            raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None


def _load(
    path: Path, reference: str | Path | None, tone: str | None, size: str | int | tuple[int, int] | None
) -> Collage:
    collage = Collage.load(path)
    if collage.made_by is None or collage.made_by.tool != "mosaic":
        raise VertumnusError(f"{path}: made_by: not a mosaic")
    _check_report(path, collage.made_by.report)
    folders = collage.made_by.inputs.get("tiles", [])
    known = _find_previews(collage, folders) if isinstance(folders, list) else {}
    if reference is not None or tone is not None:
        collage = _toned_anew(path, collage, known, reference, tone)
    return collage if size is None else resized(collage, *parse_size(size, collage.width, collage.height), path)


def _check_report(path: Path, report: dict[str, Any]) -> None:
    """Raises `VertumnusError` unless the figures of a mosaic's report are numbers, those there must be among them."""
    needed = ["repeats"] if "tiles_used" in report else []
    needed += ["most_uses", "repeat_distance"] if needed and report.get("repeats") else []
    for name in (*needed, *({"tiles_used", "tiles", "gap", "clipped"} & report.keys())):
        value = report.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if value is None and name not in needed:
                continue
            raise VertumnusError(f"{path}: made_by.report.{name}: is not a number")


def is_first_version(path: Path) -> bool:
    """Whether a file is a mosaic's document of version 0.1."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    return f'"{FIRST}"'.encode() in read_head(path, 256)


def _find_previews(collage: Collage, folders: list[Any]) -> dict[str, Tile]:
    """Lets thumbnails of indexes that are still there serve; returns the tiles found, by their pictures' names."""
    known: dict[str, Tile] = {}
    linked = {name: collage.pictures.linked(name) for name in {layer.image for layer in collage.layers}}
    wanted = {name.rpartition("/")[2].partition(".")[0]: name for name, path in linked.items() if path is not None}
    reach: dict[str, tuple[int, int]] = {}
    for layer in collage.layers:
        left, top, width, height = layer.crop or (0, 0, 1, 1)
        across, down = reach.get(layer.image, (1, 1))
        reach[layer.image] = max(across, left + width), max(down, top + height)
    for entry in folders:
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            continue
        index = entry.get("index")
        try:
            library = TileLibrary([entry["path"]], index if isinstance(index, str) else None)
            tiles = [tile for tile in library.tiles() if tile.digest[:HASH_DIGITS] in wanted]
        except VertumnusError:  # the pictures themselves are enough
            continue
        # What is said of a picture that it cannot be, by what is shown of it, is an index's that has gone wrong.
        tiles = [
            tile
            for tile in tiles
            for across, down in [reach[wanted[tile.digest[:HASH_DIGITS]]]]
            if tile.width >= across and tile.height >= down
        ]
        for tile, thumbnail in zip(tiles, find_thumbnails(tiles), strict=True):
            name = wanted[tile.digest[:HASH_DIGITS]]
            path = linked[name]
            assert path is not None
            known[name] = tile._replace(path=path)
            if collage.pictures.link(path, tile.digest, (tile.width, tile.height)) == name and thumbnail is not None:
                thumbnail.serve(collage.pictures, name, tile)
    return known


def _toned_anew(
    path: Path, collage: Collage, known: dict[str, Tile], reference: str | Path | None, tone: str | None
) -> Collage:
    """The same tiles in the same cells, with another tone or reference."""
    made_by = collage.made_by
    assert made_by is not None
    kept = made_by.options.get("tone")
    wanted = Tone.parse(tone) if tone is not None else _kept_tone(path, kept if isinstance(kept, str) else "none")
    source = made_by.inputs.get("reference", {})
    given = reference or (source.get("path") if isinstance(source, dict) else None)
    if given is None:
        raise VertumnusError(f"{path}: made_by.inputs.reference: does not say which picture was rebuilt; name it")
    tiles: dict[str, int] = {}
    rows = []
    for index, layer in enumerate(collage.layers):
        file = collage.pictures.linked(layer.image)
        if file is None or layer.crop is None or round(layer.rotation) % 90:
            raise VertumnusError(
                f"{path}: layers[{index}]: is a picture of its own and no part of a tile; make the mosaic anew for"
                " another tone"
            )
        if layer.image not in known:
            data = read_named(file)
            width, height = collage.pictures.size(layer.image)
            known[layer.image] = Tile(file, hashlib.sha256(data).hexdigest(), width, height, index_place(file.parent))
        tile = known[layer.image]
        if layer.crop[0] + layer.crop[2] > tile.width or layer.crop[1] + layer.crop[3] > tile.height:
            raise VertumnusError(
                f"{path}: layers[{index}].crop: reaches beyond its {tile.width} x {tile.height} pixels"
            )
        across, down = cut_size(tile.width, tile.height)
        left, top = layer.crop[0] - (tile.width - across) // 2, layer.crop[1] - (tile.height - down) // 2
        turn = round(layer.rotation / 90) % 4
        wide, tall = layer.crop[2] * layer.scale / 2, layer.crop[3] * layer.scale * layer.squeeze / 2
        if turn % 2:
            wide, tall = tall, wide
        rows.append((
            layer.x - wide, layer.y - tall, layer.x + wide, layer.y + tall, tiles.setdefault(layer.image, len(tiles)),
            left / across, top / down, (left + layer.crop[2]) / across, (top + layer.crop[3]) / down, turn,
            layer.flip,
        ))  # fmt: skip
    if not rows:
        raise VertumnusError(f"{path}: layers: there is none, and nothing to give a tone")
    table = np.array(rows)
    hexagons = any(layer.outline == "hexagon" for layer in collage.layers)
    step = (float(table[0, 2] - table[0, 0]), float(table[0, 3] - table[0, 1]) * 3 / 4) if hexagons else (0.0, 0.0)
    grid = Grid(collage.width, collage.height, table[:, :4], "hexagon" if hexagons else "rectangle", step)
    cells = Cells(
        grid, wanted, [known[name] for name in tiles], table[:, 4].astype(np.int64), table[:, 5:9],
        table[:, 9].astype(np.int64), table[:, 10] == 1, np.zeros(len(table)), dict(made_by.report),
    )  # fmt: skip
    image = read_reference(Path(given))[0] if wanted.method != "none" else None
    about = {
        "options": made_by.options | {"tone": str(wanted)},
        "inputs": made_by.inputs | {"reference": {"path": str(given)}},
    }
    return make_collage(cells, image, (collage.width, collage.height), about, collage.seed)


def _load_first(
    path: Path, reference: str | Path | None, tone: str | None, size: str | int | tuple[int, int] | None
) -> Collage:
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FIRST:
        raise VertumnusError(f"{path}: format: not a mosaic")
    if document.get("version") != 1:
        raise VertumnusError(f"{path}: version: {document.get('version')!r} is not known, only 1 is")
    try:
        cells = _parse(path, document)
        given = Path(reference or document["reference"])
        if tone is not None:
            cells.tone = Tone.parse(tone)
        image = read_reference(given)[0] if cells.tone.method != "none" else None
        made_by = {"options": dict(document["options"]), "inputs": {"reference": {"path": str(given)}}}
        seed = check_whole("seed", document["seed"], 0, MAX_SEED)
        with about(path):  # whatever size is asked for: the other side follows from the document
            canvas = canvas_size(cells.grid, size)
        return make_collage(cells, image, canvas, made_by, seed)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
        if isinstance(error, VertumnusError):
            raise
        raise VertumnusError(f"{path}: not a whole mosaic ({type(error).__name__}: {error})") from None


def _parse(path: Path, document: dict[str, Any]) -> Cells:
    def refuse(field: str, problem: str) -> VertumnusError:
        return VertumnusError(f"{path}: {field}: {problem}")

    if document["cells"] not in get_args(Kind):
        raise refuse("cells", f"{document['cells']!r} is not one of {', '.join(get_args(Kind))}")
    if tuple(document["columns"]) != COLUMNS:
        raise refuse("columns", "not those of a mosaic")
    rows = np.array(document["rows"], np.float64)
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(COLUMNS) or not (np.abs(rows) <= MAX_LENGTH).all():
        raise refuse("rows", f"must be lists of {len(COLUMNS)} numbers, none beyond {MAX_LENGTH:g}")
    tiles = [
        Tile(
            Path(name),
            str(digest),
            check_whole("tiles", w, 1, MAX_CANVAS),
            check_whole("tiles", h, 1, MAX_CANVAS),
            _store(Path(place)),
        )
        for name, digest, w, h, place in document["tiles"]
    ]
    if not all(len(bytes.fromhex(tile.digest)) == 32 for tile in tiles):
        raise refuse("tiles", "must have a size and the SHA-256 of their bytes")
    tile, crop, turn = rows[:, 4].astype(np.int64), rows[:, 5:9], rows[:, 9].astype(np.int64)
    width, height = float(document["width"]), float(document["height"])
    if not (0 < width <= MAX_LENGTH and 0 < height <= MAX_LENGTH):
        raise refuse("width, height", f"must be above 0 and at most {MAX_LENGTH:g}")
    if not ((tile >= 0) & (tile < len(tiles))).all():
        raise refuse("rows", f"name a tile that is not one of the {len(tiles)}")
    if (rows[:, 2:4] <= rows[:, :2]).any():
        raise refuse("rows", "hold a cell without area")
    if (crop[:, :2] < -1e-9).any() or (crop[:, 2:] > 1 + 1e-9).any() or (crop[:, 2:] <= crop[:, :2]).any():
        raise refuse("rows", "hold a crop that is not within its tile")
    if not ((turn >= 0) & (turn < 4)).all():
        raise refuse("rows", "hold a turn that is not 0 to 3")
    across, down = document["step"]
    boxes = rows[:, :4].copy()
    if document["cells"] == "hexagon":
        if not (0 < across <= MAX_LENGTH and 0 < down < 2 * height):
            raise refuse("step", "must be above 0 and within the picture")
        # Version 0.1 filled the notches between the outermost points; now those rows reach a little further.
        taller = height / (height - down / 3)
        boxes[:, [1, 3]] = (boxes[:, [1, 3]] - down / 6) * taller
        down *= taller
    grid = Grid(width, height, boxes, cast(Kind, document["cells"]), (float(across), float(down)))
    flip, cost, report = rows[:, 10].astype(bool), rows[:, 11], dict(document["report"])
    return Cells(grid, _kept_tone(path, document["tone"]), tiles, tile, crop, turn, flip, cost, report)


def _kept_tone(path: Path, text: str) -> Tone:
    """The tone that a document says."""
    with about(path):
        return Tone.parse(text)


def _store(place: Path) -> Path:
    """Where the index of a tile is, given what a document says: that place, or the folder of pictures."""
    return place if (place / NAME).exists() else index_place(place)
