"""What drawing SVGs in a process of their own costs: 1,000 honest icons, beside drawing them in this process.

    python benchmarks/reading.py [--icons FOLDER] [--number 1000] [--repeats 3]

Icons are a folder's SVGs or, by default, the program's own, written as files. Each is read as an element, without a
cache: parsed within limits, drawn, trimmed, encoded. CPU seconds are of this process and of those that draw, their
starts among them; the two ways take turns, and the ratio is of their medians.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from vertumnus.elements import sandbox
from vertumnus.elements.icons import icon_element, icon_names
from vertumnus.elements.read import store_picture
from vertumnus.elements.svg_process import draw


def own_icons(folder: Path, number: int) -> list[Path]:
    """The program's icons as files."""
    files = []
    for name in icon_names()[:number]:
        drawing = icon_element(name).drawing
        assert drawing is not None
        files.append(folder / f"{name.replace(' ', '-')}.svg")
        files[-1].write_bytes(drawing)
    return files


def seconds(job: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of a job and of the processes that it began, and seconds by the clock."""

    def spent() -> float:
        own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime

    began, clock = spent(), time.monotonic()
    job()
    sandbox.close()  # what a child used is known when it has ended
    return spent() - began, time.monotonic() - clock


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--icons", type=Path)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if asked.icons is None:
            files = own_icons(Path(place), asked.number)
        else:
            files = sorted(asked.icons.rglob("*.svg"))[: asked.number]
        if not files:
            sys.exit(f"{asked.icons}: there is no SVG in it")
        icons = [(file.read_bytes(), file.name) for file in files]

        def here(text: str, width: int, height: int, where: str, as_is: bool = False) -> bytes:
            return draw(text, width, height, fonts="<text" in text, as_is=as_is)[1]

        def apart() -> None:
            for data, name in icons:
                store_picture(data, name, 512)

        def within() -> None:
            with mock.patch("vertumnus.elements.svg.draw_apart", here):
                apart()

        within()  # what is loaded once is no part of it
        found: dict[str, list[tuple[float, float]]] = {"apart": [], "within": []}
        for _ in range(asked.repeats):
            found["apart"].append(seconds(apart))
            found["within"].append(seconds(within))
    cpu, clock = ({name: statistics.median(one[n] for one in took) for name, took in found.items()} for n in (0, 1))
    print(f"{len(icons):,} icons, {sum(len(data) for data, _ in icons) / len(icons) / 1000:.1f} kB each")
    for name, what in (("within", "in this process"), ("apart", "in one of their own")):
        print(f"{what:20s} {cpu[name]:6.2f} CPU s, {clock[name]:6.2f} s")
    print(f"ratio                {cpu['apart'] / cpu['within']:6.3f}        {clock['apart'] / clock['within']:6.3f}")


if __name__ == "__main__":
    main()
