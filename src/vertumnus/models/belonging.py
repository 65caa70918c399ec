"""What belongs to what: how much a picture's name has to do with a thing, by the table ``belongs.txt``.

A leaf belongs to a tree, and to its upper part; a fish to the waves; an apple and a pear a little to each other, for
both are food. Names are understood as those of a prompt are, synonyms and plurals too.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

from vertumnus.models.names import LONGEST, known_words, noun_for

SAME, LISTED, KIN = 1.0, 1.0, 0.5  # how much the thing itself, what is listed for it, what is of its kind, belongs


class Part(NamedTuple):
    """A part of a thing, as shares of its height from the top, and what belongs there."""

    first: float
    last: float
    nouns: frozenset[str]


@cache
def _table() -> tuple[dict[str, tuple[Part, ...]], dict[str, frozenset[str]]]:
    """The parts of each thing, and the kinds each noun is of."""
    parts: dict[str, list[Part]] = {}
    kinds: dict[str, set[str]] = {}
    text = (resources.files("vertumnus.models") / "belongs.txt").read_text("utf-8")
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        listed = frozenset(word.strip() for word in rest.split(","))
        if head.startswith("kind "):
            for noun in listed:
                kinds.setdefault(noun, set()).add(head)
            continue
        thing, where, share = re.fullmatch(r"(.+?)(?: (above|below) (\.\d+))?", head).groups()  # type: ignore[union-attr]
        first, last = (0.0, float(share)) if where == "above" else (float(share) if where else 0.0, 1.0)
        parts.setdefault(thing, []).append(Part(first, last, listed))
    return (
        {thing: tuple(found) for thing, found in parts.items()},
        {noun: frozenset(of) for noun, of in kinds.items()},
    )


def noun_called(name: str) -> str:
    """The noun that a picture's name says, in the singular; the last one it knows, since that is what it is.

    >>> noun_called("maple-leaf_03"), noun_called("two red apples"), noun_called("IMG_2041")
    ('leaf', 'apple', '')
    """
    words = re.findall(r"[a-z]+", name.lower())
    known = _known()
    for end in range(len(words), 0, -1):
        for length in range(min(LONGEST, end), 0, -1):
            phrase = " ".join(words[end - length : end])
            noun, _ = noun_for(phrase)
            if noun in known:
                return noun
    return ""


@cache
def _known() -> frozenset[str]:
    parts, kinds = _table()
    return frozenset(known_words()) | set(parts) | set(kinds)


def parts_of(thing: str) -> tuple[Part, ...]:
    """The parts of a thing that the table tells apart; the whole, with nothing listed, where it has none."""
    return _table()[0].get(thing, (Part(0.0, 1.0, frozenset()),))


def belongs(noun: str, thing: str, part: Part) -> float:
    """How much what is called ``noun`` belongs to a part of a thing, 0 to 1.

    >>> [belongs("leaf", "tree", part) for part in parts_of("tree")], belongs("fish", "wave", parts_of("wave")[0])
    ([1.0, 0.5], 1.0)
    >>> belongs("car", "tree", parts_of("tree")[0])
    0.0
    """
    if not noun:
        return 0.0
    if noun == thing or noun in part.nouns:
        return SAME if noun == thing else LISTED
    of = _table()[1]
    return KIN if of.get(noun, frozenset()) & of.get(thing, frozenset()) else 0.0
