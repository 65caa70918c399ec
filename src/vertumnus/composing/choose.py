"""Which of several collages reads best, by a judge that no guidance has seen; and all of them on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from vertumnus.document.collage import Collage
from vertumnus.elements.icons import draw_icon
from vertumnus.errors import VertumnusError
from vertumnus.metrics.silhouette import SilhouetteJudge
from vertumnus.models.mini.vocabulary import HELD_OUT_FONT, glyphs_of, nouns
from vertumnus.models.names import nouns_in

LOOK = 160  # pixels of the longer side at which a silhouette is judged
GROUND = 8  # around it
FRAME, FRAME_COLOUR = 6, "#d8572a"


def best_of(collages: Sequence[Collage], prompt: str, likeness: Sequence[float]) -> tuple[int, str]:
    """The index of the collage that reads best, and by what.

    likeness   of each, what its own prior thinks of it: what counts where the prompt does not name one noun of which
               the font that the priors leave out has a drawing

    The judge compares silhouettes (`vertumnus.metrics.silhouette`); best is what it tells most clearly from other
    nouns.
    """
    try:
        named = nouns_in(prompt, nouns())
    except VertumnusError:
        named = []
    if len(named) == 1 and glyphs_of(named[0], (HELD_OUT_FONT,)):
        clear = [_clear(collage, named[0]) for collage in collages]
        if max(clear) > -np.inf:
            return int(np.argmax(clear)), "by silhouettes of an icon font that no prior draws from"
    return int(np.argmax(likeness)), "by its agreement with what the prior wanted"


def _clear(collage: Collage, noun: str) -> float:
    picture = collage.render(scale=LOOK / max(collage.width, collage.height), background="#ffffff00")
    ink = np.pad(np.asarray(picture.getchannel("A"), np.float32) / 255, GROUND)
    return _judge().margin(ink, noun) if (ink > 0.5).any() else -np.inf


@cache
def _judge() -> SilhouetteJudge:
    font = (HELD_OUT_FONT,)
    return SilhouetteJudge(
        (noun, np.pad(draw_icon(glyph, 128, 128).astype(np.float32) / 255, GROUND))
        for noun in nouns()
        for glyph in glyphs_of(noun, font)
    )


def contact_sheet(collages: Sequence[Collage], best: int, side: int = 240, columns: int = 4) -> Image.Image:
    """The collages row by row, each with its seed.

    best   the index of the one that is framed
    side   pixels of the longer side of each
    """
    columns = min(columns, len(collages))
    cell = side + 2 * FRAME
    sheet = Image.new("RGB", (columns * cell, -(-len(collages) // columns) * cell), "white")
    for n, collage in enumerate(collages):
        picture = collage.render(
            scale=side / max(collage.width, collage.height), background=collage.background or "white"
        ).convert("RGB")
        left, top = n % columns * cell, n // columns * cell
        if n == best:
            box = (left, top, left + cell - 1, top + cell - 1)
            ImageDraw.Draw(sheet).rectangle(box, outline=FRAME_COLOUR, width=FRAME - 2)
        ImageDraw.Draw(picture).text((4, 2), f"seed {collage.seed}", fill="#777777")
        sheet.paste(picture, (left + FRAME + (side - picture.width) // 2, top + FRAME + (side - picture.height) // 2))
    return sheet
