"""Trains mini's CLIP: python training/clip.py OUT

Contrastively, every picture against the captions of the batch and against captions that are wrong in one word
(noun, colour, side, swapped colours, ground). Readouts for noun, colour and side, thrown away at the end, help
the picture tower along. Pictures are seen through random crops and perspectives, as CLIP-CLOP shows its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import text
import tokenizer as byte_pairs
import torch
from common import HELD_OUT_SCENES, Run, autocast, options, sizes, to_tensor
from torch import nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, CLIPVisionConfig

from vertumnus.priors.mini.captions import wrong_captions
from vertumnus.priors.mini.vocabulary import COLOURS, SIDES, nouns
from vertumnus.priors.mini.world import DARK_ON_LIGHT, SIMPLE, STEADY, World, WorldOptions

WRONG = 2  # captions a picture, wrong in one word each


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
    """Random perspectives and crops of a share of the pictures: N x 3 x side x side, edges repeated."""
    count, device = len(x), x.device
    moved = (torch.rand(count, 1, 1, device=device) < share).float()
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]], device=device)
    zoom = 1 - 0.25 * torch.rand(count, 1, 1, device=device)
    shift = (1 - zoom) * (2 * torch.rand(count, 1, 2, device=device) - 1)
    target = corners * zoom + shift + 0.3 * (torch.rand(count, 4, 2, device=device) - 0.5)
    target = corners + moved * (target - corners)
    # The homography that takes the corners to the targets: eight equations in eight unknowns.
    u, v = corners[:, 0].expand(count, 4), corners[:, 1].expand(count, 4)
    one, zero = torch.ones_like(u), torch.zeros_like(u)
    a, b = target[..., 0], target[..., 1]
    rows_a = torch.stack([u, v, one, zero, zero, zero, -u * a, -v * a], -1)
    rows_b = torch.stack([zero, zero, zero, u, v, one, -u * b, -v * b], -1)
    h = torch.linalg.solve(torch.cat([rows_a, rows_b], 1), torch.cat([a, b], 1))
    h = torch.cat([h, torch.ones(count, 1, device=device)], 1).view(count, 3, 3)
    side = x.shape[-1]
    ticks = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
    down, across = torch.meshgrid(ticks, ticks, indexing="ij")
    points = torch.stack([across, down, torch.ones_like(down)], -1).view(-1, 3) @ h.transpose(1, 2)
    grid = (points[..., :2] / points[..., 2:]).view(count, side, side, 2)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def readouts(scene, known: tuple[str, ...]) -> list[float]:
    """What a scene holds: shares of nouns, colours, sides (or none) and the ground's colour, each adding up to 1."""
    held = {thing.noun for thing in scene.things}
    shades = {thing.colour for thing in scene.things}
    return [
        *((noun in held) / len(held) for noun in known),
        *((colour in shades) / len(shades) for colour in COLOURS),
        *(float(side == scene.side) for side in ("", *SIDES)),
        *(float(colour == scene.ground.colour) for colour in COLOURS),
    ]


def told_loss(told: torch.Tensor, truth: torch.Tensor, count: int) -> torch.Tensor:
    """The cross-entropies of the four readouts, added up."""
    parts = [count, len(COLOURS), len(SIDES) + 1, len(COLOURS)]
    pairs = zip(told.float().split(parts, 1), truth.split(parts, 1), strict=True)
    return torch.stack([functional.cross_entropy(said, true) for said, true in pairs]).sum()


class Stream:
    """Batches of pictures, captions, wrong captions and readouts, by number, from several worlds."""

    def __init__(self, seed: int, count: int, side: int, worlds: list[WorldOptions]) -> None:
        self.known = nouns(count)
        self.seed = seed
        self.worlds = [World(seed + n, chosen, side) for n, chosen in enumerate(worlds)]

    def batch(
        self, number: int, size: int, chances: np.ndarray | None = None
    ) -> tuple[np.ndarray, list[str], list[str], np.ndarray]:
        """Pictures, their captions, WRONG wrong captions for each, and what they hold; chances are the worlds'."""
        rng = np.random.default_rng((self.seed, 7, number))
        pictures, right, wrong, held = [], [], [], []
        for n in range(number * size, (number + 1) * size):
            world = self.worlds[rng.choice(len(self.worlds), p=chances)]
            scene = world.scene(n)
            pictures.append(world.draw(scene))
            right.append(scene.caption)
            found = list(wrong_captions(scene, self.known, rng).values())
            rng.shuffle(found)
            wrong.extend((found * WRONG)[:WRONG])
            held.append(readouts(scene, self.known))
        return np.stack(pictures), right, wrong, np.array(held, np.float32)


# How often each world is drawn, at shares of the run: a tower of patches finds silhouettes late unless it meets
# them first in one place, of one size, and darker than their ground.
_KNOTS = (0.0, 0.15, 0.2, 0.35, 0.45, 0.7, 1.0)
_MIXTURE = {
    "dark on light": (0.85, 0.85, 0.15, 0.05, 0.0, 0.0, 0.0),
    "steady": (0.05, 0.05, 0.75, 0.65, 0.2, 0.1, 0.05),
    "plain": (0.0, 0.0, 0.0, 0.2, 0.5, 0.25, 0.15),
    "easy": (0.0, 0.0, 0.0, 0.0, 0.2, 0.3, 0.25),
    "full": (0.1, 0.1, 0.1, 0.1, 0.1, 0.35, 0.55),
}


def worlds(count: int) -> list[WorldOptions]:
    """The worlds that pictures are drawn from, in the order of the mixture."""
    return [
        replace(DARK_ON_LIGHT, nouns=count),
        replace(STEADY, nouns=count, styles=2),
        replace(SIMPLE, nouns=count, styles=4, extent=(0.55, 0.8)),
        WorldOptions(nouns=count, empty=0.0, single=0.9, centred=0.7),
        WorldOptions(nouns=count, empty=0.0),
    ]


def mixture(share: float) -> np.ndarray:
    """How often each world is drawn, when a share of the run is over."""
    found = np.array([np.interp(share, _KNOTS, chances) for chances in _MIXTURE.values()])
    return found / found.sum()


def encode(
    model: CLIPModel, x: torch.Tensor, tokens: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Unit embeddings of pictures and captions, and the pictures' pooled states."""
    pooled = model.vision_model(pixel_values=x).pooler_output
    seen = functional.normalize(model.visual_projection(pooled), dim=-1)
    read = functional.normalize(model.text_projection(model.text_model(tokens).pooler_output), dim=-1)
    return seen, read, pooled


@torch.no_grad()
def accuracy(model: CLIPModel, tokenizer: CLIPTokenizer, stream: Stream, device: torch.device) -> tuple[float, float]:
    """Share of held-out pictures whose own caption beats its wrong ones, and beats the other captions too."""
    hard, batch = [], []
    for number in range(8):
        pictures, right, wrong, _ = stream.batch(HELD_OUT_SCENES // 64 + number, 64)
        tokens = text.ids(tokenizer, right + wrong, device, full=False)
        seen, read, _ = encode(model, to_tensor(pictures, device), tokens)
        own = (seen * read[:64]).sum(-1)
        others = torch.einsum("nd,nkd->nk", seen, read[64:].view(64, WRONG, -1))
        hard.append((own > others.max(-1).values).float().mean())
        batch.append(((seen @ read[:64].T).argmax(-1).cpu() == torch.arange(64)).float().mean())
    return float(torch.stack(hard).mean()), float(torch.stack(batch).mean())


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0])
    size = sizes(chosen.sizes, "clip")
    device = chosen.device
    tokenizer = byte_pairs.build()
    count = size["nouns"]
    stream = Stream(chosen.seed, count, size["side"], worlds(count))
    tested = Stream(chosen.seed + 99, count, size["side"], [WorldOptions(nouns=count, empty=0.0, combinations="all")])
    model = build(size, tokenizer).to(device)
    head = nn.Linear(size["width"], count + 2 * len(COLOURS) + len(SIDES) + 1).to(device)
    tokenizer.save_pretrained(chosen.out / "tokenizer")
    run = Run(chosen, size, {"clip": model, "readout": head})
    batch = size["batch"]
    for step in run:
        if step == 0:
            text.teach_words(model.text_model, tokenizer, count, size["lessons"], chosen.seed)
        pictures, right, wrong, held = stream.batch(step, batch, mixture(step / run.steps))
        x = distort(to_tensor(pictures, device), 0.6 * min(1.0, max(0.0, 4 * step / run.steps - 1)))
        tokens = text.ids(tokenizer, right + wrong, device, full=False)
        with autocast(device):
            seen, read, pooled = encode(model, x, tokens)
            told = head(pooled)
        noun = float((told[:, :count].argmax(1).cpu() == torch.from_numpy(held[:, :count].argmax(1))).float().mean())
        scale = model.logit_scale.exp()
        scores = scale * seen.float() @ read.float().T
        # Two pictures with one caption: each is right for both.
        same = torch.tensor([[a == b for b in right] for a in right], device=device)
        eye = torch.eye(batch, dtype=torch.bool, device=device)
        twice = torch.cat([same & ~eye, torch.zeros(batch, batch * WRONG, dtype=torch.bool, device=device)], 1)
        aim = torch.arange(batch, device=device)
        by_picture = functional.cross_entropy(scores.masked_fill(twice, -1e4), aim)
        by_caption = functional.cross_entropy(scores[:, :batch].T.masked_fill(same & ~eye, -1e4), aim)
        told = told_loss(told, torch.from_numpy(held).to(device), count)
        loss = by_picture + by_caption + told
        run.descend(loss, batch)
        with torch.no_grad():
            model.logit_scale.clamp_(max=np.log(50.0))
        if step % 250 == 249:
            before = run.average.give(run.models)
            hard, alike = accuracy(model, tokenizer, tested, device)
            run.facts = {"hard": hard, "batch": alike}
            run.log(loss=float(loss.detach()), readout=float(told.detach()), noun=noun, hard=hard, batch=alike)
            model.load_state_dict(before["clip"])
            head.load_state_dict(before["readout"])


if __name__ == "__main__":
    main()
