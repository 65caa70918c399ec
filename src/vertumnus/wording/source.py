"""Where words come from: a text that is counted, a table, or Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vertumnus.errors import VertumnusError
from vertumnus.reading import read_text
from vertumnus.wording.count import count_words
from vertumnus.wording.table import Word, as_words, is_table, read_table

Given = str | Path | Mapping[str, float] | Iterable[Any]


class Source(NamedTuple):
    """Words as they were had.

    words      the heaviest first
    language   whose stop words were left out
    """

    words: list[Word]
    language: str | None = None


def read_words(given: Given, **counting: Any) -> Source:
    """Words with their weights from whatever holds them.

    given      a text; the `Path` of a text, which is counted, or of a table (.csv, .tsv, .json) of words and weights;
               a mapping of word to weight; or words, `Word`s, (word, weight, group, link, color)
    counting   of `vertumnus.wording.count.count_words`

    Raises `VertumnusError` if there is no word in it.
    """
    if isinstance(given, Path):
        text = read_text(given)
        if "\0" in text:
            raise VertumnusError(f"{given}: cannot be read as text, it holds zero bytes")
        if is_table(given):
            return Source(_heaviest_first(read_table(text, str(given), given.suffix.lower())))
        try:
            return _counted(text, counting)
        except VertumnusError as error:
            if str(error).startswith("`"):  # of an option, not of the file
                raise
            raise VertumnusError(f"{given}: {error}") from None
    if isinstance(given, str):
        return _counted(given, counting)
    return Source(_heaviest_first(as_words(given)))


def _counted(text: str, counting: Mapping[str, Any]) -> Source:
    found = count_words(text, **counting)
    return Source([Word(word, float(count)) for word, count in found.counts.items()], found.language)


def _heaviest_first(words: list[Word]) -> list[Word]:
    return sorted(words, key=lambda word: -word.weight)
