"""Folders of models gone wrong: configurations, weights, vocabularies, files that are missing, doubled or links."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import numpy as np

from hostile.cases import Case, Command, Kitchen
from hostile.values import change_tree, spoil


def stock_networks(pantry: Path) -> None:
    """Tiny models with random weights; every command that the cases give must end well with them."""
    from hostile.pantry import done
    from tiny import clip, stable_diffusion

    stable_diffusion(pantry / "diffusion")
    clip(pantry / "clip")
    for command in COMMANDS["diffusion"] + COMMANDS["clip"]:
        (pantry / "out").mkdir(exist_ok=True)
        done(*(str(pantry / word) if word in LYING else word.replace("@", str(pantry)) for word in command))


LYING = ("pieces", "a.collage")
COMPOSING = ["--size", "40", "--iterations", "2", "-o", "@/out/a.collage", "--prompt", "a bird"]
COMMANDS: dict[str, list[Command]] = {
    "diffusion": [
        ["compose", "pieces", *COMPOSING, "--guidance", "@/diffusion", "--guidance-interval", "1"],
        [
            "harmonize",
            "a.collage",
            "--prompt",
            "auto",
            "--model",
            "@/diffusion",
            "--steps",
            "2",
            "-o",
            "@/out/h.png",
        ],
    ],
    "clip": [
        ["measure", "a.collage", "--prompt", "a bird", "--clip", "@/clip"],
        ["compose", "pieces", *COMPOSING, "--guidance", "clip:@/clip"],
    ],
}


def networks(kitchen: Kitchen) -> Case:
    """One file of a model changed."""
    rng = kitchen.rng
    kind = rng.choice(sorted(COMMANDS))
    kitchen.take(kind)
    kitchen.take("pieces")
    kitchen.take("a.collage")
    folder = kitchen.folder / kind
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = rng.choice([path.suffix for path in files])
    path = rng.choice([path for path in files if path.suffix == chosen])
    data = path.read_bytes()
    act = rng.random()
    if path.suffix == ".json" and act < 0.75:
        path.write_bytes(json.dumps(change_tree(rng, json.loads(data))).encode())
    elif path.suffix == ".safetensors" and act < 0.75:
        path.write_bytes(weights_changed(rng, data))
    elif act < 0.85:
        path.write_bytes(spoil(rng, data))
    elif act < 0.9:
        path.unlink()
    elif act < 0.95:
        path.unlink()
        rng.choice([path.mkdir, lambda: path.symlink_to("/dev/zero"), lambda: path.symlink_to("nowhere")])()
    else:  # what must never be run or unpacked
        (folder / "modeling.py").write_text("open('treasure/gold.txt', 'w').write('lead')")
        path.with_suffix(".bin").write_bytes(b"cos\nsystem\n(S'echo lead > treasure/gold.txt'\ntR.")
        if path.suffix == ".safetensors":
            path.unlink()
    command = rng.choice(COMMANDS[kind])
    return Case([[word.replace("@/", "") for word in command]], [kind, path.name])


def weights_changed(rng: random.Random, data: bytes) -> bytes:
    """Safetensors with another head, or with numbers that are none."""
    (length,) = struct.unpack_from("<Q", data)
    head, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    act = rng.random()
    if act < 0.5:
        head = change_tree(rng, head)
    elif act < 0.8:
        numbers = np.frombuffer(body[: len(body) // 4 * 4], np.float32).copy()
        numbers[rng.randrange(len(numbers)) if rng.random() < 0.5 else slice(None)] = rng.choice(
            [np.nan, np.inf, 1e38, 0.0, 1e-45]
        )
        body = numbers.tobytes()
    elif act < 0.9:
        body = body[: rng.randrange(len(body))]
    else:
        return struct.pack("<Q", rng.choice([0, 2**63, 2**40, length + 8])) + data[8:]
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + body
