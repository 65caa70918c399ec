"""Values that nobody means: numbers beyond all bounds, texts that are none, trees too deep; and bytes gone wrong."""

from __future__ import annotations

import json
import math
import random
from typing import Any

NUMBERS: list[Any] = [
    0, -1, 1, 2, 3, 0.5, -0.0, 7, 255, 256, 1000, 65535, 65536, 100_000, 1e5, 1_000_000, 1e6, 1e7, 2**31 - 1,
    2**31, 2**32,
    -(2**31), 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 10**400, 1e10, 1e20, -1e20, 1e38, 1e39, 1e-39,
    1e-6, 1e-7, 1e-300, 5e-324, 1e100, 1e300, 1e308, -1e308, math.inf, -math.inf, math.nan, 0.1, 89.0, 89.9999,
    90.0, 180.0,
    359.99,
]  # fmt: skip
TEXTS = [
    "", " ", "x", "\ud800", "\x00", "a\nb", "\x1b[31mred", "../../../../etc/passwd", "/etc/passwd",
    "treasure/gold.txt",
    "..", ".", "~", "%s%n", "{0}", "x" * 5000, "ü" * 300, "‮", "NaN", "1e999", "0x10", "1_000", "٣", "true", "null",
    "elements/0000000000000000.png", "elements/../treasure/gold.txt", "icon:apple", "text:", "file:///etc/passwd",
    "http://127.0.0.1:9/x", "<script>", "<b>", "]]>", "&amp;", "$(id)", "`id`", "-o", "--help", "red",
    "#12345", "none",
]  # fmt: skip


def deep(levels: int, leaf: Any = 1) -> Any:
    """A list in a list in a list."""
    made = leaf
    for _ in range(levels):
        made = [made]
    return made


def value(rng: random.Random, near: Any = None) -> Any:
    """A hostile value; ``near`` is what an honest one would be, and may only be moved."""
    if isinstance(near, bool) and rng.random() < 0.3:
        return not near
    if isinstance(near, int | float) and not isinstance(near, bool) and rng.random() < 0.35:
        return near * rng.choice([-1, 0.5, 2, 10, 1e3, 1e-3, 1e6, 1e-6, 1e9]) + rng.choice([0, 0, 1, -1])
    if isinstance(near, str) and near and rng.random() < 0.4:
        cut = rng.randrange(len(near) + 1)
        return near[:cut] + rng.choice([*TEXTS, ""]) + near[cut + rng.randrange(2) :]
    draw = rng.random()
    if draw < 0.5:
        return rng.choice(NUMBERS)
    if draw < 0.75:
        return rng.choice(TEXTS)
    if draw < 0.8:
        return deep(rng.choice([1, 20, 400, 880]))
    return rng.choice([None, True, False, [], {}, [1], [1, 2, 3], [None] * 3, {"a": 1}, [[]], list(range(2000))])


def paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to every value in a tree of JSON, down to where nothing is so deep but what was made so."""
    found = [at]
    if len(at) > 12:
        return found
    if isinstance(tree, dict):
        for key, inner in tree.items():
            found += paths(inner, (*at, key))
    elif isinstance(tree, list):
        for index, inner in enumerate(tree[:40]):
            found += paths(inner, (*at, index))
    return found


def change_tree(rng: random.Random, tree: Any, times: int = 1) -> Any:
    """A tree of JSON with values replaced, dropped, doubled, renamed or wrapped."""
    tree = copied(tree)
    for _ in range(times):
        ways = [way for way in paths(tree) if way]
        if not ways:
            return value(rng)
        # Every depth as often as any other, or nothing but the many numbers of layers would be changed.
        depth = rng.choice(sorted({len(way) for way in ways}))
        way = rng.choice([way for way in ways if len(way) == depth])
        parent = tree
        for step in way[:-1]:
            parent = parent[step]
        last, act = way[-1], rng.random()
        if act < 0.7:
            parent[last] = value(rng, parent[last])
        elif act < 0.8:
            del parent[last]
        elif act < 0.85:
            parent[last] = rng.choice([[parent[last]], {"x": parent[last]}, deep(880, 1)])
        elif isinstance(parent, list):
            parent.insert(last, parent[last])
        else:
            parent[rng.choice(["extra", "", "__class__", "\ud800", f"{last} "])] = parent[last]
    return tree


def copied(tree: Any) -> Any:
    """A tree of its own, but for what is too deep to be honest."""
    try:
        return json.loads(json.dumps(tree))
    except RecursionError:
        return tree


def as_json(tree: Any) -> str:
    """The text of a tree; of one that is too deep for the library, that depth alone."""
    try:
        return json.dumps(tree)
    except RecursionError:
        return '{"format": "vertumnus/collage", "version": 2, "width": ' + "[" * 2000 + "]" * 2000 + "}"


def text_of(rng: random.Random, tree: Any) -> bytes:
    """A tree as JSON, perhaps of an encoding or a form that is none."""
    text = as_json(tree)
    data = text.encode()
    act = rng.random()
    if act < 0.85:
        return data
    return rng.choice(
        [
            lambda: text.encode("utf-16"),
            lambda: b"\xef\xbb\xbf" + data,
            lambda: b"\x00" * 8 + data,
            lambda: data.replace(b"1", b"1" * 5000, 1),
            lambda: data.replace(b": ", b": " + b"[" * 100_000, 1),
            lambda: data.replace(b'"', b'"\xff', 2),
            lambda: data.replace(b"}", b', "version": 1}', 1),
            lambda: data + data,
            lambda: data[: rng.randrange(len(data) + 1)],
            lambda: spoil(rng, data),
        ]
    )()


def spoil(rng: random.Random, data: bytes, most: int = 4) -> bytes:
    """Bytes with some flipped, cut, doubled, zeroed, or set to what lengths fear."""
    for _ in range(rng.randint(1, most)):
        if not data:
            break
        # Heads matter most.
        at = rng.randrange(len(data) if rng.random() < 0.6 else min(len(data), rng.choice([8, 32, 128, 512])))
        end = at + rng.choice([1, 2, 4, 8, 64, 1024])
        before, touched, after = data[:at], data[at:end], data[end:]
        act = rng.randrange(8)
        if act <= 1:
            data = before + bytes([touched[0] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif act == 2:
            data = before + rng.choice(_LENGTHS) + data[at + 4 :]
        elif act == 3:
            data = before + bytes(len(touched)) + after
        elif act == 4:
            data = before + rng.randbytes(len(touched)) + after
        elif act == 5:
            data = before + after
        elif act == 6:
            data = before + touched + touched + after
        else:
            data = before
    return data


_LENGTHS = [
    b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00",
    b"\x00\x01\x00\x00", b"\x00\x00\x01\x00", b"\x00\x00\xff\xff",
]  # fmt: skip
