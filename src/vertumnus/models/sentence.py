"""What a sentence says is to be seen: things, how many, how large, where; by a small grammar, not a model.

    sentence   =  group { relation group }
    group      =  thing { ("and" | "with" | ",") thing }
    thing      =  [article] [number] [size] [colour] noun [side]
    relation   =  "left of" | "right of" | "above" | "on" | "under" | "in" | "behind" | "in front of" | "beside"
                  | "between" | "around", and other words for them (`RELATIONS`)

A relation's object is the group after it; its subject is the whole group before it at the beginning of a sentence,
and the last thing before it further on, where the group before it is another relation's object. Of two nouns side by
side the last is meant ("apple tree"). What is none of this is passed over, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vertumnus.elements.icons import Glyph
from vertumnus.models.mini.vocabulary import COLOURS, glyphs_of, nouns, plural
from vertumnus.models.names import LONGEST, SILENT, glyphs_meant, noun_for, singulars, words_of

Lookup = Callable[[str], Sequence[Glyph]]
MOST = 12  # instances in a sentence, in all
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
NUMBERS |= {str(count): count for count in range(1, 10)} | {"pair": 2, "couple": 2, "several": 3, "few": 3}
SIZES = {
    **dict.fromkeys(("small", "little", "tiny", "mini"), "small"),
    **dict.fromkeys(("big", "large", "huge", "great", "giant"), "big"),
}
# The longest is tried first.
RELATIONS = {
    "left of": "left of",
    "to the left of": "left of",
    "on the left of": "left of",
    "right of": "right of",
    "to the right of": "right of",
    "on the right of": "right of",
    "above": "above",
    "over": "above",
    "on": "on",
    "on top of": "on",
    "upon": "on",
    "atop": "on",
    "under": "under",
    "below": "under",
    "beneath": "under",
    "underneath": "under",
    "in": "in",
    "inside": "in",
    "within": "in",
    "into": "in",
    "behind": "behind",
    "in front of": "in front of",
    "beside": "beside",
    "next to": "beside",
    "near": "beside",
    "by": "beside",
    "alongside": "beside",
    "between": "between",
    "around": "around",
}
SIDES = {
    **{f"{before} the {side}": side for side in ("left", "right") for before in ("on", "at", "to")},
    **{f"{before} the {side}": side for side in ("top", "bottom") for before in ("on", "at")},
    "in the middle": "middle",
    "in the centre": "middle",
    "in the center": "middle",
}
JOINING = frozenset({"and", "with", "plus", ",", "&"})
FILLING = SILENT | {
    "is",
    "are",
    "was",
    "were",
    "be",
    "it",
    "its",
    "as",
    "for",
    "from",
    "who",
    "which",
    "there",
    "some",
}
BARE_PLURAL = 3  # "flowers"


@dataclass(frozen=True)
class Thing:
    """What is to be seen, once or several times.

    noun     in the singular
    glyphs   that show it
    count    how many, 1 to 9
    size     "small", "" or "big"
    colour   a name of `COLOURS`, or ""
    side     of the canvas: left, right, top, bottom, middle, or ""
    """

    noun: str
    glyphs: tuple[Glyph, ...] = field(repr=False)
    count: int = 1
    size: str = ""
    colour: str = ""
    side: str = ""

    def __str__(self) -> str:
        words = [word for word in (self.size, self.colour) if word]
        number = next(word for word, count in NUMBERS.items() if count == self.count)
        said = " ".join([number, *words, self.noun if self.count == 1 else plural(self.noun)])
        return f"{said} at the {self.side}" if self.side else said


@dataclass(frozen=True)
class Relation:
    """How some things lie to others: places among a sentence's things."""

    kind: str
    subjects: tuple[int, ...]
    objects: tuple[int, ...]


@dataclass(frozen=True)
class Sentence:
    """What was understood of a prompt.

    passed_over   its words that say nothing to look at
    """

    things: tuple[Thing, ...]
    relations: tuple[Relation, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many instances of things there are."""
        return sum(thing.count for thing in self.things)

    @property
    def posed(self) -> bool:
        """Whether there is anything to arrange: several things, or one of which it says where or how large it is."""
        return self.count > 1 or any(thing.side or thing.size for thing in self.things)

    def __str__(self) -> str:
        def several(which: tuple[int, ...]) -> str:
            return " and ".join(str(self.things[n]) for n in which)

        related = {n for relation in self.relations for n in (*relation.subjects, *relation.objects)}
        alone = [str(thing) for n, thing in enumerate(self.things) if n not in related]
        return ", ".join([*(f"{several(r.subjects)} {r.kind} {several(r.objects)}" for r in self.relations), *alone])

    def report(self) -> dict[str, Any]:
        """For the document: what was understood, and what was passed over."""
        found: dict[str, Any] = {"understood": str(self)}
        return found | ({"passed_over": list(self.passed_over)} if self.passed_over else {})


def read_sentence(prompt: str, fonts: tuple[str, ...], first: Lookup | None = None) -> Sentence:
    """What a prompt says of things that icons of some fonts show; without things if it names none.

    first   other drawings of a noun, by its name, which come before icons where there are any

    Raises `VertumnusError` for a prompt that is empty or has no English word.

    >>> from vertumnus.models.mini.vocabulary import TRAINED_FONTS
    >>> print(read_sentence("two small cats under a christmas tree", TRAINED_FONTS))
    two small cats under one pine tree
    >>> read_sentence("a happy dog", TRAINED_FONTS).passed_over
    ('happy',)
    """
    return _Reader(words_of(prompt, nouns(8), ",&"), fonts, first or (lambda noun: ())).read()


class _Reader:
    """Reads words from left to right."""

    def __init__(self, words: list[str], fonts: tuple[str, ...], first: Lookup) -> None:
        self.words, self.fonts, self.first, self.at = words, fonts, first, 0
        self.things: list[Thing] = []
        self.group: list[int] = []  # things since the last relation
        self.subjects: tuple[int, ...] = ()
        self.kind = ""  # the relation whose object comes next
        self.relations: list[Relation] = []
        self.passed: list[str] = []
        self.told: dict[str, Any] = {}  # of the noun that comes next
        self.joined = True  # whether a thing may begin here: not right after a noun
        self.of = False  # whether what comes next says what the last thing is made of

    def read(self) -> Sentence:
        while self.at < len(self.words):
            if not (self._side() or self._relation() or self._joining() or self._number() or self._noun()):
                self._other()
        self._related()
        return Sentence(tuple(self.things), tuple(self.relations), tuple(self.passed))

    def _phrase(self, length: int) -> str:
        return " ".join(self.words[self.at : self.at + length])

    def _side(self) -> bool:
        phrase = self._phrase(3)
        if phrase not in SIDES or self._phrase(4) in RELATIONS or not self.things or not self.group:
            return False
        last = self.group[-1]
        self.things[last] = Thing(**{**vars(self.things[last]), "side": SIDES[phrase]})
        self.at += 3
        return True

    def _relation(self) -> bool:
        for length in range(4, 0, -1):
            kind = RELATIONS.get(self._phrase(length)) if self.at + length <= len(self.words) else None
            if kind is None:
                continue
            if not self.group:  # nothing that could lie there
                return False
            first = not self.kind and not self.relations
            self._related()
            self.subjects = tuple(self.group if first else self.group[-1:])
            self.group, self.kind, self.joined = [], kind, True
            self.at += length
            return True
        return False

    def _related(self) -> None:
        """Notes the relation whose objects have now been read."""
        if self.kind and self.group:
            objects = self.group if self.kind == "between" else self.group[:1]
            self.relations.append(Relation(self.kind, self.subjects, tuple(objects)))
        elif self.kind:
            self.passed.append(self.kind)
            self.group = list(self.subjects)
        self.kind = ""

    def _joining(self) -> bool:
        if self.words[self.at] not in JOINING:
            return False
        self.joined = True
        self.at += 1
        return True

    def _number(self) -> bool:
        word = self.words[self.at]
        if word in NUMBERS and self.at + 1 < len(self.words):
            self.told["count"] = NUMBERS[word]
        elif word in SIZES:
            self.told["size"] = SIZES[word]
        elif word in COLOURS and self._more():
            self.told["colour"] = word
        elif word in COLOURS and not self.joined and self.group:  # "un cuore rosso"
            last = self.group[-1]
            self.things[last] = Thing(**{**vars(self.things[last]), "colour": word})
            self.at += 1
            return True
        else:
            return False
        self.joined = True
        self.at += 1
        return True

    def _more(self) -> bool:
        """Whether a noun follows the word here: "an orange" is a fruit, "an orange cat" is a cat."""
        for place in range(self.at + 1, len(self.words)):
            word = self.words[place]
            if word in JOINING or word in RELATIONS:
                return False
            if word not in SILENT and glyphs_meant(word, self.fonts):
                return True
        return False

    def _noun(self) -> bool:
        for length in range(min(LONGEST, len(self.words) - self.at), 0, -1):
            phrase = self._phrase(length)
            glyphs = [] if phrase in SILENT else glyphs_meant(phrase, self.fonts)
            noun, several = noun_for(phrase, self.fonts)
            other = next((name for name in singulars(phrase) if phrase not in SILENT and self.first(name)), None)
            if other is not None and not glyphs:
                noun, several = other, other != phrase
            elif not glyphs:
                continue
            count = self.told.pop("count", BARE_PLURAL if several else 1)
            count = max(1, min(count, MOST - sum(thing.count for thing in self.things)))
            # Fonts give names of nouns to logos, too.
            plain = glyphs_of(noun, self.fonts) if noun in nouns() else ()
            drawn = self.first(noun) or (self.first(other) if other else ()) or plain or tuple(glyphs)
            thing = Thing(noun, tuple(drawn), count, **self.told)
            self.told = {}
            self.at += length
            beside = not self.joined and bool(self.things)
            if beside and (self.of or (self.things[-1].noun in nouns() and noun not in nouns())):
                self.passed.append(phrase)  # "a cup of tea", "a man running"
                self.of = False
                return True
            if beside:
                before = self.things.pop()
                self.passed.append(before.noun)
                words = {name: getattr(before, name) or getattr(thing, name) for name in ("size", "colour")}
                thing = Thing(thing.noun, thing.glyphs, max(before.count, thing.count), **words)
                self.group.remove(len(self.things))
            if sum(one.count for one in self.things) >= MOST:
                self.passed.append(phrase)
            else:
                self.group.append(len(self.things))
                self.things.append(thing)
            self.joined = self.of = False
            return True
        return False

    def _other(self) -> None:
        word = self.words[self.at]
        if word == "of":
            self.of = not self.joined
        elif word in ("a", "an", "the"):
            self.joined = self.joined or not self.of
        elif word not in FILLING:
            self.passed.append(word)
        self.at += 1
