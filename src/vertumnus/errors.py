"""What goes wrong, said in one sentence.

Every error a person can cause by what they typed or by a file they gave is a `VertumnusError`: its text
is one sentence that names the file and the field. The command line prints it and exits with code 2.

The name of an option stands in backticks, `` `max_uses` ``; the command line shows it as its flag, ``--max-uses``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class VertumnusError(ValueError):
    """Input that cannot be used, or a place that cannot be written; the text says which and why."""


class VertumnusWarning(UserWarning):
    """Something of this machine's that makes a run slower, and nothing else."""


def did_you_mean(word: str, known: Iterable[str], most: int = 3) -> str:
    """The end of an error sentence that offers the nearest known words, or nothing.

    >>> did_you_mean("buterfly", ["butterfly", "bird"])
    '; did you mean butterfly?'
    >>> did_you_mean("zzz", ["butterfly"])
    ''
    """
    near = get_close_matches(word, list(known), n=most, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


@contextmanager
def about(*named: object) -> Iterator[None]:
    """What goes wrong within is about a file: an error that names none of those given begins with the first.

    >>> with about("a.collage"):
    ...     raise VertumnusError("layers[0]: is too small")
    Traceback (most recent call last):
    vertumnus.errors.VertumnusError: a.collage: layers[0]: is too small
    """
    try:
        yield
    except VertumnusError as error:
        if any(str(name) in str(error) for name in named if str(name)):
            raise
        field = str(error).replace("`", "")  # of the file, and no option
        raise VertumnusError(f"{named[0]}: {field}") from error.__cause__
