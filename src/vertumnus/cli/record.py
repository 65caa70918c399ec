"""``--record``: a film of a run, from where its pieces start to where they lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.export.video import VIDEOS, check_film_place, frame_of, save_video
from vertumnus.live.pieces import PieceRun
from vertumnus.writing import check_apart

RATE = 15  # frames a second
FRAMES = 75  # while pieces are arranged; every step of the finish is one more
LAST = 30  # frames that the end is shown for
SIDE = 540  # pixels of a frame's longer side, even


class Recorder:
    """Takes pictures of a run as it goes on, and writes them as a film.

    path   .webp, .gif, .png, .mp4 ... or a folder of frames

    Raises `VertumnusError` before anything long starts if a film cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in (*VIDEOS, ""):
            raise VertumnusError(f"--record: {path}: films are written as {', '.join(VIDEOS)} or a folder of frames")
        check_film_place(path)
        self.path = path
        self.frames: list[Image.Image] = []
        self._after: int | None = None

    def see(self, live: Any) -> None:
        """Takes a picture where one is due."""
        if not isinstance(live, PieceRun):
            raise VertumnusError("--record: goes with one run; leave out --starts and --variations")
        if live.phase == "arrange":
            # The first steps move the most: a frame for each, then fewer and fewer.
            if self._after is not None and live.done < self._after and live.done < live.total:
                return
            share = live.done / max(live.total, 1)
            self._after = live.done + max(1, round(2 * share**0.5 * live.total / FRAMES))
        self.frames.append(picture(live))

    def write(self, live: PieceRun) -> str:
        """Writes the film, which ends with the run as it is now; returns what to say of it."""
        self.frames.append(picture(live))
        # Of animations, like frames take no room; a video needs them all the same.
        number = save_video([*self.frames, *[self.frames[-1]] * LAST], self.path, RATE)
        return f"{self.path}: {number} frames"


def picture(live: PieceRun) -> Image.Image:
    """How a run looks, its longer side `SIDE` pixels."""
    return frame_of(live.sketch(), SIDE)


def recording(path: Path | None, inputs: Iterable[str | Path | None]) -> Recorder | None:
    """A recorder, where one is asked for; refused in the place of what is read."""
    if path is None:
        return None
    check_apart([path], inputs)
    return Recorder(path)
