"""Frames in and out: folders of pictures, animated pictures, and videos where PyAV is installed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image, ImageOps

from vertumnus.errors import VertumnusError
from vertumnus.export.deepzoom import GENERATED
from vertumnus.imaging.decode import open_image
from vertumnus.limits import MAX_PIXELS
from vertumnus.reading import open_file, read_named
from vertumnus.writing import Staged, atomic_write, cannot_write, check_writable

if TYPE_CHECKING:
    from vertumnus.document.collage import Collage

ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}
FORMAT_OF = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi", ".m4v": "ipod"}
FILMS = tuple(FORMAT_OF)
VIDEOS = (*ANIMATIONS, *FILMS)
FRAMES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
RATE = 24.0
SLOWEST, FASTEST = 0.01, 1000.0  # frames a second
BT709, NARROW = 1, 1  # as ITU-T H.273 numbers them
MARKER = ".vertumnus-frames"  # in a folder of frames that this program wrote
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"


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
    try:
        stream = open_file(path)
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        image = Image.open(stream)
        _check_size(path, image.width, image.height)
        image.load()  # some kinds say how long a frame lasts only then
    except VertumnusError:
        stream.close()
        raise
    except Exception as error:  # a decoder of a damaged picture ends in whatever it meets
        stream.close()
        raise VertumnusError(f"{path}: not a video or an animation ({error})") from None
    duration = image.info.get("duration", 0) or 1000 / RATE
    return _read_animation(path, image, stream), min(max(1000 / duration, SLOWEST), FASTEST)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise VertumnusError(
            f"{path}: frames of {width} x {height} pixels are too large, at most {MAX_PIXELS:,} are read"
        )


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


def _read_animation(path: Path, image: Image.Image, stream: BinaryIO) -> Iterator[Image.Image]:
    try:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            yield image.convert("RGB")
    except Exception as error:
        raise VertumnusError(f"{path}: the animation is damaged ({error})") from None
    finally:
        image.close()
        stream.close()


def _read_film(path: Path) -> tuple[Iterator[Image.Image], float]:
    av = _library(path)
    try:
        file = open_file(path)
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        # What lists other files and addresses, as a playlist does, is no container of this list, and opens nothing.
        film = av.open(file, io_open=_no_other, container_options={"format_whitelist": CONTAINERS})
        stream = film.streams.video[0]
        if stream.codec_context is None:
            raise VertumnusError(f"{path}: not a video that can be read (its codec is not known)")
        _check_size(path, stream.codec_context.width, stream.codec_context.height)
    except VertumnusError:
        file.close()
        raise
    except (av.FFmpegError, IndexError, OSError, ValueError, AttributeError) as error:  # texts in it may be none
        file.close()
        raise VertumnusError(f"{path}: not a video that can be read ({error})") from None

    def frames() -> Iterator[Image.Image]:
        empty = True
        try:
            for frame in film.decode(stream):
                empty = False
                _check_size(path, frame.width, frame.height)
                yield frame.to_image().convert("RGB")
        except VertumnusError:
            raise
        except (av.FFmpegError, OSError, ValueError, AttributeError, MemoryError) as error:
            raise VertumnusError(f"{path}: the video is damaged ({error})") from None
        finally:
            film.close()
            file.close()
        if empty:
            raise VertumnusError(f"{path}: the video holds no frame")

    return frames(), float(stream.average_rate or RATE)


def count_frames(path: Path) -> int:
    """How many frames a folder or a video says that it has; 0 where it does not say."""
    if path.is_dir():
        return sum(file.suffix.lower() in FRAMES and file.name[0] != "." for file in path.iterdir())
    try:
        if path.suffix.lower() not in FILMS:
            with open_file(path) as stream, Image.open(stream) as image:
                return int(getattr(image, "n_frames", 1))
        av = _library(path)
        with open_file(path) as file:
            film = av.open(file, io_open=_no_other, container_options={"format_whitelist": CONTAINERS})
            with film:
                stream = film.streams.video[0]
                return int(stream.frames or float(stream.duration * stream.time_base * stream.average_rate))
    except Exception:  # what is wrong with it is said when it is read
        return 0


def _no_other(url: str, *_: Any) -> Any:
    raise OSError(f"asks for another file, {url[:60]!r}")


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


def frame_of(collage: Collage, side: int) -> Image.Image:
    """A collage as a frame of a film, its longer side ``side`` pixels, both even as videos want them."""
    scale = side / max(collage.width, collage.height)
    size = (max(2, round(collage.width * scale / 2) * 2), max(2, round(collage.height * scale / 2) * 2))
    drawn = collage.render(scale, background=collage.background or "white").convert("RGB")
    return drawn if drawn.size == size else drawn.resize(size)


def check_film_place(path: Path) -> None:
    """Finds out, before anything long starts, whether a film or a folder of frames can be written.

    Raises `VertumnusError` if not, or if the folder is not one that this program wrote: it would be replaced whole.
    """
    check_writable(path)
    if path.suffix == "" and path.is_dir() and any(path.iterdir()) and not (path / MARKER).is_file():
        raise VertumnusError(f"{path}: is not a folder of vertumnus's own frames; remove it or choose another name")


def _save_folder(frames: Iterable[Image.Image], path: Path) -> int:
    check_film_place(path)
    staged, number = Staged(), 0
    try:
        part = staged.add(path, folder=True)
        for number, frame in enumerate(frames, 1):
            buffer = io.BytesIO()  # written by ourselves, since Pillow's encoder does not notice a full disk
            frame.save(buffer, "PNG", compress_level=1)
            (part / f"{number:06d}.png").write_bytes(buffer.getvalue())
        (part / MARKER).write_text(f"{GENERATED}; replaced when the film is made again\n")
        staged.commit()
        return number
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        staged.clean()


def _save_film(frames: Iterable[Image.Image], path: Path, rate: float) -> int:
    av = _library(path)
    from fractions import Fraction

    number, suffix = 0, path.suffix.lower()
    try:
        with atomic_write(path) as file, av.open(file, "w", format=FORMAT_OF[suffix]) as film:
            stream = film.add_stream("libvpx-vp9" if suffix == ".webm" else "libx264")
            stream.rate = Fraction(rate).limit_denominator(1001)
            stream.pix_fmt = "yuv420p"
            # Said, for players guess it by the size: BT.709, and its narrow range (ITU-T H.273).
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = NARROW
            for number, frame in enumerate(frames, 1):
                if number == 1:
                    stream.width, stream.height = frame.width // 2 * 2, frame.height // 2 * 2
                even = frame.crop((0, 0, stream.width, stream.height))
                told = av.VideoFrame.from_image(even).reformat(
                    format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709", dst_color_range="MPEG"
                )
                film.mux(stream.encode(told))
            film.mux(stream.encode())
    except (av.FFmpegError, OSError) as error:
        raise cannot_write(path, OSError(0, getattr(error, "strerror", None) or str(error))) from error
    return number
