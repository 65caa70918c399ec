"""Words with their weights: from a table, from JSON, from Python."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.reading import parse_json

FIELDS = ("word", "weight", "group", "link", "color")
# What tables call them.
ALIASES = {
    "text": "word", "name": "word", "term": "word", "phrase": "word", "count": "weight", "frequency": "weight",
    "freq": "weight", "value": "weight", "size": "weight", "n": "weight", "category": "group", "class": "group",
    "url": "link", "href": "link", "colour": "color",
}  # fmt: skip
LINKS = ("http://", "https://", "mailto:", "#", "/", "./", "../")
LINES = 20  # of a text, that tell whether it is a table
MOST_APART = 1e9  # times the lightest word's, that the heaviest may weigh


@dataclass(frozen=True)
class Word:
    """A word to be placed.

    text     as it is shown
    weight   how much it counts, above 0
    group    what it belongs to, for its colour
    link     where a page leads from it
    color    a CSS colour of its own
    """

    text: str
    weight: float
    group: str = ""
    link: str = ""
    color: str | None = None


def read_table(text: str, where: str, suffix: str) -> list[Word]:
    """The words of a CSV, TSV or JSON text; words of weight 0 are left out.

    A table has columns word, weight and, if it likes, group, link and color, in this order or as its first line says.
    JSON is an object of word to weight, a list of such pairs, or of objects with these fields.

    Raises `VertumnusError` naming the line or the entry for what cannot be used.
    """
    if suffix == ".json":
        return _of_json(parse_json(text, where), where)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if suffix in (".tsv", ".tab") else ",")
    words: list[Word] = []
    columns: list[str] = list(FIELDS)
    first = True
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            line = f"{where}: line {rows.line_num}"
            if first and (named := _heading(row)):
                columns = named
                first = False
                continue
            first = False
            if len(row) < 2 or len(row) > len(columns):
                raise VertumnusError(
                    f"{line}: has {len(row)} columns, not word, weight and perhaps group, link, color"
                )
            words += _word(dict(zip(columns, (cell.strip() for cell in row), strict=False)), line)
    except csv.Error as error:
        raise VertumnusError(f"{where}: cannot be read as a table ({error})") from None
    return _checked(words, where)


def _heading(row: list[str]) -> list[str]:
    """The columns that a first line names, or nothing if it is a word already."""
    names = [ALIASES.get(cell.strip().lower(), cell.strip().lower()) for cell in row]
    if len(names) < 2 or "word" not in names or "weight" not in names:
        return (
            [] if len(row) < 2 or _number(row[1]) is not None else (list(FIELDS) if len(row) <= len(FIELDS) else [])
        )
    return names


def _number(text: object) -> float | None:
    if isinstance(text, bool):
        return None
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _of_json(data: Any, where: str) -> list[Word]:
    words: list[Word] = []
    if isinstance(data, dict):
        for text, value in data.items():
            fields = {"weight": value} if not isinstance(value, dict) else value
            words += _word({**_named(fields), "word": text}, f"{where}: {text}")
        return _checked(words, where)
    if not isinstance(data, list):
        raise VertumnusError(f"{where}: is neither an object of words and weights nor a list of them")
    for number, entry in enumerate(data):
        line = f"{where}: [{number}]"
        if isinstance(entry, dict):
            words += _word(_named(entry), line)
        elif isinstance(entry, list) and 2 <= len(entry) <= len(FIELDS):
            words += _word(dict(zip(FIELDS, entry, strict=False)), line)
        else:
            raise VertumnusError(f"{line}: is not a word with its weight")
    return _checked(words, where)


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {ALIASES.get(str(name).lower(), str(name).lower()): value for name, value in fields.items()}


def _word(fields: Mapping[str, Any], where: str) -> list[Word]:
    """One word, or none of weight 0."""
    text = fields.get("word")
    if not isinstance(text, str | int | float) or isinstance(text, bool) or not str(text).strip():
        raise VertumnusError(f"{where}: word: is missing")
    given = fields.get("weight")
    weight = _number(given)
    if weight is None:
        raise VertumnusError(f"{where}: weight: {given!r} is not a number")
    if not (math.isfinite(weight) and weight >= 0):
        raise VertumnusError(f"{where}: weight: must be a number of 0 or more, not {weight:g}")
    link = str(fields.get("link") or "").strip()
    if link and not link.lower().startswith(LINKS):
        raise VertumnusError(f"{where}: link: {link[:60]!r} is not an address of the web")
    colour = fields.get("color") or None
    if colour is not None:
        try:
            parse_colour(str(colour))
        except VertumnusError as error:
            raise VertumnusError(f"{where}: color: {error}") from None
    if weight == 0:
        return []
    shown, group = " ".join(str(text).split()), str(fields.get("group") or "").strip()
    for name, value in (("word", shown), ("group", group), ("link", link)):
        if not value.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise VertumnusError(f"{where}: {name}: {value[:60]!r} is half a character and no text")
    return [Word(shown, weight, group, link, None if colour is None else str(colour))]


def _checked(words: list[Word], where: str, repeats: bool = False) -> list[Word]:
    if not words:
        raise VertumnusError(f"{where}: there is no word of a weight above 0")
    heaviest, lightest = max(word.weight for word in words), min(word.weight for word in words)
    if heaviest > MOST_APART * lightest:
        raise VertumnusError(
            f"{where}: weight: {heaviest:g} and {lightest:g} are too far apart; at most {MOST_APART:g} times"
        )
    seen: set[str] = set()
    for word in words:
        if word.text in seen and not repeats:
            raise VertumnusError(f"{where}: word: {word.text!r} stands in it twice")
        seen.add(word.text)
    return words


def as_words(given: Mapping[str, float] | Iterable[Any], where: str = "words", repeats: bool = False) -> list[Word]:
    """Words as Python has them: a mapping of word to weight, or `Word`s, or (word, weight, ...) tuples.

    repeats   a word may come again

    Raises `VertumnusError` as `read_table` does.
    """
    if isinstance(given, Mapping):
        found = [
            word
            for text, weight in given.items()
            for word in _word({"word": text, "weight": weight}, f"{where}: {text}")
        ]
        return _checked(found, where)
    found = []
    for number, entry in enumerate(given):
        line = f"{where}: [{number}]"
        if isinstance(entry, Word):
            fields: Mapping[str, Any] = entry.__dict__ | {"word": entry.text}
        elif isinstance(entry, str):
            fields = {"word": entry, "weight": 1.0}
        else:
            fields = dict(zip(FIELDS, entry, strict=False))
        found += _word(fields, line)
    return _checked(found, where, repeats)


def plain_words(words: Iterable[Word]) -> list[dict[str, Any]]:
    """Words as a document keeps them."""
    return [
        {name: value for name, value in (("word", word.text), ("weight", word.weight), ("group", word.group),
         ("link", word.link), ("color", word.color)) if value not in ("", None)}
        for word in words
    ]  # fmt: skip


def is_table(path: Path) -> bool:
    """Whether a file's name says that it holds words with weights."""
    return path.suffix.lower() in (".csv", ".tsv", ".tab", ".json")


def kind_of(text: str) -> str | None:
    """What a text from standard input is: ".json", ".tsv" or ".csv", or None for one that is to be counted."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return None
        return ".json"
    lines = [line for line in text.splitlines() if line.strip()][:LINES]
    for suffix, delimiter in ((".tsv", "\t"), (".csv", ",")):
        rows = [line.split(delimiter) for line in lines]
        # The first line may be a heading; every other one has a word and a number.
        numbered = [len(row) > 1 and any(_number(cell) is not None for cell in row[:2]) for row in rows]
        if numbered and all(numbered[1:]) and all(len(row) > 1 for row in rows) and any(numbered):
            return suffix
    return None
