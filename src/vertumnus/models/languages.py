"""Prompts in German, French, Spanish, Italian and Portuguese: the commonest nouns and the words around them.

A prompt whose small words are of one of these languages, or that is a noun of theirs and of no English icon, is read
word by word as English; the grammar is then that of `vertumnus.models.sentence`. Accents may be left out.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources

LANGUAGES = ("German", "French", "Spanish", "Italian", "Portuguese")
LONGEST = 5  # words of a phrase
_ENGLISH = frozenset({"a", "an", "the", "of", "on", "in", "at", "with", "and", "to", "my", "some", "two", "three"})
_PLURALS = ("s", "es", "n", "en", "e", "er", "x")
_VOWELS = (("i", "o"), ("i", "e"), ("e", "a"), ("chi", "co"), ("ghi", "go"))  # Italian


def plain(text: str) -> str:
    """Small letters without accents.

    >>> plain("Größe, cœur, AÑO")
    'grosse, coeur, ano'
    """
    folded = text.lower().replace("œ", "oe").replace("ß", "ss").replace("æ", "ae")
    return "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))


def english(words: list[str]) -> list[str]:
    """Words as English, those of another language put into it as far as they are known; else as they are.

    words   in small letters without accents

    >>> english("zwei kleine katzen links von einem baum".split())
    ['two', 'small', 'cat', 'left', 'of', 'a', 'tree']
    >>> english("a cat".split())
    ['a', 'cat']
    """
    told = [sum(word in _telling()[n] for word in words) for n in range(len(LANGUAGES))]
    if max(told) <= sum(word in _ENGLISH for word in words):
        return words
    known = _dictionaries()[told.index(max(told))]
    found: list[str] = []
    at = 0
    while at < len(words):
        for length in range(min(LONGEST, len(words) - at), 0, -1):
            meant = _meant(" ".join(words[at : at + length]), known)
            if meant is not None:
                found += meant.split()
                at += length
                break
        else:
            found.append(words[at])
            at += 1
    return found


def noun_of(phrase: str) -> str | None:
    """The English noun that a noun of any of the languages stands for; None if none has it.

    >>> noun_of("schmetterling"), noun_of("gatos"), noun_of("cat")
    ('butterfly', 'cat', None)
    """
    for known in _nouns():
        for word in (phrase, phrase.removesuffix("s")):
            if word in known:
                return known[word]
    return None


def _meant(phrase: str, known: dict[str, str]) -> str | None:
    if phrase in known:
        return known[phrase]
    for ending in _PLURALS:
        if phrase.endswith(ending) and len(phrase) - len(ending) > 2 and phrase.removesuffix(ending) in known:
            return known[phrase.removesuffix(ending)]
    for ending, other in _VOWELS:
        if phrase.endswith(ending) and phrase.removesuffix(ending) + other in known:
            return known[phrase.removesuffix(ending) + other]
    return None


@cache
def _nouns() -> tuple[dict[str, str], ...]:
    """The English noun of each noun, by language."""
    found = _table("nouns.txt", "/")
    for known in found:
        for word, noun in list(known.items()):
            if word.endswith("z"):  # Spanish
                known.setdefault(f"{word[:-1]}ces", noun)
    return found


@cache
def _small() -> tuple[dict[str, str], ...]:
    """The English word of each small word or phrase, by language."""
    return _table("small_words.txt", " ")


def _table(name: str, between: str) -> tuple[dict[str, str], ...]:
    text = (resources.files("vertumnus.models") / name).read_text(encoding="utf-8")
    found: tuple[dict[str, str], ...] = tuple({} for _ in LANGUAGES)
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        meant, _, others = line.partition(":")
        for known, words in zip(found, others.split(";"), strict=True):
            for word in words.strip().split(between):
                known.setdefault(plain(word).replace("_", " ").replace("-", " ").replace("'", "").strip(), meant)
    return found


@cache
def _dictionaries() -> tuple[dict[str, str], ...]:
    return tuple({**nouns, **small} for nouns, small in zip(_nouns(), _small(), strict=True))


@cache
def _telling() -> tuple[frozenset[str], ...]:
    """The small words of each language that tell it from English."""
    shared = _ENGLISH | {"i", "o", "e", "d", "l", "as", "du", "des", "six"}
    return tuple(frozenset(word for phrase in small for word in phrase.split()) - shared for small in _small())
