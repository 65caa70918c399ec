"""ImageNet's thousand classes by name: which of them a prompt means.

``imagenet.txt`` holds a class a line in the challenge's order: the lemmas of its WordNet 3.0 synset (Princeton
University; WordNet licence), as ILSVRC 2012 publishes them. Everyday words for several classes are below.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.names import synonyms

LONGEST = 4  # words of a name that a prompt is searched for

# A word for many classes, by their numbers: the challenge's order follows WordNet's tree, so most are runs.
_GROUPS = {
    "fish": "0-6 389-397", "shark": "2-4", "ray": "5-6", "chicken rooster": "7-8",
    "bird": "7-24 80-100 127-146", "finch": "10-12 14", "owl": "24", "eagle": "22", "salamander newt": "25-29",
    "frog toad": "30-32", "turtle tortoise": "33-37", "lizard": "38-48", "crocodile alligator": "49-50",
    "dinosaur": "51", "snake": "52-68", "spider": "72-77", "parrot": "87-90", "duck": "97-98", "swan": "100",
    "kangaroo": "104", "crab": "118-121 125", "lobster": "122-123", "stork": "127-128", "heron": "131-132",
    "penguin": "145", "whale": "147-148", "orca": "148", "seal": "150", "dog": "151-268 273-275",
    "terrier": "179-202",
    "retriever": "205-209", "spaniel": "215-220", "poodle": "265-267", "husky": "248-250", "wolf": "269-271",
    "fox": "277-280", "cat kitten": "281-285", "big cat": "286-293", "bear": "294-297", "polar bear": "296",
    "beetle": "300-307", "insect bug": "300-326", "butterfly": "321-326", "moth": "321-326", "rabbit": "330-332",
    "squirrel": "335", "horse": "339", "pig": "341-342", "cow bull cattle": "345-347", "buffalo": "346-347",
    "sheep": "348-349", "goat": "350", "antelope deer": "351-353", "camel": "354", "ape": "365-369",
    "monkey": "370-382", "elephant": "385-386", "panda": "387-388", "guitar": "402 546", "piano": "579 881",
    "aeroplane airplane plane": "404 895", "airplane": "404", "jet": "404 895", "clock": "409 530 892",
    "watch": "531", "car automobile": "436 468 511 627 656 661 751 817", "truck lorry": "555 569 717 864 867",
    "bus": "654 779 874", "train": "466 547 820", "bicycle bike": "444 671", "motorcycle": "665 670",
    "boat": "472 554 576 625 814 914", "sailboat yacht": "780 914", "ship": "403 510 628 780",
    "bottle": "440 720 737 898 907",
    "hat": "433 439 452 515 808", "shoe": "502 514 630 770 774", "boot": "514", "church": "497", "mosque": "668",
    "house": "660 915", "castle": "483", "bridge": "821 839 888", "tower": "900", "lighthouse": "437",
    "ball": "429 430 522 574 722 768 805 852 890", "football": "805", "football helmet": "560",
    "basket": "790", "chair": "423 559 765 857", "table": "532", "sofa couch": "831", "bed": "564 520",
    "telephone phone": "487 528 707", "computer": "527 590 620", "keyboard": "508 878", "camera": "732 759",
    "knife": "499 623", "sword": "787", "gun": "413 763 764", "cup mug": "504 968", "coffee": "504 505 550 967",
    "teapot": "849", "lamp": "846", "umbrella": "879", "drum": "541", "trumpet": "513", "violin": "889",
    "rocket": "657 744", "helmet": "518 560", "mask": "643", "mushroom": "947 991-997", "flower": "985-986",
    "fruit": "948-957", "apple": "948", "vegetable": "936-947", "cabbage": "936", "pumpkin": "607",
    "squash": "940-942", "bread": "930-932", "hamburger burger": "933", "hot dog": "934",
    "sandwich": "933", "wine": "966 907", "mountain": "970 980", "beach": "978", "sea ocean": "978 973",
    "lake": "975",
    "corn maize": "987 998", "shell": "112 117", "snail": "113",
    "glasses spectacles": "837 836", "fountain": "562", "tent": "672", "web": "815",
    "teddy bear": "850", "tractor": "866",
}  # fmt: skip
# Words of a prompt that name nothing to look at.
_SILENT = frozenset(
    """
    a an the of on in at with and to my some this that his her its one two three many small large big tiny little
    huge picture image photo photograph drawing collage painting
    """.split()  # noqa: SIM905
)


@cache
def class_names() -> tuple[tuple[str, ...], ...]:
    """The lemmas of each class, in the challenge's order."""
    lines = Path(__file__).with_name("imagenet.txt").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(lemma.strip() for lemma in line.split(",")) for line in lines)


@cache
def _table() -> dict[str, tuple[int, ...]]:
    """Lower-case names to classes: lemmas first, everyday words for several classes over them."""
    found: dict[str, list[int]] = {}
    for number, lemmas in enumerate(class_names()):
        for lemma in lemmas:
            found.setdefault(_plain(lemma), []).append(number)
    for words, runs in _GROUPS.items():
        classes: list[int] = []
        for run in runs.split():
            first, _, last = run.partition("-")
            classes.extend(range(int(first), int(last or first) + 1))
        names = (
            [words]
            if words in ("big cat", "polar bear", "teddy bear", "hot dog", "football helmet")
            else words.split()
        )
        for name in names:
            found[name] = classes
    return {name: tuple(dict.fromkeys(classes)) for name, classes in found.items()}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("'s", "")))


def _singular(word: str) -> list[str]:
    found = [word]
    for ending, put in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            found.append(word[: -len(ending)] + put)
    return found


def match_classes(prompt: str) -> tuple[int, ...]:
    """The classes that a prompt means: the longest names found in it.

    Raises `VertumnusError` for an empty prompt, and with the nearest known words if nothing matches: by meaning where
    a word is another for one that is known, as sparrow and bird, else by spelling.

    >>> [class_names()[n][0] for n in match_classes("a monarch butterfly")], match_classes("two great white sharks")
    (['monarch'], (2,))
    >>> len(match_classes("a dog"))
    121
    """
    words = _plain(prompt).split()
    if not words:
        raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
    table = _table()
    found: list[int] = []
    at = 0
    while at < len(words):
        for count in range(min(LONGEST, len(words) - at), 0, -1):
            head, last = words[at : at + count - 1], words[at + count - 1]
            names = [" ".join([*head, last_]) for last_ in _singular(last)]
            hit = next((table[name] for name in names if name in table and name not in _SILENT), None)
            if hit is not None:
                found.extend(hit)
                at += count
                break
        else:
            at += 1
    if not found:
        telling = [word for word in words if word not in _SILENT] or words
        alike = [near for word in telling for name in _singular(word) if (near := synonyms().get(name)) in table]
        hints = f"; did you mean {' or '.join(dict.fromkeys(map(str, alike)))}?" if alike else ""
        hints = hints or did_you_mean(" ".join(telling), table) or did_you_mean(telling[-1], table)
        raise VertumnusError(f"prompt: {prompt!r} names nothing that the classifier knows{hints}")
    return tuple(dict.fromkeys(found))
