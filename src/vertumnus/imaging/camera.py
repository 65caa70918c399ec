"""What telephones and cameras write: HEIC by pillow-heif and camera raw by rawpy, where those are installed."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PIXELS

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf"}
    | {".rw2", ".rwl", ".srw", ".x3f"}
)
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
NO_HEIF = "a HEIC picture; to read those, pip install 'vertumnus[heic]'"
NO_RAW = "camera raw; to read that, pip install 'vertumnus[raw]'"


def is_heif(data: bytes) -> bool:
    """Whether a file says that it is HEIF, and not AVIF, which needs nothing more."""
    return data[4:8] == b"ftyp" and data[8:12] in BRANDS and b"avif" not in data[8:64]


@lru_cache(maxsize=1)
def heif_is_there() -> bool:
    """Whether HEIC can be read; then Pillow knows it, too."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


def is_raw(where: str) -> bool:
    """Whether a file's name says that it is camera raw: to Pillow many are TIFFs, of a thumbnail."""
    return Path(where).suffix.lower() in RAW_SUFFIXES


def develop(data: bytes, where: str) -> Image.Image:
    """Camera raw as an upright sRGB picture, in the camera's own white balance.

    Raises `VertumnusError` if rawpy is not installed, or the file cannot be developed.
    """
    try:
        import rawpy
    except ImportError:
        raise VertumnusError(f"{where}: {NO_RAW}") from None
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            width, height = raw.sizes.width, raw.sizes.height
            if width * height > MAX_PIXELS:
                raise VertumnusError(
                    f"{where}: {width} x {height} pixels is too large, at most {MAX_PIXELS:,} are read"
                )
            image = Image.fromarray(raw.postprocess(use_camera_wb=True, output_bps=8))
    except VertumnusError:
        raise
    except Exception as error:  # the decoder raises what it likes for a damaged file
        said = error.args[0] if error.args else error  # rawpy says it in bytes
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        raise VertumnusError(f"{where}: damaged camera raw ({said})") from None
    image.format = "RAW"
    return image
