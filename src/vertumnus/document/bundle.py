"""The collage on disk: ``collage.json`` beside ``elements/``, or the two in one zip, ``*.collage``."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from vertumnus.document.atomic import atomic_write, cannot_write
from vertumnus.document.migrate import migrate
from vertumnus.document.pictures import check_hash, open_picture
from vertumnus.errors import VertumnusError
from vertumnus.validation import first_problem

if TYPE_CHECKING:
    from vertumnus.document.collage import Collage

JSON_NAME = "collage.json"
MAX_JSON_BYTES = 256 << 20
MAX_PICTURE_BYTES = 512 << 20
MAX_RATIO = 200  # pictures are compressed already; a member that unpacks further is a bomb
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same collage is the same bytes, whenever it is saved

C = TypeVar("C", bound="Collage")


def load(model: type[C], path: Path) -> C:
    """See `Collage.load`."""
    if path.is_dir():
        path = path / JSON_NAME
    try:
        if not path.exists():
            raise VertumnusError(f"{path}: there is no such file")
        if zipfile.is_zipfile(path):
            return _load_zip(model, path)
        if path.suffix == ".collage":
            raise VertumnusError(f"{path}: not a collage, the file is not a whole zip archive")
        return _load_folder(model, path)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise VertumnusError(f"{path}: cannot be read ({error})") from None


def _load_zip(model: type[C], path: Path) -> C:
    with zipfile.ZipFile(path) as bundle:
        members = {}
        for info in bundle.infolist():
            name = info.filename
            if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
                raise VertumnusError(f"{path}: {name}: the name leaves the collage's own folder")
            if name in members:
                raise VertumnusError(f"{path}: {name}: the archive holds this name twice")
            limit = MAX_JSON_BYTES if name == JSON_NAME else MAX_PICTURE_BYTES
            if info.file_size > limit or (
                name != JSON_NAME and info.file_size > MAX_RATIO * max(info.compress_size, 1 << 16)
            ):
                raise VertumnusError(f"{path}: {name}: unpacks to {info.file_size:,} bytes, which is too much")
            members[name] = info
        if JSON_NAME not in members:
            raise VertumnusError(f"{path}: {JSON_NAME}: missing, so this is not a collage")
        collage = _parse(model, bundle.read(JSON_NAME), f"{path}: {JSON_NAME}")

        def read(name: str) -> bytes | None:
            return bundle.read(name) if name in members else None

        for name in _check_pictures(collage, read, str(path)):
            collage.pictures.add_member(name, path)
    return collage


def _load_folder(model: type[C], path: Path) -> C:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise VertumnusError(f"{path}: too large for a collage's JSON ({path.stat().st_size:,} bytes)")
    collage = _parse(model, path.read_bytes(), str(path))
    folder = path.parent.resolve()

    def read(name: str) -> bytes | None:
        file = folder / name
        if not file.is_file():
            return None
        if not file.resolve().is_relative_to(folder):
            raise VertumnusError(f"{path}: {name}: is a link that leaves the collage's own folder")
        if file.stat().st_size > MAX_PICTURE_BYTES:
            raise VertumnusError(f"{path}: {name}: {file.stat().st_size:,} bytes is too much for a picture")
        return file.read_bytes()

    for name in _check_pictures(collage, read, str(path)):
        collage.pictures.add_source(name, folder / name)
    return collage


def _check_pictures(collage: Collage, read: Callable[[str], bytes | None], where: str) -> Iterable[str]:
    """Every picture the layers name is there, is what its name says and has a sane size."""
    checked: set[str] = set()
    for index, layer in enumerate(collage.layers):
        if layer.image in checked:
            continue
        data = read(layer.image)
        if data is None:
            raise VertumnusError(f"{where}: layers[{index}].image: {layer.image} is missing")
        check_hash(layer.image, data, where)
        open_picture(io.BytesIO(data), f"{where}: layers[{index}].image: {layer.image}").close()
        checked.add(layer.image)
    for name in collage.made_by.pictures if collage.made_by else ():
        data = read(name) if name not in checked else None
        if data is not None:
            check_hash(name, data, where)
            open_picture(io.BytesIO(data), f"{where}: made_by.pictures: {name}").close()
            checked.add(name)
    return checked


def _parse(model: type[C], data: bytes, where: str) -> C:
    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number a collage can hold")

    def no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        name, count = Counter(key for key, _ in pairs).most_common(1)[0] if pairs else ("", 1)
        if count > 1:
            raise ValueError(f"the field {name!r} stands twice in one object")
        return dict(pairs)

    try:
        document = json.loads(data.decode(), parse_constant=refuse, object_pairs_hook=no_repeats)
    except (ValueError, RecursionError) as error:
        raise VertumnusError(f"{where}: not readable JSON ({error})") from None
    try:
        return model.model_validate(migrate(document, where))
    except ValidationError as error:
        raise VertumnusError(f"{where}: {first_problem(error, 'a collage')}") from None


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
    beside = collage.made_by.pictures if collage.made_by else []
    return list(dict.fromkeys([*used_pictures(collage), *(name for name in beside if name in collage.pictures)]))


def to_json(collage: Collage) -> bytes:
    """The document as JSON, a layer to a line, numbers written so that they read back the same."""
    document = collage.model_dump(mode="json")
    layers = document.pop("layers")
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    if not layers:
        lines = "[]"
    else:
        rows = (json.dumps(layer, ensure_ascii=False, allow_nan=False) for layer in layers)
        lines = "[\n  " + ",\n  ".join(rows) + "\n ]"
    head, comma, tail = text.partition(',\n "made_by"')
    return f'{head},\n "layers": {lines}{comma}{tail}\n'.encode()


def _save_zip(collage: Collage, path: Path) -> None:
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w") as bundle:
        _add(bundle, JSON_NAME, to_json(collage), zipfile.ZIP_DEFLATED)
        for name in kept_pictures(collage):
            _add(bundle, name, collage.pictures.read(name), zipfile.ZIP_STORED)


def _add(bundle: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    bundle.writestr(info, data)


def _save_folder(collage: Collage, path: Path) -> None:
    folder = path.parent / "elements"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for name in kept_pictures(collage):
        file = path.parent / name
        data = collage.pictures.read(name)
        # Named by content: one that is there whole is the same picture.
        if not (file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data):
            with atomic_write(file) as stream:
                stream.write(data)
    with atomic_write(path) as stream:
        stream.write(to_json(collage))
