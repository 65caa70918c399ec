"""What was read back: a collage, and what it could not take."""

from __future__ import annotations

from dataclasses import dataclass, field

from vertumnus.document.collage import Collage


@dataclass
class Opened:
    """A collage that was read back.

    moved   ids of layers that lie elsewhere than in the original, where there is one
    lost    what a collage cannot represent, a sentence each
    """

    collage: Collage
    moved: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
