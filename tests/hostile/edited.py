"""What comes back from editors, gone wrong: SVG, OpenRaster, PSD; and galleries, which somebody may have edited."""

from __future__ import annotations

import contextlib
import html
import io
import json
import random
import re
import zipfile

from hostile.cases import Case, Command, Kitchen
from hostile.documents import zipped
from hostile.files import picture_in_disguise
from hostile.values import NUMBERS, TEXTS, as_json, change_tree, spoil

ATTRIBUTE = re.compile(r"""([\w:-]+)=("[^"]*"|'[^']*')""")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def edited(kitchen: Kitchen) -> Case:
    """A file of layers with its text, its pictures or its bytes changed, opened alone or with its original."""
    rng = kitchen.rng
    suffix = rng.choice(["svg", "svg", "svg", "ora", "ora", "psd", "psd"])
    data = kitchen.read(f"a.{suffix}")
    if suffix == "svg":
        data = markup_changed(rng, data.decode()).encode("utf-8", "surrogatepass")
        data = spoil(rng, data, 2) if rng.random() < 0.15 else data
    elif suffix == "ora":
        data = _openraster(rng, data)
    else:
        data = spoil(rng, data, 8)
    name = kitchen.put(f"wrong.{suffix}", data)
    command: Command = ["open", name]
    if rng.random() < 0.6:
        command += ["--original", kitchen.take("a.collage")]
        command += ["--lock", "moved"] if rng.random() < 0.5 else []
    for suffix in rng.sample(["collage", "json", "png", "svg", "ora"], rng.choice([1, 1, 2])):
        command += ["-o", f"out/a.{suffix}"]
    return Case([command], [name])


def markup_changed(rng: random.Random, text: str) -> str:
    """A text in XML with attributes changed, elements dropped, doubled, or put deep into each other."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        places = list(ATTRIBUTE.finditer(text))
        elements = list(re.finditer(r"<(?:use|image|layer|g|path)\b[^>]*/>", text))
        act = rng.random()
        if act < 0.75 or not elements:
            chosen = rng.choice(sorted({place[1] for place in places}))  # each name as often as any other
            place = rng.choice([place for place in places if place[1] == chosen])
            text = text[: place.start(2)] + _quoted(_value(rng, place[2][1:-1])) + text[place.end(2) :]
        else:
            element = rng.choice(elements)
            deep = rng.choice([10, 100, 300])
            instead = rng.choice(
                ["", element[0] * 2, "<g>" * deep + element[0] + "</g>" * deep, element[0][:-2] + ">", "<!---->"]
            )
            text = text[: element.start()] + instead + text[element.end() :]
    return text


def _value(rng: random.Random, old: str) -> str:
    """A hostile value of an attribute, near the old one or not."""
    tree = html.unescape(old)
    if tree.startswith("{") and rng.random() < 0.8:
        with contextlib.suppress(ValueError):  # one that was changed before may be no tree any more
            return as_json(change_tree(rng, json.loads(tree)))
    numbers = list(NUMBER.finditer(old))
    if numbers and len(old) < 1000 and rng.random() < 0.7:
        found = rng.choice(numbers)
        return old[: found.start()] + str(rng.choice(NUMBERS[:-12]))[:400] + old[found.end() :]
    if old.startswith("data:") and rng.random() < 0.5:
        at = rng.randrange(len(old))
        return old[:at] + rng.choice(["", "A", "!", "=="]) + old[at + rng.randrange(40) :]
    return rng.choice([*TEXTS, "", old * 2, old[: len(old) // 2]])


def _quoted(text: str) -> str:
    return '"' + html.escape(text).replace("\x00", "&#0;") + '"'


def _openraster(rng: random.Random, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    draw = rng.random()
    if draw < 0.15:
        return spoil(rng, data)
    if draw < 0.4:
        name = rng.choice([name for name in members if name.endswith(".png")])
        members[name] = picture_in_disguise(rng) if rng.random() < 0.5 else spoil(rng, members[name])
    elif draw < 0.45:
        members.pop(rng.choice(sorted(members)))
    else:
        text = markup_changed(rng, members["stack.xml"].decode())
        members["stack.xml"] = text.encode("utf-8", "surrogatepass")
    return zipped(members)


def galleries(kitchen: Kitchen) -> Case:
    """A gallery of results whose index or pictures are not its own, taken from or gone on with."""
    rng = kitchen.rng
    kitchen.take("harmonized.collage")
    kitchen.take("gallery", "wrong")
    place = kitchen.folder / "wrong"
    index = place / "gallery.json"
    if rng.random() < 0.7:
        tree = json.loads(index.read_bytes())
        index.write_bytes(as_json(change_tree(rng, tree, rng.choice([1, 1, 2]))).encode("utf-8", "surrogatepass"))
    else:
        touched = rng.choice(sorted(place.iterdir()))
        touched.write_bytes(spoil(rng, touched.read_bytes()))
    edit = ["harmonize", "edit", "harmonized.collage", "--layer", "piece0", "--gallery", "wrong"]
    command = rng.choice(
        [
            [*edit, "--take", "0", "-o", "out/a.collage"],
            [*edit, "--model", "none", "--seeds", "2"],
        ]
    )
    return Case([command], ["wrong"], writes=["wrong"])
