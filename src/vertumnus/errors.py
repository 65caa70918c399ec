"""What goes wrong, said in one sentence.

Every error a person can cause by what they typed or by a file they gave is a `VertumnusError`: its text
is one sentence that names the file and the field. The command line prints it and exits with code 2.

The name of an option stands in backticks, `` `max_uses` ``; the command line shows it as its flag, ``--max-uses``.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class VertumnusError(ValueError):
    """Input that cannot be used, or a place that cannot be written; the text says which and why."""


def did_you_mean(word: str, known: Iterable[str], most: int = 3) -> str:
    """The end of an error sentence that offers the nearest known words, or nothing.

    >>> did_you_mean("buterfly", ["butterfly", "bird"])
    '; did you mean butterfly?'
    >>> did_you_mean("zzz", ["butterfly"])
    ''
    """
    near = get_close_matches(word, list(known), n=most, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
