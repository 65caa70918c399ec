"""Documents, mosaics and their pictures, gone wrong as trees, as texts and as archives."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from typing import Any

from hostile.cases import Case, Command, Kitchen
from hostile.values import change_tree, deep, spoil, text_of

READERS: list[Command] = [
    ["info", "@"],
    ["render", "@", "-o", "out/a.png"],
    ["render", "@", "-o", "out/a.svg"],
    ["render", "@", "-o", "out/a.jpg", "--scale", "2"],
    ["render", "@", "-o", "out/a.tif"],
    ["render", "@", "-o", "out/a.dzi"],
    ["render", "@", "-o", "out/a.collage", "-o", "out/a.json"],
    ["measure", "@", "--shape", "heart"],
    ["measure", "@", "--shape", "canvas", "--json"],
    ["again", "@", "-o", "out/again.collage"],
    ["pack", "--from", "@", "-o", "out/a.collage", "--quality", "fast"],
    ["pack", "pieces", "--from", "@", "-o", "out/a.collage", "--quality", "fast"],
    ["compose", "--from", "@", "--prompt", "a bird", "--iterations", "5", "-o", "out/a.collage"],
    ["compose", "--from", "@", "--like", "photograph.png", "--iterations", "5", "-o", "out/a.collage"],
    ["blend", "@", "-o", "out/a.png"],
    ["mosaic", "--assignment", "@", "-o", "out/a.png"],
    ["render", "@", "-o", "out/a.ora"],
    ["render", "@", "-o", "out/a.psd"],
    ["render", "@", "-o", "out/a.pdf"],
    ["render", "@", "-o", "out/a.webp"],
    ["contact", "@", "-o", "out/a.html"],
    ["harmonize", "@", "--model", "none", "--longest", "64", "-o", "out/a.png"],
    ["harmonize", "edit", "@", "--undo", "-o", "out/a.collage"],
    ["open", "a.svg", "--original", "@", "-o", "out/a.collage"],
    ["measure", "@", "--reference", "photograph.png"],
]

# What is as much an option's or a format's as the document's.
SAID = ("--shape: missing", "out/a.pdf: a page of", "out/a.psd: ", "out/a.webp: ", "out/a.jpg: ")


def read_by(rng: random.Random, name: str, some: int = 1) -> list[Command]:
    """Commands that read a document."""
    return [[name if word == "@" else word for word in command] for command in rng.sample(READERS, some)]


def documents(kitchen: Kitchen) -> Case:
    """A collage as JSON beside its pictures, or in a zip, with its tree changed."""
    rng = kitchen.rng
    tree = json.loads(kitchen.read("folder.json"))
    source = rng.choice(["a.collage", "composed.collage", "liked.collage", "words.collage", "harmonized.collage"])
    with zipfile.ZipFile(io.BytesIO(kitchen.read(source))) as archive:
        if rng.random() < 0.7:
            tree = json.loads(archive.read("collage.json"))
        members = {name: archive.read(name) for name in archive.namelist()}
    _aim(rng, tree)
    data = text_of(rng, change_tree(rng, tree, rng.choice([0, 1, 1, 1, 2, 3])))
    for name in ("pieces", "photograph.png", "a.svg"):
        kitchen.take(name)
    if rng.random() < 0.5:
        for name, member in members.items():
            kitchen.put(name, member)
        name = kitchen.put("wrong.json", data)
    else:
        name = kitchen.put("wrong.collage", zipped(members | {"collage.json": data}))
    return Case(read_by(rng, name), [name, *SAID])


def _aim(rng: random.Random, tree: dict[str, Any]) -> None:
    """Sets what may be set, to the ends of what it may be."""
    if rng.random() < 0.4:
        return
    layer = rng.choice(tree["layers"])
    ends: dict[str, list[Any]] = {
        "x": [1e7, -1e7, 1e6, 20.0], "y": [1e7, -1e7, 1e6, 20.0], "scale": [1e-6, 1e6, 1e3, 1e-3, 30.0],
        "rotation": [1e6, -1e6, 45],
        "squeeze": [1e-3, 1e3], "shear": [89, -89, 45], "gain": [[1e3] * 3, [0] * 3],
        "offset": [[1e3] * 3, [-1e3] * 3],
        "opacity": [0, 1e-9], "outline": ["hexagon"], "snap": [True], "flip": [True], "locked": [True],
        "visible": [False],
        "crop": [[0, 0, 1, 1], [3, 3, 2, 2], [0, 0, 20, 24], [0, 0, 2**31, 1], [2**62, 0, 2**62, 2**62]],
        "depth": [1.0],
        "light": ["srgb"], "prompt": ["a bird"], "name": ["\x1b[31m", "<script>", "a\nb", "../x"],
    }  # fmt: skip
    for name in rng.sample(sorted(ends), rng.randint(1, 3)):
        layer[name] = rng.choice(ends[name])
    if rng.random() < 0.3:
        tree["width"], tree["height"] = rng.choice(
            [
                (1, 1),
                (1, 1_000_000),
                (1_000_000, 1),
                (1_000_000, 1_000_000),
                (3000, 2000),
                (2, 300_000),
                (20_000, 20_000) if rng.random() < 0.2 else (2000, 6000),  # it takes as long as fifty others
            ]
        )
    if rng.random() < 0.2:
        tree["rendering"] = rng.choice(
            ["transparency", "masked-transparency", "masked-transparency-normed", "opacity"]
        )
    if rng.random() < 0.1:
        tree["layers"] = [dict(layer, id="") for layer in tree["layers"]] * rng.choice([0, 10, 300])
    if rng.random() < 0.1 and tree.get("made_by"):
        tree["made_by"]["options"] = deep(900)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Members as an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def archives(kitchen: Kitchen) -> Case:
    """A zip that lies about its members: sizes, methods, names, lengths; or is cut."""
    rng = kitchen.rng
    data = kitchen.read(rng.choice(["a.collage", "m.collage", "composed.collage", "words.collage"]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    act = rng.randrange(8)
    if act == 0:
        data = spoil(rng, data)
    elif act == 1:
        methods = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
        data = spoil(rng, zipped(members, rng.choice(methods)), 2)
    elif act == 2:
        data = _lying(rng, zipped(members, zipfile.ZIP_DEFLATED))
    elif act == 3:
        bomb = b" " * rng.choice([1 << 20, 1 << 20, 60 << 20])
        name = rng.choice(["collage.json", next(iter(set(members) - {"collage.json"})), "elements/other.png"])
        method = rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]) if len(bomb) < 1 << 25 else 8
        body = members.get("collage.json", b"") if name == "collage.json" else b""
        data = zipped(members | {name: body + bomb}, method)
    elif act == 4:
        name = rng.choice(
            ["../out.png", "/etc/x", "elements\\..\\x", "C:x", "elements/" + "a" * 60_000, "\ud7ff", "con"]
        )
        data = zipped(members | {name: b"x"})
    elif act == 5:
        tree = json.loads(members["collage.json"])
        picture = rng.choice([name for name in members if name != "collage.json"])
        data = zipped(members | {"collage.json": json.dumps(tree).encode(), picture: spoil(rng, members[picture])})
    elif act == 6:
        cut = rng.randrange(len(data))
        data = data[:cut] + bytes(rng.choice([0, 100])) if rng.random() < 0.7 else data[cut:]
    else:
        position = data.rfind(b"PK\x05\x06")
        data = data[:position] + spoil(rng, data[position:], 3)
    for name in ("pieces", "photograph.png", "a.svg"):
        kitchen.take(name)
    name = kitchen.put("wrong.collage", data)
    return Case(read_by(rng, name), [name, *SAID])


def _lying(rng: random.Random, data: bytes) -> bytes:
    """An archive with sizes or methods in one of its heads that are not so."""
    made = bytearray(data)
    heads = [(b"PK\x01\x02", (10, 20, 24, 42)), (b"PK\x03\x04", (8, 18, 22, 26))]
    mark, fields = rng.choice(heads)
    places = [n for n in range(len(data) - 4) if data[n : n + 4] == mark]
    for _ in range(rng.randint(1, 3)):
        at = rng.choice(places) + rng.choice(fields)
        if fields[0] + rng.choice(places) == at or rng.random() < 0.2:
            struct.pack_into("<H", made, at, rng.choice([0, 8, 9, 12, 14, 93, 95, 98, 99, 65535]))
        else:
            old = struct.unpack_from("<I", made, at)[0]
            struct.pack_into(
                "<I",
                made,
                at,
                rng.choice([0, 1, (old + 1) % 2**32, max(0, old - 1), 2**31, 2**32 - 1, old * 3 % 2**32]),
            )
    return bytes(made)


def assignments(kitchen: Kitchen) -> Case:
    """A mosaic's document, of this version or the first, with its tree changed."""
    rng = kitchen.rng
    for name in ("pieces", "photograph.png", "a.svg"):
        kitchen.take(name)
    name = rng.choice(["mosaic.json", "first.json", "first.json"])
    tree = change_tree(rng, json.loads(kitchen.read(name)), rng.choice([1, 1, 2, 3]))
    if rng.random() < 0.1 and isinstance(tree, dict):
        linked = tree.get("linked")
        tree["linked"] = dict.fromkeys(
            linked if isinstance(linked, dict) else {}, rng.choice(["treasure/gold.txt", "/dev/zero", "pipe.png"])
        )
    kitchen.put("wrong.json", text_of(rng, tree))
    more = rng.choice([[], ["--tone", "mean"], ["--size", "96"], ["--tone", "transport:1", "photograph.png"]])
    commands = [["mosaic", "--assignment", "wrong.json", "-o", "out/a.png", *more]]
    if name == "mosaic.json":
        commands += read_by(rng, "wrong.json", 1)
    return Case(commands, ["wrong.json", *SAID])
