"""From what a person names (folders, globs, files, icons) to elements, with a line for each one skipped."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from vertumnus.elements.cache import ElementCache, file_digest
from vertumnus.elements.element import MAX_SIDE, Element, make_element
from vertumnus.elements.icons import icon_element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import PICTURE_SUFFIXES
from vertumnus.limits import MAX_TEXT_BYTES
from vertumnus.reading import legible, parse_json, read_file

Progress = Callable[[int, int], None]


LISTING = "elements.json"  # what cutting writes beside the objects
LABEL = 200  # characters of a label


@dataclass
class Collection:
    """Elements ready to be placed, and what could not be used: (name, reason)."""

    elements: list[Element] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def collect(
    sources: Sequence[str | Path],
    *,
    max_side: int = MAX_SIDE,
    colours: Sequence[str] = (),
    cache_folder: Path | None = None,
    progress: Progress | None = None,
) -> Collection:
    """Makes every picture that ``sources`` name ready for placing, in a stable order.

    sources    folders (searched throughout), globs, files, and ``icon:NAME`` for an icon
    max_side   longer pictures are stored shrunk to this many pixels
    colours    CSS colours that icons take in turn; black when there are none
    cache_folder   in place of the user's cache folder
    progress   called with (done, all) after each picture

    Raises `VertumnusError` if a source does not exist or no picture can be used.
    """
    found = Collection()
    jobs = list(_expand(sources, found))
    labels = _Labels(found)
    cache = ElementCache(cache_folder)
    try:
        prepared = _prepare(jobs, cache, max_side, list(colours), found)
        for done, (job, element) in enumerate(zip(jobs, prepared, strict=True), 1):
            if element is not None:
                label = labels.of(job) if isinstance(job, Path) else ""
                found.elements.append(replace(element, label=label) if label else element)
            if progress is not None:
                progress(done, len(jobs))
    finally:
        cache.close()
    if not found.elements:
        first = f" ({found.skipped[0][1]})" if found.skipped else ""
        raise VertumnusError(f"{_named(sources)}: there is no picture to place{first}")
    return found


def expand_files(sources: Sequence[str | Path], skipped: list[tuple[str, str]]) -> list[Path]:
    """The picture files that sources name, in a stable order, each once.

    skipped   takes (name, reason) of files that are no pictures

    Raises `VertumnusError` if a source does not exist or holds none.
    """
    found = Collection()
    files = [Path(file) for file in _expand([s for s in sources if not str(s).startswith("icon:")], found)]
    skipped += found.skipped
    if not files:
        raise VertumnusError(f"{_named(sources)}: there is no picture")
    return files


class _Labels:
    """What the listing beside cut-out objects says that they show; each folder's is read once."""

    def __init__(self, found: Collection) -> None:
        self._found = found
        self._folders: dict[Path, dict[str, str]] = {}

    def of(self, file: Path) -> str:
        """A file's label, or nothing."""
        if file.parent not in self._folders:
            self._folders[file.parent] = self._read(file.parent / LISTING)
        return self._folders[file.parent].get(file.name, "")

    def _read(self, listing: Path) -> dict[str, str]:
        try:
            entries = parse_json(read_file(listing, MAX_TEXT_BYTES), listing)["elements"]
            labels = {str(entry["file"]): entry.get("label", "") for entry in entries}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._found.skipped.append((str(listing), "cannot be read as a listing of objects; they have no labels"))
            return {}
        return {name: label[:LABEL] for name, label in labels.items() if isinstance(label, str)}


def _named(sources: Sequence[str | Path]) -> str:
    return ", ".join(map(str, sources[:3])) + (", ..." if len(sources) > 3 else "") or "no source given"


def _expand(sources: Sequence[str | Path], found: Collection) -> Iterator[Path | str]:
    """Files, and icons as their names, each file once."""
    seen: set[Path] = set()
    for source in sources:
        text = str(source)
        if text.startswith("icon:"):
            yield from (f"icon:{name.strip()}" for name in text.removeprefix("icon:").split(","))
            continue
        path = Path(source)
        if path.is_dir():
            files = _pictures_in(path, found)
        elif path.exists():
            files = [path]
        elif glob.has_magic(text):
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
            files = [match for match in matches if not match.is_dir()]
            if not files:
                raise VertumnusError(f"{text}: no file matches")
        else:
            raise VertumnusError(f"{text}: there is no such file or folder")
        for file in files:
            if file not in seen:
                seen.add(file)
                yield file


def _pictures_in(folder: Path, found: Collection) -> list[Path]:
    pictures, others = [], []
    try:
        for file in sorted(folder.rglob("*")):
            if file.is_dir() or any(part.startswith(".") for part in file.relative_to(folder).parts):
                continue
            if file.suffix.lower() in PICTURE_SUFFIXES:  # what is no file says so when it is read
                pictures.append(file)
            elif file.is_file() and file.name != LISTING:
                others.append(file.name)
    except OSError as error:
        raise VertumnusError(f"{folder}: cannot be searched ({error.strerror})") from None
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        found.skipped.append((legible(str(folder / others[0])) + more, "not a picture file"))
    if not pictures:
        raise VertumnusError(f"{folder}: the folder holds no picture")
    return pictures


def _prepare(
    jobs: list[Path | str], cache: ElementCache, max_side: int, colours: list[str], found: Collection
) -> Iterator[Element | None]:
    """Elements in the order of the jobs; pictures not in the cache are made in parallel."""

    def make(path: Path) -> tuple[Element, str]:
        data = read_file(path)
        return make_element(data, path, str(path), legible(path.stem), max_side), file_digest(data)

    workers = os.cpu_count() or 1
    waiting: deque[tuple[Path, Element | Future[tuple[Element, str]] | VertumnusError]] = deque()

    def settle() -> Element | None:
        path, result = waiting.popleft()
        try:
            if isinstance(result, Future):
                element, digest = result.result()
                cache.keep(path, digest, max_side, element)
                return element
            if isinstance(result, VertumnusError):
                raise result
            return result
        except VertumnusError as error:
            found.skipped.append((legible(str(path)), legible(str(error).removeprefix(f"{path}: "))))
        except OSError as error:
            found.skipped.append((legible(str(path)), f"cannot be read ({error.strerror or error})"))
        return None

    with ThreadPoolExecutor(workers) as pool:
        icons = 0
        for job in jobs:
            if isinstance(job, str):
                colour = colours[icons % len(colours)] if colours else "black"
                waiting.append((Path(job), icon_element(job.removeprefix("icon:"), colour)))
                icons += 1
            else:
                try:
                    digest = cache.digest(job)
                    known = cache.find(digest, max_side, legible(job.stem), job) if digest else None
                except OSError as error:
                    waiting.append((job, VertumnusError(f"cannot be read ({error.strerror})")))
                else:
                    waiting.append((job, known or pool.submit(make, job)))
            while len(waiting) > 4 * workers:  # no more than a few decoded pictures in memory at once
                yield settle()
        while waiting:
            yield settle()


Sources = str | Path | Sequence[str | Path | Element] | Collection


def gather(sources: Sources, needed: bool = True, colours: Sequence[str] = ()) -> Collection:
    """Whatever names elements as a collection: files to be read, elements made ready before, or both.

    needed    whether nothing at all is an error
    colours   CSS colours that icons take in turn; black when there are none

    Raises `VertumnusError` as `collect` does.
    """
    if isinstance(sources, Collection):
        return sources
    if isinstance(sources, str | Path):
        return collect([sources], colours=colours)
    ready = [item for item in sources if isinstance(item, Element)]
    named = [item for item in sources if not isinstance(item, Element)]
    found = collect(named, colours=colours) if named or (not ready and needed) else Collection()
    return Collection(ready + found.elements, found.skipped)


def as_text(sources: Sources) -> list[str]:
    """What a document says of where its elements came from."""
    if isinstance(sources, Collection):
        return [element.name for element in sources.elements]
    if isinstance(sources, str | Path):
        return [str(sources)]
    return [item.name if isinstance(item, Element) else str(item) for item in sources]
