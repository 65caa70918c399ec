"""Texts, tables of words and fonts gone wrong, for clouds of words; and films."""

from __future__ import annotations

import random

from hostile.cases import Case, Command, Kitchen
from hostile.files import picture_in_disguise
from hostile.values import NUMBERS, TEXTS, change_tree, spoil, text_of

WORDS = ["--size", "120", "--quality", "fast", "--max-words", "12", "-o", "out/a.collage"]
TABLE = [["word", "weight", "group", "link", "color"], ["leaf", "3", "a", "", "red"], ["lemon", "2", "b", "", ""]]


def texts(kitchen: Kitchen) -> Case:
    """A text, a table, a list of stop words or a font that words are made of."""
    rng = kitchen.rng
    kitchen.take("text.txt")
    act = rng.random()
    more: Command = []
    if act < 0.3:
        name, given = kitchen.put("wrong.txt", _text(rng)), "wrong.txt"
    elif act < 0.55:
        name = given = kitchen.put(*_table(rng))
    elif act < 0.75:
        tree = change_tree(rng, rng.choice([{"leaf": 3, "lemon": 2}, [["leaf", 3], {"word": "a", "n": 2}]]))
        name = given = kitchen.put("wrong.json", text_of(rng, tree))
    elif act < 0.85:
        name, given = kitchen.put("wrong.txt", _text(rng)), "text.txt"
        more = ["--stop-words", name]
    elif act < 0.95:
        name, given = kitchen.put("wrong.ttf", spoil(rng, kitchen.read("font.ttf"), 8)), "text.txt"
        more = ["--font", name]
    else:
        broken = rng.random() < 0.5
        name = kitchen.put("wrong.png", picture_in_disguise(rng) if broken else spoil(rng, kitchen.read("a.png")))
        given, more = "text.txt", [rng.choice(["--color-from", "--shape", "--block"]), name]
    more += ["--html", "out/a.html"] if rng.random() < 0.4 else []
    more += rng.choice([[], [], ["--repeat"], ["--phrases", "3"], ["--colors", "viridis", "--color-by", "weight"]])
    command = ["words", given, *WORDS, *more]
    if name == "wrong.ttf" and rng.random() < 0.3:
        command = ["shape", "text:Qa", "--font", name, "--size", "40", "-o", "out/s.png"]
    return Case([command], [name, "ink", "no word"])


def _text(rng: random.Random) -> bytes:
    made = rng.choice(
        [
            lambda: "x" * rng.choice([10, 3000, 200_000]),
            lambda: "leaf " * rng.choice([1, 100_000]),
            lambda: " ".join(f"w{n}" for n in range(rng.choice([30, 20_000]))),
            lambda: "a" + "\u0301" * rng.choice([3, 500]) + " leaf",
            lambda: (
                "\u0633\u0644\u0627\u0645 \u202e leaf \u200b\u200d \ufdfd \U0001f469\u200d\U0001f680 \ue000 \uffff"
            ),
            lambda: " ".join(text.replace("\ud800", "") for text in rng.sample(TEXTS, 6)),
            lambda: "".join(chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0x10000)])) for _ in range(300)),
            lambda: "'" * 3000 + "-" * 3000 + "(" * 3000,
            lambda: "",
        ]
    )()
    data = made.encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]), "surrogatepass")
    return spoil(rng, data) if rng.random() < 0.2 else data


def _table(rng: random.Random) -> tuple[str, bytes]:
    rows = [list(row) for row in TABLE]
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(rows))
        if rng.random() < 0.5:
            rows[row][1:2] = [str(rng.choice([number for number in NUMBERS if number != 10**400]))]
        else:
            column = rng.randrange(max(1, len(rows[row])))
            rows[row][column : column + 1] = rng.choice([[rng.choice(TEXTS)], [], ["x" * 200_000], ["javascript:1"]])
    suffix, cut = rng.choice([("csv", ","), ("tsv", "\t"), ("csv", ";")])
    data = "\n".join(cut.join(row) for row in rows).encode("utf-8", "surrogatepass")
    return f"wrong.{suffix}", spoil(rng, data) if rng.random() < 0.2 else data


def films(kitchen: Kitchen) -> Case:
    """An animation or a video with bytes that are not its own, rebuilt frame by frame."""
    rng = kitchen.rng
    kitchen.take("pieces")
    chosen = rng.choice(sorted(path.name for path in (kitchen.pantry / "films").iterdir()))
    data, suffix = kitchen.read(f"films/{chosen}"), chosen.rpartition(".")[2]
    data = picture_in_disguise(rng) if rng.random() < 0.1 else spoil(rng, data, 8)
    suffix = rng.choice(["gif", "mp4", "webm", "webp"]) if rng.random() < 0.1 else suffix
    name = kitchen.put(f"wrong.{suffix}", data)
    out = rng.choice(["out/a.gif", "out/a.mp4", "out/film", "out/a.png"])
    like = ["compose", "pieces", "--like", name, "--size", "40", "--iterations", "2", "-o", out]
    grid = ["--grid", "2x3", "--size", "24", "--index", "out/index"]
    return Case(
        [rng.choice([["mosaic", name, "--tiles", "pieces", *grid, "-o", out], like])], [name, "-o: ", "out/film: "]
    )
