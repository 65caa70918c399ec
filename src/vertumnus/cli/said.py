"""What a verb says: lines for people, or one JSON object for programs (``--json``)."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from vertumnus.document.collage import Collage

Tell = Callable[..., None]


@contextlib.contextmanager
def saying(as_json: bool) -> Iterator[Tell]:
    """Yields a function that takes facts by name. As JSON they go to standard output when all went well, and lines
    for people to standard error.
    """
    facts: dict[str, Any] = {}

    def tell(**more: Any) -> None:
        facts.update(more)

    if not as_json:
        yield tell
        return
    output = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield tell
    print(json.dumps(facts, ensure_ascii=False, indent=1), file=output)


def facts_of(collage: Collage, outputs: Iterable[Path], seconds: float, cpu: float) -> dict[str, Any]:
    """What is told of a collage that was made."""
    return {
        "outputs": [str(path) for path in outputs],
        "width": collage.width,
        "height": collage.height,
        "layers": len(collage.layers),
        "seed": collage.seed,
        "prompt": collage.prompt,
        "report": collage.made_by.report if collage.made_by is not None else {},
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
    }
