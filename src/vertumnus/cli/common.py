"""What several verbs share: reading sizes, saying numbers, showing progress."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vertumnus.errors import VertumnusError, about
from vertumnus.export.deepzoom import check_replaceable
from vertumnus.export.picture import DEEP_ZOOM, FORMATS
from vertumnus.limits import MAX_CANVAS, MAX_SCALE, MIN_SCALE, check_number
from vertumnus.mosaic.library.place import BESIDE
from vertumnus.writing import check_apart, check_writable

if TYPE_CHECKING:
    from vertumnus.elements.collect import Collection

REASONS_SHOWN = 4  # in a summary
SKIPPED_SHOWN = 5  # files skipped for one reason that have a line each
DOCUMENTS = (".collage", ".json")


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of ``600`` or ``800x600``.

    Raises `VertumnusError` for anything else.
    """
    width, cross, height = text.lower().partition("x")
    try:
        size = int(width), int(height if cross else width)
    except ValueError:
        raise VertumnusError(f"--size: {text!r} is not a size; write 600 or 800x600") from None
    if not all(1 <= side <= MAX_CANVAS for side in size):
        raise VertumnusError(f"--size: {text!r} is not a size between 1 and {MAX_CANVAS:,} pixels a side")
    return size


def place_of_indexes(index: Path | None, beside: bool) -> str | Path | None:
    """Where the indexes of folders of pictures lie, as ``--index`` and ``--beside`` say."""
    if beside and index is not None:
        raise VertumnusError("`index` and `beside` both say where the index lies; give one of them")
    return BESIDE if beside else index


def check_outputs(
    paths: list[Path], inputs: Iterable[str | Path | None] = (), whole: bool = False, scale: float = 1.0
) -> None:
    """Raises `VertumnusError` if an output's suffix is unknown, its place cannot be written, or it is an input.

    inputs      files, folders and globs that are read
    whole       whether the verb writes collages whole, and so deep zooms and layers for editors, too
    scale       of the pictures written; refused if it is no scale
    """
    check_number("--scale", scale, MIN_SCALE, MAX_SCALE)
    for path in paths:
        known = [*DOCUMENTS, ".svg", *FORMATS, *((".ora", ".psd", ".pdf", DEEP_ZOOM) if whole else ())]
        if path.suffix.lower() not in known:
            raise VertumnusError(f"{path}: unknown kind of output; known are {', '.join(known)}")
        check_writable(path)
        if path.suffix.lower() == DEEP_ZOOM:
            check_replaceable(path)
    check_apart(paths, inputs)


def about_start(start: Path | None, *others: object) -> contextlib.AbstractContextManager[None]:
    """What goes wrong with a collage that was started from names it, if it names no option and no other file."""
    if start is None:
        return contextlib.nullcontext()
    return about(start, "`", "--", *(one for one in others if one is not None and str(one)))


def bar(*notes: str) -> Progress:
    """A progress bar on the terminal's error stream that leaves no trace; ``notes`` are fields shown beside it."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *(TextColumn(f"{{task.fields[{note}]}}") for note in notes),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for one piece of work; yields a function of (done, all)."""
    with bar() as progress:
        task = progress.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield show


def say_unplaced(report: dict[str, Any]) -> None:
    """Says what a report names as not placed: a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for item in report["unplaced"]:
        by_reason.setdefault(item["reason"], []).append(item["name"])
    for reason, names in by_reason.items():
        if len(names) == 1:
            print(f"not placed: {names[0]}: {reason}", file=sys.stderr)
        else:
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            print(f"not placed: {len(names)} of {len(names) + report['layers']} ({shown}): {reason}", file=sys.stderr)


def passed_over(found: Collection, report: dict[str, Any]) -> str:
    """What of the pictures named is not in a collage, counted by reason, as the end of a line; nothing if all are."""
    unplaced = [f"not placed, {item['reason']}" for item in report.get("unplaced", ())]
    return counted(len(found.elements), [*(reason for _, reason in found.skipped), *unplaced])


def counted(read: int, reasons: Iterable[str]) -> str:
    """How many pictures were read, and how many were passed over for each reason, the end of a line; or nothing."""
    counts = Counter(reasons)
    said = ", ".join(f"{number:,} ({reason})" for reason, number in counts.most_common(REASONS_SHOWN))
    more = counts.total() - sum(number for _, number in counts.most_common(REASONS_SHOWN))
    return (
        f"; {read:,} picture{'s' * (read != 1)} read, passed over: {said}" + (f", {more:,} more" if more else "")
        if said
        else ""
    )


def read_elements(names: list[str] | None, icon_colors: str | None, max_side: int) -> Collection:
    """The elements that a command names, under a progress bar; what is skipped is said with its reason."""
    from vertumnus.elements.collect import Collection, collect

    found = Collection()
    if names:
        colours = icon_colors.replace(";", " ").split() if icon_colors else []
        with progress_bar("reading pictures") as show:
            found = collect(names, max_side=max_side, colours=colours, progress=show)
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.skipped:
        by_reason.setdefault(reason, []).append(name)
    for reason, skipped in by_reason.items():
        if len(skipped) <= SKIPPED_SHOWN:
            for name in skipped:
                print(f"skipped {name}: {reason}", file=sys.stderr)
        else:
            print(f"skipped {len(skipped)} files ({', '.join(skipped[:3])}, ...): {reason}", file=sys.stderr)
    return found
