"""``vertumnus schema``: print the JSON Schema of the collage document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.document.collage import Collage
from vertumnus.writing import atomic_write, check_writable


def schema(*, output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None) -> None:
    """Print the JSON Schema of the collage document, collage.json.

    Parameters
    ----------
    output
        A file to write it to instead.
    """
    if output is not None:
        check_writable(output)
    text = json.dumps(Collage.model_json_schema(), indent=2) + "\n"
    if output is None:
        print(text, end="")
        return
    with atomic_write(output) as stream:
        stream.write(text.encode())
    print(output)
