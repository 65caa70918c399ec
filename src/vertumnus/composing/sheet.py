"""A contact sheet: collages side by side as one picture, the best one framed."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from vertumnus.document.collage import Collage

FRAME, FRAME_COLOUR = 6, "#d8572a"


def contact_sheet(collages: Sequence[Collage], best: int, side: int = 240, columns: int = 4) -> Image.Image:
    """The collages row by row.

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
        sheet.paste(picture, (left + FRAME + (side - picture.width) // 2, top + FRAME + (side - picture.height) // 2))
    return sheet
