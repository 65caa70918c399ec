"""Pictures, drawings and tables gone wrong, and things that are no files at all."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import random
import socket
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from hostile.cases import Case, Command, Kitchen
from hostile.values import NUMBERS, TEXTS, spoil

PACK = ["--size", "40", "--quality", "fast", "-o", "out/a.collage"]
FILMS = ("-o: a film", "-o: a moving mosaic")  # a folder is taken for the frames of one


@cache
def packed(size: int) -> bytes:
    """So many equal bytes, deflated; made once, before any child, for it takes longer than a case."""
    return zlib.compress(b"a" * size, 9)


@cache
def blank_pngs() -> tuple[bytes, ...]:
    """Black PNGs of many pixels that weigh little."""
    sides = ((3000, 3000), (9000, 9000), (20_000, 20_000), (60_000, 60_000), (1, 1_000_000))
    return (*(blank_png(*side) for side in sides), blank_png(8000, 8000, 6))


def read_by(rng: random.Random, name: str, alone: bool) -> list[Command]:
    """Commands that read a picture, alone or among others."""
    folder = "mixed"
    choices: list[Command] = [
        ["pack", folder, "--shape", "square", *PACK],
        ["pack", folder, "pieces", "--shape", "square", *PACK],
        ["compose", folder, "--prompt", "a bird", "--size", "40", "--iterations", "5", "-o", "out/a.collage"],
        ["tiles", "index", folder, "--index", "out"],
        [
            "mosaic",
            "photograph.png",
            "--tiles",
            folder,
            "--grid",
            "2x3",
            "--size",
            "24",
            "-o",
            "out/m.png",
            "--index",
            "out",
        ],
        ["cutout", folder, "-o", "out/cut"],
    ]
    single: list[Command] = [
        ["mosaic", name, "--tiles", "pieces", "--grid", "2x3", "--size", "24", "-o", "out/m.png", "--index", "out"],
        ["shape", name, "--size", "40", "-o", "out/s.png"],
        ["pack", "pieces", "--shape", name, *PACK],
        ["pack", "pieces", "--shape", "square", "--block", name, *PACK],
        ["pack", name, "--shape", "square", *PACK],
        ["compose", "pieces", "--like", name, "--iterations", "5", "-o", "out/a.collage"],
        ["cutout", name, "-o", "out/cut"],
        ["measure", name, "--reference", "photograph.png"],
        ["measure", "photograph.png", "--reference", name],
        ["info", name],
    ]
    return [rng.choice(single if alone else choices)]


def pictures(kitchen: Kitchen) -> Case:
    """A picture of any format, changed as its format allows, alone or among good ones."""
    rng = kitchen.rng
    chosen = rng.choice(sorted(path.name for path in (kitchen.pantry / "formats").iterdir()))
    data, suffix = kitchen.read(f"formats/{chosen}"), chosen.rpartition(".")[2]
    draw = rng.random()
    if suffix == "png" and draw < 0.6:
        data = png_changed(rng, data)
    elif suffix == "jpg" and draw < 0.4:
        data = jpeg_changed(rng, data)
    elif draw < 0.1:
        data = picture_in_disguise(rng)
    else:
        data = spoil(rng, data)
    if rng.random() < 0.1:
        suffix = rng.choice(["png", "jpg", "gif", "tif", "webp", "avif", "svg", "bmp"])
    for name in ("pieces", "photograph.png"):
        kitchen.take(name)
    kitchen.take("pieces/piece0.png", "mixed/good.png")
    name = kitchen.put(f"mixed/wrong.{suffix}", data)
    return Case(read_by(rng, name, rng.random() < 0.6), ["wrong."])


def picture_in_disguise(rng: random.Random) -> bytes:
    """Bytes that are no picture, or one that unpacks to far more than it weighs."""
    return rng.choice(
        [
            lambda: b"",
            lambda: b"\x00" * 100,
            lambda: b"%PDF-1.4\n%%EOF",
            lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
            lambda: b"P6 99999 99999 255\n" + b"x" * 100,
            lambda: b"BM" + rng.randbytes(100),
            lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535) + rng.randbytes(40),
            lambda: rng.choice(blank_pngs()),
            lambda: rng.choice(blank_pngs()),
            lambda: rng.choice(blank_pngs()),
        ]
    )()


def chunk(name: bytes, body: bytes) -> bytes:
    """A PNG chunk with its check."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def blank_png(width: int, height: int, colour: int = 0) -> bytes:
    """A black PNG of any size that weighs little."""
    line = bytes(1 + width * {0: 1, 2: 3, 6: 4}[colour])
    packer, body = zlib.compressobj(9), b""
    for _ in range(min(height, 60_000)):
        body += packer.compress(line)
        if len(body) > 1 << 18:
            break
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body + packer.flush()) + chunk(b"IEND", b"")


def png_changed(rng: random.Random, data: bytes) -> bytes:
    """A PNG with chunks changed, added, dropped or doubled, their checks right."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    for _ in range(rng.randint(1, 3)):
        n = rng.randrange(len(chunks))
        name, body = chunks[n]
        act = rng.randrange(7)
        if act == 0:
            chunks[n] = (name, spoil(rng, body))
        elif act == 1:
            chunks.insert(n, chunks[rng.randrange(len(chunks))])
        elif act == 2 and len(chunks) > 1:
            del chunks[n]
        elif act == 3:
            width, height = rng.choice([0, 1, 2**31 - 1, 2**31, 70_000, 20]), rng.choice([0, 1, 24, 2**31 - 1, 5])
            form = bytes(
                rng.choice([(8, 6, 0, 0, 0), (16, 2, 0, 0, 1), (1, 3, 0, 0, 0), (8, 7, 9, 9, 9), (8, 0, 0, 0, 0)])
            )
            chunks[0] = (b"IHDR", struct.pack(">II", width, height) + form)
        elif act == 4:
            bomb = packed(rng.choice([100, 1 << 20, 100 << 20]))
            chunks.insert(1, (rng.choice([b"zTXt", b"iCCP"]), b"x\x00\x00" + bomb))
        elif act == 5:
            extra = rng.choice(
                [b"tEXt", b"iTXt", b"eXIf", b"gAMA", b"cHRM", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"sBIT"]
            )
            chunks.insert(
                rng.randrange(1, len(chunks) + 1), (extra, rng.randbytes(rng.choice([0, 1, 8, 26, 3 * 300])))
            )
        else:
            chunks[n] = (bytes(rng.choices(b"abcIHDRxyz", k=4)), body)
    return data[:8] + b"".join(chunk(name, body) for name, body in chunks)


def jpeg_changed(rng: random.Random, data: bytes) -> bytes:
    """A JPEG with another size or table in one of its segments."""
    made = bytearray(data)
    marks = [
        n
        for n in range(len(data) - 1)
        if data[n] == 255 and data[n + 1] in (0xC0, 0xC2, 0xC4, 0xDB, 0xDA, 0xE1, 0xE2)
    ]
    at = rng.choice(marks)
    if data[at + 1] in (0xC0, 0xC2) and rng.random() < 0.7:
        struct.pack_into(">HH", made, at + 5, rng.choice([0, 1, 65535, 30_000]), rng.choice([0, 1, 65535, 30_000]))
    else:
        made[at + 2 : at + 40] = spoil(rng, bytes(made[at + 2 : at + 40]))
    return bytes(made)


def strange_files(kitchen: Kitchen) -> Case:
    """A pipe, a device, a folder or a link named as a picture; names that are no text or no name."""
    rng = kitchen.rng
    for name in ("pieces", "photograph.png"):
        kitchen.take(name)
    kitchen.take("pieces/piece0.png", "mixed/good.png")
    place = kitchen.folder / "mixed"
    act = rng.randrange(8)
    suffix = rng.choice(["png", "jpg", "svg", "json", "csv", "collage", "npz"])
    wrong = f"mixed/wrong.{suffix}"
    path = kitchen.folder / wrong
    if act == 0:
        os.mkfifo(path)
    elif act == 1:
        path.symlink_to(rng.choice(["/dev/zero", "/dev/tty", "/dev/stdin", "/proc/self/mem", "/proc/kmsg"]))
    elif act == 2:
        path.mkdir()
    elif act == 3:
        path.symlink_to(rng.choice(["nowhere", path.name, "/etc/passwd", "../treasure/gold.txt"]))
    elif act == 4:
        with contextlib.suppress(OSError):
            here = Path.cwd()
            os.chdir(place)
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(path.name)
            os.chdir(here)
    elif act == 5:
        name = rng.choice(
            [b"wrong.\xff.png", b"wrong.\n.png", b"wrong.\x1b[31m.png", b'wrong.<b>&".png', b"wrong.\xed\xa0\x80.png"]
        )
        good = rng.random() < 0.7
        (place / os.fsdecode(name)).write_bytes(kitchen.read("pieces/piece1.png") if good else b"x")
        commands = read_by(rng, f"mixed/{os.fsdecode(name)}", rng.random() < 0.4)
        commands[0] += ["-o", "out/b.svg"] if commands[0][0] == "pack" else []
        return Case(commands, ["wrong.", *FILMS])
    elif act == 6:
        path.write_bytes(b"")
        path.chmod(0)
    else:
        with path.open("wb") as stream:
            stream.truncate(rng.choice([1 << 30, 1 << 40]))
    commands = read_by(rng, wrong, rng.random() < 0.5)
    if suffix == "csv":
        commands = [["pack", "pieces", "--shape", "square", "--weights", wrong, *PACK]]
    elif suffix in ("json", "collage"):
        commands = [rng.choice([["info", wrong], ["mosaic", "--assignment", wrong, "-o", "out/a.png"]])]
    elif suffix == "npz":
        commands = [["pack", "pieces", "--shape", "heart", "--checkpoint", wrong, "--resume", *PACK]]
    return Case(commands, ["wrong.", *FILMS])


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
HEAD += ' viewBox="0 0 24 24"{}>{}</svg>'


def drawings(kitchen: Kitchen) -> Case:
    """An SVG that is deep, long, endless, of another encoding, or that reaches for files."""
    rng = kitchen.rng
    body = '<path d="M4 4h10v12H4z"/>'
    many = rng.choice([10, 250, 1000, 20_000, 200_000])
    huge = rng.choice(["1e9", "NaN", "-5", "1e39", "0", "99999999"])
    secret = rng.choice(
        ["file:///etc/passwd", "../treasure/gold.png", "/etc/passwd", "http://127.0.0.1:9/x.png", "x.svg"]
    )
    picture = base64.b64encode(rng.choice([*blank_pngs()[:4:3], b"x", kitchen.read("drawing.svg")]))
    levels = rng.choice([3, 6, 12, 30])
    laughs = "".join(f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(levels))
    effects = [
        f'<filter id="f"><feGaussianBlur stdDeviation="{huge}"/></filter>',
        '<filter id="f"><feTurbulence numOctaves="100000"/></filter>',
        '<filter id="f"><feMorphology operator="dilate" radius="500"/></filter>',
        "<filter id='f'>" + "<feGaussianBlur stdDeviation='30'/>" * rng.choice([1, 50, 1000]) + "</filter>",
        '<filter id="f" x="-1e6" y="-1e6" width="1e7" height="1e7"><feFlood/></filter>',
        '<mask id="f"><rect width="24" height="24" fill="#fff" mask="url(#f)"/></mask>',
        '<pattern id="f" width=".001" height=".001"><rect width="24" height="24" fill="url(#f)"/></pattern>',
    ]
    inner = rng.choice(
        [
            lambda: "<g>" * many + body + "</g>" * many,
            lambda: body * many,
            lambda: f'<g id="a0">{body}</g>{laughs}<use xlink:href="#a{levels}"/>',
            lambda: f'<g filter="url(#f)" mask="url(#f)" fill="url(#f)">{rng.choice(effects)}{body}</g>',
            lambda: f'<g opacity=".5" filter="url(#f)">{rng.choice(effects)}{body * 200}</g>',
            lambda: f'<path d="M0 0{"L9 9" * many}"/>',
            lambda: f'<path stroke="red" stroke-dasharray="1e-9" stroke-width="9" d="M0 0L{huge} 9"/>',
            lambda: f'<circle cx="{huge}" cy="4" r="{huge}"/><rect width="{huge}" height="9"/>{body}',
            lambda: f'<image width="24" height="24" xlink:href="{secret}"/>{body}',
            lambda: f'<image width="24" height="24" xlink:href="data:image/png;base64,{picture.decode()}"/>{body}',
            lambda: f"<style>{'*{fill:red}' * min(many, 20_000)} @import url(file:///etc/passwd);</style>{body}",
            lambda: f'<text x="2" y="20" font-size="{huge}">{"x" * min(many, 5000)}</text>{body}',
            lambda: f'<g transform="{"scale(1.5) " * min(many, 5000)}">{body}</g>',
            lambda: f'<linearGradient id="f" xlink:href="#f"/><g fill="url(#f)">{body}</g>',
            lambda: "<g " + " ".join(f'a{n}="1"' for n in range(min(many, 50_000))) + f">{body}</g>",
            lambda: f"<!--{'x' * many}--><![CDATA[{'y' * many}]]>{body}",
            lambda: f"<script>alert(1)</script><foreignObject>{body}</foreignObject>",
            lambda: "",
        ]
    )()
    size = rng.choice(
        ["", "", "", f' width="{huge}" height="24"', ' width="1" height="100000"', ' width="0"', ' viewBox="a"']
    )
    if size.startswith(" viewBox"):
        text = HEAD.replace(' viewBox="0 0 24 24"', "").format(size, inner)
    else:
        text = HEAD.format(size, inner)
    entity = '<!DOCTYPE svg [<!ENTITY a "xxxxxxxxxx">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    act = rng.random()
    if act < 0.06:
        text = entity + "]>" + text.replace("</svg>", "<text>&j;</text></svg>")
    elif act < 0.1:
        text = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + text.replace(
            "</svg>", "<text>&x;</text></svg>"
        )
    data = text.encode()
    if act > 0.8:
        codec = rng.choice(["gb2312", "utf-16", "utf-7", "latin-1", "utf-32", "cp037"])
        data = (f'<?xml version="1.0" encoding="{codec}"?>' + text).encode(codec)
    elif act > 0.7:
        data = spoil(rng, data)
    elif act > 0.67:
        import gzip

        data = gzip.compress(data + b" " * rng.choice([0, 100 << 20]))
    for name in ("pieces", "photograph.png"):
        kitchen.take(name)
    name = kitchen.put("mixed/wrong.svg", data)
    kitchen.take("pieces/piece0.png", "mixed/good.png")
    commands = rng.choice(
        [
            ["pack", "mixed", "--shape", "square", *PACK],
            ["pack", name, "--shape", "square", *PACK],
            ["pack", "pieces", "--shape", name, *PACK],
            ["shape", name, "--size", "40", "-o", "out/s.png"],
            ["compose", "mixed", "--prompt", "a bird", "--size", "40", "--iterations", "5", "-o", "out/a.collage"],
        ]
    )
    return Case([commands], ["wrong.svg"])


def tables(kitchen: Kitchen) -> Case:
    """A table of weights, or of prompts, with numbers, names and forms that are none."""
    rng = kitchen.rng
    kitchen.take("pieces")
    rows = [["name", "weight"], ["piece0", "1.5"], ["piece1", "1"], ["piece2", "0.5"]]
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(rows))
        act = rng.random()
        if act < 0.6:
            rows[row][1:2] = [str(rng.choice(NUMBERS))]
        elif act < 0.8:
            column = rng.randrange(max(len(rows[row]), 1))
            rows[row][column : column + 1] = [rng.choice(TEXTS)]
        elif act < 0.9:
            rows[row].append("x")
        else:
            rows.insert(row, rng.choice([[], ["piece0"], ["x" * 200_000, "1"], ["*", "1"], ["piece1", "1e999"]]))
    text = rng.choice(["\n", "\r\n", "\r", "\x00\n"]).join(
        rng.choice([",", ",", ",", ";", "\t"]).join(row) for row in rows
    )
    data = text.encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]), "surrogatepass")
    if rng.random() < 0.2:
        data = spoil(rng, data)
    if rng.random() < 0.1:
        data = b'"' + data * rng.choice([1, 1000])
    kitchen.put("wrong.csv", data)
    more = rng.choice([[], ["--sizes", "proportional"], ["--sizes", "fixed"], ["--count", "7"], ["--open"]])
    return Case([["pack", "pieces", "--shape", "heart", "--weights", "wrong.csv", *PACK, *more]], ["wrong.csv"])


def as_picture(pixels: np.ndarray) -> bytes:
    """Pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
