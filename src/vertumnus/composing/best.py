"""Which of several collages reads best, by a judge that the priors have not seen, where it knows the noun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.elements.icons import draw_icon
from vertumnus.errors import VertumnusError
from vertumnus.metrics.silhouette import SilhouetteJudge
from vertumnus.models.mini.vocabulary import HELD_OUT_FONT, glyphs_of, nouns
from vertumnus.models.names import nouns_in

LOOK = 160  # pixels of the longer side at which a silhouette is judged
GROUND = 8  # around it


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
