"""Jobs: work that gives results to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.studio import schema

if TYPE_CHECKING:
    from vertumnus.studio.worker import Result

Watch = Callable[[str, int, int], None]


def do(
    collage: Collage, asked: schema.Job, files: Mapping[str, Path], folder: Path, watch: Watch
) -> Iterator[Result | str]:
    """Does a job; yields results, and a sentence on what the reader should know."""
    raise VertumnusError(f"{asked.verb}: this studio cannot do that yet")
