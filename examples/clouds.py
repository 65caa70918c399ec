"""Makes the pictures of docs/words.md: ``python examples/clouds.py docs/images``."""

from __future__ import annotations

import sys
from pathlib import Path

import vertumnus as vt

DOCS = Path(__file__).parents[1] / "docs"
# An apple, here and there.
APPLE = {
    "apple": 30, "manzana": 20, "pomme": 18, "Apfel": 18, "maçã": 14, "яблоко": 16, "μήλο": 12, "تفاحة": 18,
    "תפוח": 14, "elma": 10, "mela": 12, "jabłko": 10, "jablko": 7, "alma": 8, "omena": 7, "æble": 7, "eple": 6,
    "äpple": 8, "ābols": 5, "obuolys": 5, "măr": 7, "ябълка": 6, "јабука": 6, "ვაშლი": 8, "խնձոր": 8, "سیب": 9,
    "úll": 5, "afal": 5, "sagar": 5, "poma": 5, "epli": 5, "õun": 5, "mollë": 5, "jabuka": 6, "táo": 6, "apel": 6,
    "tufaha": 5, "appel": 9, "aval": 4, "pom": 4,
}  # fmt: skip


def main(folder: Path) -> None:
    """Draws them all."""
    text = "\n\n".join(page.read_text() for page in sorted(DOCS.glob("*.md")))
    plain = {"phrases": 1, "least_letters": 3, "leave_out": ["vertumnus", "png", "https", "docs"]}
    heart = vt.word_cloud(text, "heart", size=560, seed=4, max_words=220, counting=plain, contour=3, colors="inferno")
    heart.render().convert("P", palette=1, colors=48).save(folder / "words-heart.png", optimize=True)
    apple = vt.word_cloud(
        APPLE, "icon:apple", size=560, colors="firebrick crimson darkgreen olivedrab saddlebrown", repeat=True,
        max_words=170, seed=1,
    )  # fmt: skip
    apple.render().convert("P", palette=1, colors=48).save(folder / "words-apple.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
