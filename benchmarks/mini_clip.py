"""How well mini's CLIP tells captions apart, and names icons of families that it never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from mini_shared import HELD_OUT, Share, share, to_tensor  # puts the training scripts onto the path

from vertumnus.models.clip import Clip
from vertumnus.models.mini.vocabulary import with_article

import collages  # isort: skip
from captions import wrong_captions  # isort: skip
from clip import distort  # isort: skip
from drawings import CHOOSING, JUDGING, TRAINED  # isort: skip
from world import SIMPLE, World, WorldOptions  # isort: skip

CANDIDATES = 32


@torch.no_grad()
def measure_clip(model: Clip, known: tuple[str, ...], count: int) -> dict[str, Share]:
    """How often a held-out scene's caption comes first of 32: wrong in one word, and of other scenes.

    Captions of other scenes are taken only if they name a noun that is not in this one, so none is true by chance.
    """
    world = World(78, WorldOptions(nouns=len(known), combinations="all", empty=0.0, emoji=0.0))
    rng = np.random.default_rng(0)
    scenes = [world.scene(HELD_OUT + n) for n in range(count)]
    first: list[bool] = []
    by_kind: dict[str, list[bool]] = {}
    for n, scene in enumerate(scenes):
        wrong: dict[str, str] = {}
        for _ in range(4):  # several wrong nouns, colours and sides
            wrong.update({text: kind for kind, text in wrong_captions(scene, known, rng).items()})
        wrong.pop(scene.caption, None)
        held = {thing.noun for thing in scene.things}
        texts = [scene.caption, *wrong]
        for m in rng.permutation(count):
            other = scenes[m]
            if len(texts) == CANDIDATES:
                break
            if m != n and not {thing.noun for thing in other.things} <= held and other.caption not in texts:
                texts.append(other.caption)
        image = to_tensor(world.draw(scene)[None])
        scores = model.similarity(image, texts)[0].numpy()
        first.append(bool(scores.argmax() == 0))
        for kind in set(wrong.values()):
            rivals = [at for at, text in enumerate(texts) if wrong.get(text) == kind]
            by_kind.setdefault(kind, []).append(bool(scores[0] > scores[rivals].max()))
    beaten = {f"beats wrong {kind}": share(won) for kind, won in sorted(by_kind.items())}
    return {"top-1 of 32": share(first), **beaten}


@torch.no_grad()
def measure_style(model: Clip, known: tuple[str, ...], count: int) -> dict[str, Share]:
    """Naming single icons of families that were never trained on, among all nouns of the model's vocabulary.

    And, for comparison, of those that are; and through the random perspectives and crops that CLIP-CLOP uses.
    """
    read = model.embed_text([with_article(noun) for noun in known])
    found = {}
    plain = replace(SIMPLE, nouns=len(known), combinations="all", extents=((0.55, 0.8),), turn=6.0, drawings=9)
    for name, options in (
        ("judging families", replace(plain, families=JUDGING)),
        ("choosing family", replace(plain, families=CHOOSING)),
        ("trained families", replace(plain, families=TRAINED)),
    ):
        world = World(79, options)
        scenes = [world.scene(HELD_OUT + n) for n in range(count)]
        pictures = to_tensor(np.stack([world.draw(scene) for scene in scenes]))
        aims = np.array([known.index(scene.things[0].noun) for scene in scenes])
        torch.manual_seed(0)
        for seen, way in ((pictures, ""), (distort(pictures, 1.0), ", distorted")):
            best = np.argsort(-(model.embed_image(seen) @ read.T).numpy(), axis=1)
            found[f"{name}{way}: top-1"] = share(best[:, 0] == aims)
            found[f"{name}{way}: top-5"] = share((best[:, :5] == aims[:, None]).any(1))
    return found


@torch.no_grad()
def measure_collages(model: Clip, known: tuple[str, ...], count: int) -> dict[str, Share]:
    """Naming single icons of families that were never trained on, made again of pieces in each way."""
    read = model.embed_text([with_article(noun) for noun in known])
    plain = replace(SIMPLE, nouns=len(known), combinations="all", extents=((0.6, 0.9),), turn=6.0, drawings=9)
    pieces, found = World(92, plain), {}
    for name, families in (("judging families", JUDGING), ("choosing family", CHOOSING)):
        world, rng = World(91, replace(plain, families=families)), np.random.default_rng(1)
        for way in collages.WAYS:
            scenes = [world.scene(n) for n in range(count)]
            drawn = [world.draw_with_masks(scene) for scene in scenes]
            made = [
                collages.remake(pieces, scene, *pair, way, rng) for scene, pair in zip(scenes, drawn, strict=True)
            ]
            aims = np.array([known.index(scene.things[0].noun) for scene in scenes])
            best = np.argsort(-(model.embed_image(to_tensor(np.stack(made))) @ read.T).numpy(), axis=1)
            found[f"collages, {way}, {name}: top-1"] = share(best[:, 0] == aims)
            found[f"collages, {way}, {name}: top-5"] = share((best[:, :5] == aims[:, None]).any(1))
    return found
