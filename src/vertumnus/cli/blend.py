"""``vertumnus blend``: a collage as a picture whose pieces melt into each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from PIL import Image

from vertumnus.cli.common import DOCUMENTS, check_outputs, progress_bar
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.picture import save_image
from vertumnus.render.blend import BlendOptions
from vertumnus.render.blend import blend as blended
from vertumnus.writing import together


def blend(
    collage: Path,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    strength: Annotated[list[str] | None, Parameter(name="--strength")] = None,
    mixed: bool = False,
    reach: float | None = None,
    into_ground: bool = False,
    scale: float = 1.0,
    background: str | None = None,
) -> None:
    """Melt the pieces of a collage into each other (Poisson blending).

    Where pieces lie over each other the step in colour goes and their own gradients stay. The bare ground, and a
    bottom layer that covers it whole, stay as they are.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    output
        Where to write, once for each file: .png, .jpg, .webp or .tif.
    strength
        How much of the step goes, 0 to 1; again as NAME=0.5 for one layer. 1 by default.
    mixed
        Where a piece is smoother than what it covers, let that show through.
    reach
        Pixels of the canvas over which a change of colour fades; plain Poisson never forgets.
    into_ground
        Melt the pieces into the bare ground, too.
    scale
        Pixels to a canvas pixel.
    background
        A CSS colour in place of the collage's own.
    """
    check_outputs(output, [collage if collage.is_file() else None], scale=scale)
    for path in output:
        if path.suffix.lower() in (*DOCUMENTS, ".svg"):
            raise VertumnusError(f"{path}: a blended collage is a picture; write .png, .jpg, .webp or .tif")
    overall, by_name = _strengths(strength or [])
    options = BlendOptions(overall, by_name, mixed, reach, into_ground)
    document = Collage.load(collage)
    with about(collage, "`background`"), progress_bar("blending") as show:
        found = blended(document, options, scale=scale, background=background, progress=show)
    with together():
        for path in output:
            picture = found.image
            if path.suffix.lower() in (".jpg", ".jpeg"):  # JPEG knows no transparency
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture).convert("RGB")
            save_image(picture, path)
            print(f"{path}: {picture.width} x {picture.height} pixels, {found.free:.0%} of them free to change")


def _strengths(given: list[str]) -> tuple[float, dict[str, float]]:
    overall, by_name = 1.0, {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise VertumnusError(f"--strength: {text!r} is neither a number nor NAME=number") from None
        if name:
            by_name[name] = value
        else:
            overall = value
    return overall, by_name
