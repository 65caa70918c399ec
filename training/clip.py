"""Trains mini's CLIP: python training/clip.py OUT [--warm WEIGHTS]

Contrastively, every picture against the captions of the batch and against captions that are wrong in one word
(noun, colour, side, swapped colours, ground). Readouts, thrown away at the end, help the towers along: of the whole
picture's nouns, colours, side and ground, of which noun has which colour and lies where, and of what every patch
shows, which the world knows because it drew it. One more readout is asked of both towers' embeddings, so that they
mean the same by them; the text tower is taught it first, by captions alone, which cost next to nothing. Pictures are
seen through random crops, perspectives and ripples, and some are collages of other things. --warm goes on from a CLIP
that shipped before, whose first layers may stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import collages
import numpy as np
import text
import tokenizer as byte_pairs
import torch
from captions import RELATIONS, TELLING, any_form, caption, relation, wrong_captions
from common import HELD_OUT_SCENES, Average, Run, autocast, options, sizes, to_tensor
from fills import FILLS, HANDS
from torch import nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, CLIPVisionConfig
from world import DARK_ON_LIGHT, MOST, SIMPLE, STEADY, Scene, World, WorldOptions

from vertumnus.guidance.views import homography, warp
from vertumnus.models.mini.vocabulary import COLOURS, SIDES, nouns

_SHADES = (*COLOURS, "")
_PLACES = (*SIDES, *RELATIONS)
WRONG = 4  # captions a picture, wrong in one word each
WEIGHTS = (0.5, 0.5, 1.0, 0.3)  # of the readouts of pooled states, embeddings, patches and captions
SHARP = 16.0  # that unit embeddings are multiplied by before they are asked


def build(size: dict, tokenizer: CLIPTokenizer) -> CLIPModel:
    """A CLIP of that size."""
    words = text.config(tokenizer, size["text_width"], size["text_layers"])
    picture = CLIPVisionConfig(
        hidden_size=size["width"],
        intermediate_size=4 * size["width"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        image_size=size["side"],
        patch_size=size["patch"],
        projection_dim=size["embed"],
    )
    model = CLIPModel._from_config(
        CLIPConfig(text_config=words.to_dict(), vision_config=picture.to_dict(), projection_dim=size["embed"]),
        attn_implementation="eager",
    )  # its backward pass is the faster one here
    text.spread(model.text_model)
    return model


def distort(x: torch.Tensor, share: float = 0.6) -> torch.Tensor:
    """Random perspectives and crops of a share of the pictures: N x channels x side x side, edges repeated."""
    count, device = len(x), x.device
    moved = (torch.rand(count, 1, 1, device=device) < share).float()
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]], device=device)
    zoom = 1 - 0.25 * torch.rand(count, 1, 1, device=device)
    shift = (1 - zoom) * (2 * torch.rand(count, 1, 2, device=device) - 1)
    target = corners * zoom + shift + 0.3 * (torch.rand(count, 4, 2, device=device) - 0.5)
    target = corners + moved * (target - corners)
    return warp(x, homography(corners.expand(count, 4, 2), target), x.shape[-1], "border")


def ripple(x: torch.Tensor, amount: float = 0.06) -> torch.Tensor:
    """Pictures bent a little, each its own way: displacements that change slowly, of half a side at most amount."""
    count, side = len(x), x.shape[-1]
    coarse = (2 * torch.rand(count, 2, 5, 5, device=x.device) - 1) * amount
    moved = functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    ticks = (torch.arange(side, device=x.device) + 0.5) / side * 2 - 1
    down, across = torch.meshgrid(ticks, ticks, indexing="ij")
    grid = torch.stack([across, down], -1) + moved
    return functional.grid_sample(x, grid.to(x.dtype), padding_mode="border", align_corners=False)


def readings(scene, known: tuple[str, ...]) -> list[float]:
    """What a scene holds: shares of nouns, colours, sides (or none) and the ground's colour, each adding up to 1.

    And of nouns in colours, and of nouns in places: on a side of the picture, or of the next thing.
    """
    held = {thing.noun for thing in scene.things}
    shades = {thing.colour for thing in scene.things if thing.colour}
    return [
        *((noun in held) / len(held) for noun in known),
        *((colour in shades) / max(1, len(shades)) for colour in COLOURS),
        *(float(side == scene.side) for side in ("", *SIDES)),
        *(float(colour == scene.ground.colour) for colour in COLOURS),
        *shares({(thing.noun, thing.colour) for thing in scene.things}, known, tuple(COLOURS)),
        *shares(placed(scene), known, _PLACES),
    ]


def placed(scene: Scene) -> set[tuple[str, str]]:
    """The nouns of a scene, and where they are: on a side of the picture, or left of (...) another."""
    if len(scene.things) == 1:
        return {(scene.things[0].noun, scene.side)}
    return {
        (one.noun, relation(one, other)) for one in scene.things for other in scene.things if one.noun != other.noun
    }


def shares(found: set[tuple[str, str]], known: tuple[str, ...], others: tuple[str, ...]) -> list[float]:
    """Of nouns x others, each that was found in equal shares; what is not known is left out."""
    kept = {(known.index(noun), others.index(other)) for noun, other in found if other in others}
    return [
        (1 / len(kept) if (n, m) in kept else 0.0) if kept else 0.0
        for n in range(len(known))
        for m in range(len(others))
    ]


def readout_loss(said: torch.Tensor, truths: Sequence[torch.Tensor], parts: Sequence[int]) -> torch.Tensor:
    """The cross-entropies of several readouts, added up: N x parts against N numbers, or N x shares, of each part."""
    pairs = zip(said.float().split(list(parts), 1), truths, strict=True)
    return torch.stack([functional.cross_entropy(told, true) for told, true in pairs]).sum()


def patch_truth(seen: torch.Tensor, kinds: torch.Tensor, patch: int) -> torch.Tensor:
    """What each patch shows mostly, of 0 (ground) and kinds: N x patches.

    seen   N x MOST x side x side, how much of each thing is seen, from 0 to 1
    kinds  N x MOST, what each is, from 1 on
    """
    share, which = functional.avg_pool2d(seen, patch).flatten(2).max(1)
    return torch.where(share > 0.15, kinds.gather(1, which), 0)


@dataclass(frozen=True)
class Batch:
    """N pictures, N x side x side x 3; their captions; WRONG wrong ones for each; and what they hold.

    held     N x readouts
    told     N x parts of the readouts, whether captions tell them
    shown    N x MOST x side x side, what is seen of every thing, nothing hidden behind another, from 0 to 255
    nouns    N x MOST, which noun each thing is, from 1 on; likewise colours, the last for drawings in their own
    scenes   N
    """

    pictures: np.ndarray
    right: list[str]
    wrong: list[str]
    held: np.ndarray
    told: np.ndarray
    shown: np.ndarray
    nouns: np.ndarray
    colours: np.ndarray
    scenes: list[Scene]


class Stream:
    """Batches by number, from several worlds; the scenes of the last ``made_again`` are made again as collages."""

    def __init__(self, seed: int, count: int, side: int, worlds: list[WorldOptions], made_again: int = 0) -> None:
        self.known = nouns(count)
        self.seed = seed
        self.drawn = len(worlds) - made_again
        self.side, self.options = side, worlds
        self._worlds: dict[int, World] = {}

    def world(self, which: int) -> World:
        """One of the worlds, made when it is first needed; counted from the end if negative."""
        which %= len(self.options)
        if which not in self._worlds:
            self._worlds[which] = World(self.seed + which, self.options[which], self.side)
        return self._worlds[which]

    def batch(self, number: int, size: int, chances: np.ndarray | None = None) -> Batch:
        """The batch of that number; chances are the worlds'."""
        rng = np.random.default_rng((self.seed, 7, number))
        pictures, right, wrong, held, seen, told, scenes = [], [], [], [], [], [], []
        which = np.zeros((2, size, MOST), np.int64)
        for n in range(number * size, (number + 1) * size):
            chosen = int(rng.choice(len(self.options), p=chances))
            world = self.world(chosen)
            scene = world.scene(n)
            scenes.append(scene)
            picture, masks = world.draw_with_masks(scene)
            if chosen >= self.drawn:
                way = collages.WAYS[rng.integers(len(collages.WAYS))]
                picture = collages.remake(world, scene, picture, masks, way, rng)
            pictures.append(picture)
            right.append(scene.caption)
            wrong.extend(hard(scene, self.known, rng))
            held.append(readings(scene, self.known))
            told.append(tells(scene))
            seen.append(masks)
            for k, thing in enumerate(scene.things):
                which[:, n % size, k] = 1 + self.known.index(thing.noun), 1 + _SHADES.index(thing.colour)
        known = np.array(held, np.float32), np.array(told, np.float32)
        return Batch(np.stack(pictures), right, wrong, *known, np.stack(seen), *which, scenes)


def hard(scene: Scene, known: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    """WRONG captions that are wrong in one word: swapped colours and sides where they are told, and nouns."""
    found = [wrong_captions(scene, known, rng) for _ in range(WRONG)]
    kept = [found[0][kind] for kind in ("swap", "side") if kind in found[0]]
    others = [text for kind, text in found[0].items() if kind in ("colour", "ground")]
    if others:
        kept.append(others[rng.integers(len(others))])
    return kept + [wrong["noun"] for wrong in found[: WRONG - len(kept)]]


# How often each world is drawn, at shares of the run: a tower of patches finds silhouettes late unless it meets
# them first in one place, of one size, and darker than their ground.
_KNOTS = (0.0, 0.03, 0.05, 0.12, 0.2, 0.4, 1.0)
_MIXTURE = {
    "dark on light": (0.85, 0.85, 0.15, 0.05, 0.0, 0.0, 0.0),
    "steady": (0.05, 0.05, 0.75, 0.5, 0.15, 0.05, 0.03),
    "plain": (0.0, 0.0, 0.0, 0.3, 0.3, 0.15, 0.12),
    "easy": (0.0, 0.0, 0.0, 0.05, 0.25, 0.2, 0.12),
    "two": (0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.23),
    "full": (0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.35),
    "collages": (0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.15),
}


def worlds(count: int) -> list[WorldOptions]:
    """The worlds that pictures are drawn from, in the order of the mixture. Every family's drawings are shown."""
    known: dict[str, Any] = {"nouns": count, "drawings": 20, "fills": (*FILLS[1:], *HANDS)}
    return [
        replace(DARK_ON_LIGHT, nouns=count),
        replace(STEADY, nouns=count),
        replace(SIMPLE, **known, flat=0.6, extents=((0.5, 0.85),), turn=10.0, told=(0.5, 0.2, 0.2, 0.3)),
        WorldOptions(**known, empty=0.0, counts=(0.9, 0.07, 0.03), centred=0.7),
        WorldOptions(**known, empty=0.0, counts=(0.0, 0.8, 0.2), alike=0.0, emoji=0.0, told=TELLING),
        WorldOptions(**known, empty=0.0),
        WorldOptions(
            **known,
            empty=0.0,
            counts=(0.75, 0.25, 0.0),
            extents=((0.6, 0.95), (0.42, 0.55), (0.3, 0.4)),
            centred=0.7,
            alike=0.0,
            plain=0.7,
            flat=0.8,
            emoji=0.03,
        ),
    ]


def mixture(share: float) -> np.ndarray:
    """How often each world is drawn, when a share of the run is over."""
    found = np.array([np.interp(share, _KNOTS, chances) for chances in _MIXTURE.values()])
    return found / found.sum()


def encode(
    model: CLIPModel, x: torch.Tensor, tokens: torch.Tensor, kept: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Unit embeddings of pictures and captions, both's pooled states, and the pictures' patches' last but one.

    kept  first layers of the picture tower that have no gradients
    """
    tower = model.vision_model
    with torch.set_grad_enabled(torch.is_grad_enabled() and not kept):
        states = tower.pre_layrnorm(tower.embeddings(x))
    for n, layer in enumerate(tower.encoder.layers[:-1]):
        with torch.set_grad_enabled(torch.is_grad_enabled() and n >= kept):
            states = layer(states, None)
    pooled = tower.post_layernorm(first_alone(tower.encoder.layers[-1], states))
    seen = functional.normalize(model.visual_projection(pooled), dim=-1)
    ended = model.text_model(tokens).pooler_output
    read = functional.normalize(model.text_projection(ended), dim=-1)
    return seen, read, pooled, ended, states[:, 1:]


def first_alone(layer: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """What a layer makes of the first token, N x width, without the others' queries and multilayer perceptrons."""
    attention = layer.self_attn
    normal = layer.layer_norm1(states)
    shape = (len(states), -1, attention.num_heads, attention.head_dim)
    query = attention.q_proj(normal[:, :1]).view(shape).transpose(1, 2) * attention.scale
    keys, values = (part(normal).view(shape).transpose(1, 2) for part in (attention.k_proj, attention.v_proj))
    looks = (query @ keys.transpose(-1, -2)).softmax(-1) @ values
    first = states[:, 0] + attention.out_proj(looks.transpose(1, 2).flatten(2))[:, 0]
    found: torch.Tensor = first + layer.mlp(layer.layer_norm2(first))
    return found


class Readouts(nn.Module):
    """What the towers are asked for on the way; thrown away at the end.

    whole    of a picture's pooled state: nouns, colours, side, ground, nouns in colours, nouns in places
    both     the same, of a picture's embedding and of a caption's
    patches  of a patch's state: ground or a noun, ground or a colour
    """

    def __init__(self, count: int, size: dict) -> None:
        super().__init__()
        bound = [count * len(COLOURS), count * len(_PLACES)]
        self.parts = [count, len(COLOURS), len(SIDES) + 1, len(COLOURS), *bound]
        self.kinds = [count + 1, len(_SHADES) + 1]
        self.whole = nn.Linear(size["width"], sum(self.parts))
        self.both = nn.Linear(size["embed"], sum(self.parts))
        self.patches = nn.Linear(size["width"], sum(self.kinds))

    def of_pictures(
        self, pooled: torch.Tensor, seen: torch.Tensor, states: torch.Tensor, held: torch.Tensor, shown: Sequence
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The losses of pooled states, embeddings and patches.

        held   N x readouts
        shown  the nouns and the colours of patches, each N x patches
        """
        truths = held.split(self.parts, 1)
        wholly = readout_loss(self.whole(pooled), truths, self.parts)
        both = readout_loss(self.both(SHARP * seen), truths, self.parts)
        partly = readout_loss(self.patches(states).flatten(0, 1), [true.flatten() for true in shown], self.kinds)
        return wholly, both, partly

    def of_captions(self, read: torch.Tensor, held: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """The loss of captions' embeddings.

        told  N x parts, whether a caption tells a part
        """
        said, truths = self.both(SHARP * read).float().split(self.parts, 1), held.split(self.parts, 1)
        losses = [
            (functional.cross_entropy(one, true, reduction="none") * which).sum() / which.sum().clamp(min=1)
            for one, true, which in zip(said, truths, told.unbind(1), strict=True)
        ]
        return torch.stack(losses).sum()


def tells(scene: Scene) -> list[bool]:
    """Whether a scene's caption tells nouns, colours, the side, the ground, nouns in colours, nouns in places."""
    form = scene.form
    side = form.side and bool(scene.side)
    return [True, form.colour, side, form.ground, form.colour, side or (form.side and not scene.alike)]


def another(scene: Scene, known: tuple[str, ...], rng: np.random.Generator) -> Scene:
    """The scene with other nouns and colours, and another caption: nothing that could be drawn, but to be read."""
    count = 1 if scene.alike else len(scene.things)
    drawn = [known[n] for n in rng.permutation(len(known))[:count]]
    shades = [_SHADES[n] for n in rng.integers(len(COLOURS), size=count)]
    things = tuple(
        replace(thing, noun=drawn[n % count], colour=shades[n % count]) for n, thing in enumerate(scene.things)
    )
    other = replace(scene, things=things, form=any_form(rng))
    return replace(other, caption=caption(other))


def teach_bindings(
    model: CLIPModel, readouts: Readouts, tokenizer: CLIPTokenizer, stream: Stream, steps: int, seed: int
) -> float:
    """Teaches the text tower to say which noun has which colour and lies where; returns the last losses' mean."""
    device = model.device
    scenes = [stream.world(which).scene(n) for n in range(500) for which in (-2, -3)]
    parameters = [*model.text_model.parameters(), *model.text_projection.parameters(), *readouts.both.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)
    rng, losses = np.random.default_rng((seed, 9)), []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 50, 2 * (1 - step / steps))
        batch = [another(scenes[n], stream.known, rng) for n in rng.integers(len(scenes), size=128)]
        tokens = text.ids(tokenizer, [scene.caption for scene in batch], device, full=False)
        held = torch.tensor([readings(scene, stream.known) for scene in batch], device=device)
        told = torch.tensor([tells(scene) for scene in batch], device=device).float()
        with autocast(device):
            read = functional.normalize(model.text_projection(model.text_model(tokens).pooler_output), dim=-1)
            loss = readouts.of_captions(read, held, told)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if step % 100 == 99:
            print(f"bindings, step {step + 1}: {np.mean(losses[-100:]):.3f}", flush=True)
    return float(np.mean(losses[-100:])) if losses else 0.0


@torch.no_grad()
def accuracy(model: CLIPModel, tokenizer: CLIPTokenizer, stream: Stream, device: torch.device) -> tuple[float, float]:
    """Share of held-out pictures whose own caption beats its wrong ones; and those and 63 others'."""
    against_wrong, against_all = [], []
    for number in range(8):
        batch = stream.batch(HELD_OUT_SCENES // 64 + number, 64)
        tokens = text.ids(tokenizer, batch.right + batch.wrong, device, full=False)
        seen, read, *_ = encode(model, to_tensor(batch.pictures, device), tokens)
        own = (seen * read[:64]).sum(-1)
        others = torch.einsum("nd,nkd->nk", seen, read[64:].view(64, WRONG, -1))
        won = own > others.max(-1).values
        alone = (seen @ read[:64].T).argmax(-1) == torch.arange(64, device=device)
        against_wrong.append(won)
        against_all.append(won & alone)
    return float(torch.cat(against_wrong).float().mean()), float(torch.cat(against_all).float().mean())


def contrast(scores: torch.Tensor, right: list[str]) -> torch.Tensor:
    """Cross-entropies of captions given pictures and of pictures given captions, added up.

    scores  N pictures x (their N captions, and wrong ones)
    Of two pictures with one caption neither counts against the other.
    """
    count, device = len(right), scores.device
    twice = torch.tensor([[a == b for b in right] for a in right], device=device)
    twice &= ~torch.eye(count, dtype=torch.bool, device=device)
    own = scores[:, :count].masked_fill(twice, -1e4)
    aim = torch.arange(count, device=device)
    by_picture = functional.cross_entropy(torch.cat([own, scores[:, count:]], 1), aim)
    return by_picture + functional.cross_entropy(own.T, aim)


def begin(model: CLIPModel, weights: Path) -> None:
    """Puts the weights of a CLIP that shipped before, of the same sizes and words, into the model."""
    before = CLIPModel.from_pretrained(weights, dtype=torch.float32)
    model.load_state_dict(before.state_dict())


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "warm")
    size = sizes(chosen.sizes, "clip")
    device = chosen.device
    tokenizer = byte_pairs.build()
    count = size["nouns"]
    stream = Stream(chosen.seed, count, size["side"], worlds(count), made_again=1)
    tested = Stream(chosen.seed + 99, count, size["side"], [WorldOptions(nouns=count, empty=0.0, combinations="all")])
    model = build(size, tokenizer).to(device)
    readouts = Readouts(count, size).to(device)
    tokenizer.save_pretrained(chosen.out / "tokenizer")
    kept = size["kept"] if chosen.warm is not None else 0
    if chosen.warm is not None:
        begin(model, chosen.warm)
        model.text_model.requires_grad_(False)  # once it has been taught, pictures learn what it means
        for part in (model.vision_model.embeddings, model.vision_model.pre_layrnorm):
            part.requires_grad_(not kept)
        model.vision_model.encoder.layers[:kept].requires_grad_(False)
    run = Run(chosen, size, {"clip": model, "readouts": readouts})
    for step in run:
        if step == 0:
            if chosen.warm is None:
                text.teach_words(model.text_model, tokenizer, count, size["lessons"], chosen.seed)
            model.text_model.requires_grad_(True)
            teach_bindings(model, readouts, tokenizer, stream, size["bindings"], chosen.seed)
            model.text_model.requires_grad_(chosen.warm is None)
            run.average = Average(run.models, size["average"])
        share = 1.0 if chosen.warm is not None else step / run.steps
        batch = stream.batch(step, size["batch"], mixture(share))
        both = torch.cat([to_tensor(batch.pictures, device), torch.from_numpy(batch.shown).to(device) / 255], 1)
        moved = min(1.0, max(0.0, 4 * share - 1))
        both = ripple(distort(both, 0.6 * moved), 0.06 * moved)
        tokens = text.ids(tokenizer, batch.right + batch.wrong, device, full=False)
        kinds = [torch.from_numpy(found).to(device) for found in (batch.nouns, batch.colours)]
        shown = [patch_truth(both[:, 3:], kind, size["patch"]) for kind in kinds]
        held, told = (torch.from_numpy(found).to(device) for found in (batch.held, batch.told))
        with autocast(device):
            seen, read, pooled, _, states = encode(model, both[:, :3].contiguous(), tokens, kept)
            asked = readouts.of_pictures(pooled, seen, states, held, shown)
            said = readouts.of_captions(read[: len(batch.right)], held, told)
        contrasted = contrast(model.logit_scale.exp() * seen.float() @ read.float().T, batch.right)
        learn(run, model, contrasted, (*asked, said), size["batch"])
        if step % 250 == 249:
            tell(run, model, tokenizer, tested, contrasted, (*asked, said))


def learn(
    run: Run, model: CLIPModel, contrasted: torch.Tensor, asked: tuple[torch.Tensor, ...], samples: int
) -> None:
    """One step down what was contrasted and what was asked."""
    run.descend(contrasted + sum(w * loss for w, loss in zip(WEIGHTS, asked, strict=True)), samples)
    with torch.no_grad():
        model.logit_scale.clamp_(max=np.log(50.0))


def tell(
    run: Run,
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    tested: Stream,
    contrasted: torch.Tensor,
    asked: tuple[torch.Tensor, ...],
) -> None:
    """Adds to the curve what the averaged weights reach."""
    before = run.average.give(run.models)
    hardly, first = accuracy(model, tokenizer, tested, model.device)
    run.facts = {"hard": hardly, "batch": first}
    names = ("whole", "both", "patches", "words")
    losses = {name: float(loss.detach()) for name, loss in zip(names, asked, strict=True)}
    run.log(contrast=float(contrasted.detach()), **losses, hard=hardly, batch=first)
    for name, found in before.items():
        run.models[name].load_state_dict(found)


if __name__ == "__main__":
    main()
