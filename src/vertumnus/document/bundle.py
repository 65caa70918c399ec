"""The collage on disk: ``collage.json`` beside ``elements/``, or the two in one zip, ``*.collage``."""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from pydantic import ValidationError

from vertumnus.archive import list_members, read_member
from vertumnus.checked import first_problem
from vertumnus.document.migrate import migrate
from vertumnus.document.pictures import check_hash
from vertumnus.document.table import TABLE, layer_fields, table_of
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_JSON_BYTES, MAX_PICTURE_BYTES, MAX_SVG_BYTES, MAX_UNPACKING
from vertumnus.reading import check_characters, check_parts, legible, open_file, read_file
from vertumnus.writing import atomic_write, cannot_write

if TYPE_CHECKING:
    from vertumnus.document.collage import Collage

JSON_NAME = "collage.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same collage is the same bytes, whenever it is saved

C = TypeVar("C", bound="Collage")


def load(model: type[C], path: Path) -> C:
    """See `Collage.load`."""
    if path.is_dir():
        path = path / JSON_NAME
    try:
        with open_file(path) as stream:
            if zipfile.is_zipfile(stream):
                return _load_zip(model, path, stream)
        if path.suffix == ".collage":
            raise VertumnusError(f"{path}: not a collage, the file is not a whole zip archive")
        return _load_folder(model, path)
    except FileNotFoundError:
        raise VertumnusError(f"{path}: there is no such file") from None
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None


def _load_zip(model: type[C], path: Path, stream: BinaryIO) -> C:
    members = {}
    for info in list_members(stream, str(path)):
        name = info.filename
        if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
            raise VertumnusError(f"{path}: {name}: the name leaves the collage's own folder")
        if name in members:
            raise VertumnusError(f"{path}: {name}: the archive holds this name twice")
        limit = MAX_JSON_BYTES if name == JSON_NAME else MAX_PICTURE_BYTES
        if info.file_size > limit or (
            name != JSON_NAME and info.file_size > MAX_UNPACKING * max(info.compress_size, 1 << 16)
        ):
            raise VertumnusError(f"{path}: {name}: unpacks to {info.file_size:,} bytes, which is too much")
        members[name] = info

    def read(name: str) -> bytes | None:
        return read_member(stream, members[name], str(path), MAX_PICTURE_BYTES) if name in members else None

    if JSON_NAME not in members:
        raise VertumnusError(f"{path}: {JSON_NAME}: missing, so this is not a collage")
    collage = _parse(
        model, read_member(stream, members[JSON_NAME], str(path), MAX_JSON_BYTES), f"{path}: {JSON_NAME}"
    )
    if collage.linked:
        raise VertumnusError(f"{path}: {JSON_NAME}: linked: a *.collage holds all of its pictures")
    for name in [*used_pictures(collage), *_beside(collage)]:
        if name in members:
            collage.pictures.add_member(name, path)
        if name in collage.drawings:
            collage.pictures.add_drawing_member(name, collage.drawings[name], path)
    _check_pictures(collage, read, f"{path}: {JSON_NAME}")
    return collage


def _load_folder(model: type[C], path: Path) -> C:
    collage = _parse(model, read_file(path, MAX_JSON_BYTES), str(path))
    folder = path.parent.resolve()

    def read(name: str) -> bytes | None:
        file = folder / name
        if not file.exists():
            return None
        if not file.resolve().is_relative_to(folder):
            raise VertumnusError(f"{path}: {name}: is a link that leaves the collage's own folder")
        return read_file(file, MAX_PICTURE_BYTES)

    for name in used_pictures(collage):
        if name in collage.linked:
            collage.pictures.add_link(name, folder / collage.linked[name])
        else:
            collage.pictures.add_source(name, folder / name)
    for name in _beside(collage):
        if name not in collage.pictures and (folder / name).is_file():
            collage.pictures.add_source(name, folder / name)
    for name, drawn in collage.drawings.items():
        collage.pictures.add_drawing(name, folder / drawn, drawn)
    _check_pictures(collage, read, str(path))
    return collage


def _check_pictures(collage: Collage, read: Callable[[str], bytes | None], where: str) -> None:
    """Every picture the layers name is there, is what its name says and has a sane size; crops are within.

    Linked pictures, photographs perhaps by the thousand, are looked at when they are drawn.
    """
    sizes: dict[str, tuple[int, int] | None] = {}
    for index, layer in enumerate(collage.layers):
        if layer.image not in sizes:
            if collage.pictures.linked(layer.image) is not None:
                sizes[layer.image] = None
                continue
            data = read(layer.image)
            if data is None:
                raise VertumnusError(f"{where}: layers[{index}].image: {layer.image} is missing")
            check_hash(layer.image, data, where)
            sizes[layer.image] = collage.pictures.keep_size(
                layer.image, data, f"{where}: layers[{index}].image: {layer.image}"
            )
        size = sizes[layer.image]
        if size is not None and layer.crop is not None:
            left, top, width, height = layer.crop
            if left + width > size[0] or top + height > size[1]:
                raise VertumnusError(
                    f"{where}: layers[{index}].crop: reaches beyond the picture of {size[0]} x {size[1]} pixels"
                )
    for name in _beside(collage):
        data = read(name) if name not in sizes else None
        if data is not None:
            check_hash(name, data, where)
            sizes[name] = collage.pictures.keep_size(name, data, f"{where}: made_by.pictures: {name}")
    for name, drawn in collage.drawings.items():
        data = read(drawn) if name in collage.pictures else None
        if data is None:
            why = f"{drawn} is missing" if name in collage.pictures else f"{name} is no picture of the collage"
            raise VertumnusError(f"{where}: drawings: {why}")
        if len(data) > MAX_SVG_BYTES:
            raise VertumnusError(f"{where}: drawings: {drawn}: {len(data):,} bytes is too much for an SVG")
        check_hash(drawn, data, where)


def _parse(model: type[C], data: bytes, where: str) -> C:
    check_parts(data, where)

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number a collage can hold")

    def no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            name, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise ValueError(f"the field {name!r} stands twice in one object")
        return found

    try:
        document = json.loads(data.decode(), parse_constant=refuse, object_pairs_hook=no_repeats)
    except (ValueError, RecursionError) as error:
        raise VertumnusError(f"{where}: not readable JSON ({error})") from None
    check_characters(data, document, where)
    try:
        collage = model.model_validate(migrate(document, where))
        collage.name_layers()
    except ValidationError as error:
        raise VertumnusError(f"{where}: {first_problem(error)}") from None
    except VertumnusError as error:
        raise error if str(error).startswith(where) else VertumnusError(f"{where}: {error}") from None
    return collage


def save(collage: Collage, path: Path) -> None:
    """See `Collage.save`."""
    if path.suffix == ".collage":
        _save_zip(collage, path)
    elif path.suffix == ".json":
        _save_folder(collage, path)
    else:
        raise VertumnusError(f"{path}: a collage is saved as *.collage or as *.json")


def used_pictures(collage: Collage) -> list[str]:
    """The names of the pictures the layers show, each once, in order of first use."""
    return list(dict.fromkeys(layer.image for layer in collage.layers))


def kept_pictures(collage: Collage) -> list[str]:
    """The names of the pictures that are saved: those of the layers, and those kept for making it again."""
    beside = (name for name in _beside(collage) if name in collage.pictures)
    return list(dict.fromkeys([*used_pictures(collage), *beside]))


def kept_drawings(collage: Collage) -> dict[str, str]:
    """The names of the drawings that are saved, by those of their pictures."""
    named = ((name, collage.pictures.drawing_name(name)) for name in kept_pictures(collage))
    return {name: drawn for name, drawn in named if drawn is not None}


def _beside(collage: Collage) -> list[str]:
    return collage.made_by.pictures if collage.made_by else []


def to_json(collage: Collage, folder: Path | None = None) -> bytes:
    """The document as JSON, a layer to a line, numbers written so that they read back the same.

    folder   that linked pictures are named relative to; without one they are named as the collage's own

    Raises `VertumnusError` for text that is no Unicode or a number that is none.
    """
    collage.name_layers()
    linked = {} if folder is None else _links(collage, folder)
    document = collage.model_dump(mode="json", exclude={"layers", "linked", "drawings"})
    made_by = document.pop("made_by")
    if document["clip"] is None:
        del document["clip"]
    if linked:
        document["linked"] = linked
    if drawings := kept_drawings(collage):
        document["drawings"] = drawings
    try:
        parts = [json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")]
        if len(collage.layers) >= TABLE:
            parts.append('"layers": ' + table_of(collage.layers))
        else:
            rows = [json.dumps(layer_fields(layer), ensure_ascii=False, allow_nan=False) for layer in collage.layers]
            parts.append('"layers": ' + ("[\n  " + ",\n  ".join(rows) + "\n ]" if rows else "[]"))
        tail = json.dumps({"made_by": made_by}, ensure_ascii=False, indent=1, allow_nan=False)
        parts.append(tail.removeprefix("{\n ").removesuffix("\n}"))
        return legible(",\n ".join(parts) + "\n}\n").encode()
    except (ValueError, RecursionError) as error:
        raise VertumnusError(f"collage: cannot be written as JSON ({error})") from None


def _links(collage: Collage, folder: Path) -> dict[str, str]:
    found = {}
    for name in used_pictures(collage):
        path = _linked(collage, name)
        if path is not None:
            try:
                found[name] = Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
            except ValueError:  # on another drive
                found[name] = path.absolute().as_posix()
    return found


def _linked(collage: Collage, name: str) -> Path | None:
    """Where a picture lies that the document links to: one whose name is no text is taken in instead."""
    path = collage.pictures.linked(name)
    return path if path is not None and legible(str(path)) == str(path) else None


def _save_zip(collage: Collage, path: Path) -> None:
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w") as bundle:
        _add(bundle, JSON_NAME, to_json(collage), zipfile.ZIP_DEFLATED)
        for name in kept_pictures(collage):
            _add(bundle, name, collage.pictures.read(name), zipfile.ZIP_STORED)
        for drawn, name in _by_drawing(collage).items():
            _add(bundle, drawn, _drawn(collage, name), zipfile.ZIP_DEFLATED)


def _by_drawing(collage: Collage) -> dict[str, str]:
    """Each drawing that is saved once, and a picture that was made of it."""
    return {drawn: name for name, drawn in reversed(kept_drawings(collage).items())}


def _drawn(collage: Collage, name: str) -> bytes:
    data = collage.pictures.drawing(name)
    assert data is not None
    return data


def _add(bundle: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    bundle.writestr(info, data)


def _save_folder(collage: Collage, path: Path) -> None:
    text = to_json(collage, path.parent)
    folder = path.parent / "elements"
    stored = [name for name in kept_pictures(collage) if _linked(collage, name) is None]
    if stored or kept_drawings(collage):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
    drawings = _by_drawing(collage)
    for name in [*stored, *drawings]:
        file = path.parent / name
        data = _drawn(collage, drawings[name]) if name in drawings else collage.pictures.read(name)
        # Named by content: one that is there whole is the same picture.
        if not (file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data):
            with atomic_write(file, wait=False) as stream:
                stream.write(data)
    with atomic_write(path) as stream:
        stream.write(text)
