"""Frames in and out: folders of pictures, animated pictures, and videos where PyAV is installed."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import open_image
from vertumnus.reading import check_regular, read_named
from vertumnus.writing import atomic_write, cannot_write

ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
FILMS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
VIDEOS = (*ANIMATIONS, *FILMS)
FRAMES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
RATE = 24.0


def is_video(path: Path) -> bool:
    """Whether an output is a video or a folder of frames (a name without suffix)."""
    return path.suffix.lower() in VIDEOS or path.suffix == ""


def read_frames(path: Path) -> tuple[Iterator[Image.Image], float]:
    """RGB frames of a folder of pictures (in the order of their names), an animation or a video, and their rate.

    Raises `VertumnusError` if there is none or it cannot be read.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in FRAMES and file.name[0] != ".")
        if not files:
            raise VertumnusError(f"{path}: the folder holds no frame ({', '.join(FRAMES)})")
        return (_read_still(file) for file in files), RATE
    if not path.is_file():
        raise VertumnusError(f"{path}: there is no such file or folder")
    if path.suffix.lower() in FILMS:
        return _read_film(path)
    check_regular(path)
    try:
        image = Image.open(path)
        image.load()  # some kinds say how long a frame lasts only then
    except (OSError, SyntaxError) as error:
        raise VertumnusError(f"{path}: not a video or an animation ({error})") from None
    duration = image.info.get("duration", 0) or 1000 / RATE
    return _read_animation(path, image), 1000 / duration


def at_rate(frames: Iterable[Image.Image], rate: float, wanted: float) -> Iterator[Image.Image]:
    """Frames at another rate, left out or shown again so that they last as long.

    >>> "".join(at_rate("abcdef", 24, 12)), "".join(at_rate("abc", 12, 24))
    ('ace', 'aabbcc')
    """
    shown = 0
    for number, frame in enumerate(frames):
        while shown * rate < (number + 1) * wanted - 1e-9 * rate:
            yield frame
            shown += 1


def _read_still(path: Path) -> Image.Image:
    with open_image(read_named(path), f"{path}: the frame cannot be read") as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _read_animation(path: Path, image: Image.Image) -> Iterator[Image.Image]:
    try:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            yield image.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise VertumnusError(f"{path}: the animation is damaged ({error})") from None
    finally:
        image.close()


def _read_film(path: Path) -> tuple[Iterator[Image.Image], float]:
    av = _library(path)
    check_regular(path)
    try:
        film = av.open(str(path))
        stream = film.streams.video[0]
    except (av.FFmpegError, IndexError, OSError) as error:
        raise VertumnusError(f"{path}: not a video that can be read ({error})") from None

    def frames() -> Iterator[Image.Image]:
        try:
            for frame in film.decode(stream):
                yield frame.to_image().convert("RGB")
        except av.FFmpegError as error:
            raise VertumnusError(f"{path}: the video is damaged ({error})") from None
        finally:
            film.close()

    return frames(), float(stream.average_rate or RATE)


def _library(path: Path) -> Any:
    try:
        import av
    except ImportError:
        raise VertumnusError(
            f"{path}: videos need PyAV; run pip install 'vertumnus[video]', or use a folder of frames or a .gif"
        ) from None
    return av


def save_video(frames: Iterable[Image.Image], path: Path, rate: float) -> int:
    """Writes frames as a folder of PNGs, an animation or a video, told by the suffix; returns their number.

    What stood there before is replaced when the new one is whole. Raises `VertumnusError` if it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == "":
        return _save_folder(frames, path)
    if suffix in ANIMATIONS:
        kept = list(frames)
        buffer = io.BytesIO()
        kept[0].save(
            buffer, ANIMATIONS[suffix], save_all=True, append_images=kept[1:], duration=round(1000 / rate), loop=0
        )
        with atomic_write(path) as stream:
            stream.write(buffer.getvalue())
        return len(kept)
    return _save_film(frames, path, rate)


def _save_folder(frames: Iterable[Image.Image], path: Path) -> int:
    part = path.with_name(f".{path.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        number = 0
        for number, frame in enumerate(frames, 1):
            buffer = io.BytesIO()  # written by ourselves, since Pillow's encoder does not notice a full disk
            frame.save(buffer, "PNG", compress_level=1)
            (part / f"{number:06d}.png").write_bytes(buffer.getvalue())
        if path.exists():
            shutil.rmtree(path)
        part.replace(path)
        return number
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(part)


def _save_film(frames: Iterable[Image.Image], path: Path, rate: float) -> int:
    av = _library(path)
    from fractions import Fraction

    number = 0
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with av.open(str(part), "w") as film:
            stream = film.add_stream("libvpx-vp9" if path.suffix.lower() == ".webm" else "libx264")
            stream.rate = Fraction(rate).limit_denominator(1001)
            stream.pix_fmt = "yuv420p"
            for number, frame in enumerate(frames, 1):
                if number == 1:
                    stream.width, stream.height = frame.width // 2 * 2, frame.height // 2 * 2
                even = frame.crop((0, 0, stream.width, stream.height))
                film.mux(stream.encode(av.VideoFrame.from_image(even)))
            film.mux(stream.encode())
        part.replace(path)
    except (av.FFmpegError, OSError) as error:
        raise cannot_write(path, OSError(0, getattr(error, "strerror", None) or str(error))) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return number
