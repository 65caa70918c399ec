"""What is taken away: every file the command line writes, and the line that would write the same."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.output import KINDS, write_output
from vertumnus.export.pdf import PrintOptions
from vertumnus.export.video import save_video
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import MAX_SCALE, MIN_SCALE, check_number
from vertumnus.render.picture import picture_size
from vertumnus.studio.film import KINDS as KINDS_OF_FILM
from vertumnus.studio.film import RATE, Film

FORMATS = tuple(kind.removeprefix(".") for kind in KINDS if kind not in (".jpeg", ".tiff"))
MORE = ("html", "csv")  # of clouds of words, and of mosaics
ALIASES = {"jpeg": "jpg", "tiff": "tif"}
MOST_PIXELS = 400_000_000  # of a picture that a browser asks for; the command line draws larger ones
AGAIN = ("pack", "compose", "harmonize", "words")
TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tif": "image/tiff", "svg": "image/svg+xml",
    "pdf": "application/pdf", "psd": "image/vnd.adobe.photoshop", "ora": "image/openraster", "html": "text/html",
    "film": "image/webp", "gif": "image/gif", "mp4": "video/mp4",
    "csv": "text/csv", "dzi": "application/zip", "json": "application/zip", "collage": "application/zip",
}  # fmt: skip


def export(
    collage: Collage, kind: str, name: str, asked: Mapping[str, str], folder: Path, film: Film | None = None
) -> tuple[Path, str]:
    """Writes an export into a new folder within ``folder``; its file, and a line that says what it is.

    kind    one of `FORMATS`, `MORE` or `vertumnus.studio.film.KINDS`; what is several files comes as one zip
    asked   scale, background, and for PDF the fields of `vertumnus.export.pdf.PrintOptions`
    film    of the last run, if there was one

    Raises `VertumnusError` for what cannot be written.
    """
    kind = ALIASES.get(kind, kind)
    if kind in KINDS_OF_FILM:
        return _film(film, kind, name, asked, folder)
    known = (*FORMATS, *MORE, *KINDS_OF_FILM)
    if kind not in known:
        raise VertumnusError(f"{kind}: is no kind of export; known are {', '.join(known)}")
    given = dict(asked)
    scale, background = _scale(given.pop("scale", "1")), given.pop("background", None) or None
    if background is not None:
        with about("`background`"):
            parse_colour(background)
    printing = _printing(given) if kind == "pdf" else None
    if given and kind != "pdf":
        raise VertumnusError(f"{next(iter(given))}: there is no such option of an export")
    if kind in ("png", "jpg", "webp", "tif", "dzi", "psd", "ora"):
        width, height = picture_size(collage, scale)
        if width * height > MOST_PIXELS:
            raise VertumnusError(
                f"scale: {width} x {height} pixels are too many for a browser; the command line draws them"
            )
    place = Path(tempfile.mkdtemp(dir=folder))
    path = place / f"{plain_name(name)}.{kind}"
    try:
        if kind in MORE:
            said = _more(collage, path, kind)
        elif kind == "dzi" and _tool(collage) == "mosaic":
            from vertumnus.mosaic.output import save_mosaic

            size = picture_size(collage, scale)
            save_mosaic(collage, path, size, bundle=True)
            said = f"{path}: {size[0]} x {size[1]} pixels, with a page and the pictures that hovering shows"
        else:
            said = write_output(collage, path, scale, background, printing)
    except VertumnusError as error:
        raise VertumnusError(str(error).replace(str(path), path.name)) from None
    said = said.replace(str(path), path.name)
    if kind in ("dzi", "json"):
        return _zipped(place, f"{path.stem}-{kind}.zip"), said
    return path, said


def _film(film: Film | None, kind: str, name: str, asked: Mapping[str, str], folder: Path) -> tuple[Path, str]:
    if film is None:
        raise VertumnusError(f"{kind}: nothing has run since the document was opened; pack or compose it first")
    if asked:
        raise VertumnusError(f"{next(iter(asked))}: there is no such option of a film")
    place = Path(tempfile.mkdtemp(dir=folder))
    path = place / f"{plain_name(name)}-run{KINDS_OF_FILM[kind]}"
    try:
        number = save_video(film.frames(), path, RATE)
    except VertumnusError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise VertumnusError(str(error).replace(str(path), path.name)) from None
    return path, f"{path.name}: {number} frames, {number / RATE:.0f} seconds"


def _tool(collage: Collage) -> str | None:
    return collage.made_by.tool if collage.made_by is not None else None


def _more(collage: Collage, path: Path, kind: str) -> str:
    tool = _tool(collage)
    if kind == "csv":
        from vertumnus.mosaic.output import save_mosaic

        if tool != "mosaic":
            raise VertumnusError("csv: is the table of a mosaic's cells, and this is none")
        save_mosaic(collage, path)
        return f"{path}: {len(collage.layers)} cells"
    if tool != "words":
        raise VertumnusError("html: is a page of words, and this is no cloud of them; dzi has a page for a mosaic")
    from vertumnus.wording.again import plan_of
    from vertumnus.wording.page import save_page

    save_page(collage, plan_of(collage).words, path, path.stem)
    return f"{path}: a page of words"


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    return check_number("scale", scale, MIN_SCALE, MAX_SCALE)


def _printing(given: dict[str, str]) -> PrintOptions:
    fields: dict[str, Any] = {}
    for name, text in given.items():
        field = PrintOptions.model_fields.get(name)
        if field is None:
            raise VertumnusError(f"{name}: there is no such option of a PDF")
        fields[name] = {"true": True, "false": False}.get(text, text)
    return PrintOptions(**fields)


def _zipped(place: Path, name: str) -> Path:
    made = place / name
    files = sorted(path for path in place.rglob("*") if path.is_file())
    with zipfile.ZipFile(made, "x", zipfile.ZIP_STORED) as bundle:
        for file in files:
            bundle.write(file, file.relative_to(place).as_posix())
    return made


def plain_name(name: str) -> str:
    """A name as that of a file anywhere.

    >>> plain_name("a/b: c")
    'a-b-c'
    """
    return re.sub(r"[^\w.()+-]+", "-", name).strip("-. ")[:80] or "collage"


def again_line(
    document: str, tool: str | None, kind: str, asked: Mapping[str, str], as_made: bool | None
) -> dict[str, Any]:
    """The commands that would make the same: of the document alone, and of the document as it is.

    document   its path within the folder
    tool       that made it
    as_made    whether it is as its tool left it; None if that is not known
    """
    stem = Path(document).stem if Path(document).name != "collage.json" else Path(document).parent.name or "collage"
    kind = ALIASES.get(kind, kind)
    if kind in KINDS_OF_FILM:
        raise VertumnusError(f"{kind}: the command line films a run while it goes on, by pack or compose --record")
    output = ["-o", f"{plain_name(stem)}-again.{kind}"]
    scale = [] if asked.get("scale", "1") in ("1", "1.0") else ["--scale", asked["scale"]]
    background = ["--background", asked["background"]] if asked.get("background") else []
    again = shlex.join(["vertumnus", "again", document, *output, *scale])
    drawn = shlex.join(["vertumnus", "render", document, *output, *scale, *background])
    if tool not in AGAIN:
        return {"command": drawn, "again": None, "render": drawn, "exact": True}
    if as_made and not background:
        return {"command": again, "again": again, "render": drawn, "exact": True}
    return {"command": drawn, "again": again, "render": drawn, "exact": as_made}
