"""Options of every verb with values that nobody means."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

from hostile.cases import Case, Command, Kitchen
from hostile.pantry import COMPOSE, PACK
from hostile.values import NUMBERS, TEXTS

# Each verb's honest command; "@" begins options that are left out where one of them is given anew.
HONEST: dict[str, Command] = {
    "pack": ["pack", "pieces", "--shape", "heart", *PACK, "-o", "out/a.collage"],
    "compose": ["compose", "pieces", *COMPOSE, "-o", "out/a.collage"],
    "mosaic": [
        "mosaic",
        "photograph.png",
        "--tiles",
        "pieces",
        "--grid",
        "3x4",
        "--size",
        "48",
        "-o",
        "out/a.png",
        "--index",
        "out",
    ],
    "tiles index": ["tiles", "index", "pieces", "--index", "out"],
    "cutout": ["cutout", "pieces", "-o", "out/cut"],
    "again": ["again", "a.collage", "-o", "out/a.collage"],
    "render": ["render", "a.collage", "-o", "out/a.png"],
    "blend": ["blend", "a.collage", "-o", "out/a.png"],
    "measure": ["measure", "a.collage", "--shape", "heart"],
    "info": ["info", "a.collage"],
    "shape": ["shape", "heart", "--size", "40"],
    "words": ["words", "text.txt", "--size", "120", "--quality", "fast", "-o", "out/a.collage"],
    "open": ["open", "a.svg", "-o", "out/a.collage"],
    "contact": ["contact", "a.collage", "-o", "out/a.html"],
    "harmonize": ["harmonize", "a.collage", "--model", "none", "--longest", "64", "-o", "out/a.png"],
    "harmonize edit": [
        "harmonize", "edit", "harmonized.collage", "--layer", "piece0", "--model", "none", "--seeds", "1",
        "--gallery", "out/g",
    ],
    "tiles info": ["tiles", "info", "pieces", "--beside"],
    "tiles prune": ["tiles", "prune", "pieces", "--index", "out"],
    "models": ["models"],
    "doctor": ["doctor"],
    "schema": ["schema", "-o", "out/a.json"],
}  # fmt: skip
LEFT_OUT = ("--help", "--version", "--ray", "--vlm", "--output", "-o", "--starts")
LONG = {"--count": 300, "--iterations": 50, "--population": 8, "--level": 5, "--initial-search": 9, "--steps": 50}
LONG |= {"--max-words": 300, "--seeds": 3, "--side": 1000, "--longest": 300, "--contour": 100}
LONG |= {"--variations": 20, "--scale": 8, "--initial-search-steps": 20, "--size": 2000}
SIZES = [
    "1000000",
    "1000000x1",
    "0",
    "-5",
    "1x1",
    "40x",
    "x40",
    "1e3",
    "99999999999999999999",
    "2x2",
    "40x30x20",
    "²",
]


@cache
def flags(verb: str) -> tuple[tuple[str, Any], ...]:
    """The options of a verb: name and type."""
    from vertumnus.cli.app import app

    found = app
    for word in verb.split():
        found = found[word]
    arguments = found.assemble_argument_collection()
    return tuple(
        (argument.name, argument.hint)
        for argument in arguments
        if argument.name.startswith("--") and argument.name not in LEFT_OUT
    )


def word(rng: random.Random) -> str:
    """A value as it would be typed."""
    draw = rng.random()
    if draw < 0.55:
        number = rng.choice(NUMBERS)
        return str(number if not isinstance(number, int) or abs(number) < 10**300 else "1" + "0" * 400)
    if draw < 0.65:
        return rng.choice(SIZES)
    if draw < 0.8:
        return ",".join(str(rng.choice(NUMBERS[:12])) for _ in range(rng.randint(2, 3)))
    return rng.choice(TEXTS).replace("\x00", "")


def number(text: str) -> float:
    """The number that a text is, or 0."""
    try:
        return float(text)
    except (ValueError, OverflowError):
        return 0.0


def options(kitchen: Kitchen) -> Case:
    """One or two options of a verb, beyond all bounds."""
    rng = kitchen.rng
    for name in ("pieces", "photograph.png", "a.collage", "harmonized.collage", "a.svg", "text.txt"):
        kitchen.take(name)
    verb = rng.choice(["pack", "pack", "compose", "compose", "mosaic", "mosaic", "words", *HONEST])
    command, names = list(HONEST[verb]), []
    for _ in range(rng.choice([1, 1, 1, 2]) if flags(verb) else 0):
        name, hint = rng.choice(flags(verb))
        if name in ("--checkpoint", "--preview", "--record", "--index", "--folder", "--gallery", "--html"):
            continue
        names += ["--", name.removeprefix("--").replace("-", "_")]
        if hint is bool:
            command.append(name)
            continue
        given = [word(rng)] if "tuple" not in str(hint) else [word(rng), word(rng)]
        names += [
            *given,
            *(str(Path(text)) for text in given),
            "collage.json: there is no such file",
            "there is no word in it",
        ]
        if name in LONG and any(LONG[name] < number(text) < 10**9 for text in given):
            continue  # that is much, but what was asked for
        if name == "--generate" and "--steps" not in command:
            command += ["--steps", "2"]
        # What is given anew takes the place of the honest one.
        if name in command and command[0] != "tiles":
            at = command.index(name)
            del command[at : at + 2]
        command += [f"{name}={given[0]}", *given[1:]]
    return Case([command], names, writes=["harmonized.collage"] if verb == "harmonize edit" else [])
