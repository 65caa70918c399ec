"""Trains a second CLIP that judges and never guides: python training/second.py OUT

Another architecture (convolutions and a gated recurrent unit in place of transformers), another seed, other weights:
what was made to please mini's CLIP is shown to it. Trained contrastively on the same worlds, collages among them,
with captions that are wrong in one word. It is not exported: nothing that ships can be guided by it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import text
import tokenizer as byte_pairs
import torch
from clip import WRONG, Stream, contrast, distort, mixture, ripple, worlds
from common import HELD_OUT_SCENES, Run, autocast, averaged, options, sizes, to_tensor
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer
from world import WorldOptions

SEED = 7001  # so that it differs in all that is drawn at random
SIDE = 64


class Second(nn.Module):
    """Pictures N x 3 x 64 x 64 from -1 to 1, and token numbers, as unit embeddings.

    width  channels of the first convolution; each of four levels has half as many pixels a side, and more channels
    """

    def __init__(self, width: int, words: int, text_width: int, embed: int, pad: int) -> None:
        super().__init__()
        levels: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1)]
        for n in range(3):
            now, then = width * 2**n, width * 2 ** min(n + 1, 2)
            levels += [_Block(now), nn.Conv2d(now, then, 3, stride=2, padding=1)]
        last = 4 * width
        self.see = nn.Sequential(*levels, _Block(last), nn.Flatten(), nn.Linear(16 * last, 2 * embed), nn.GELU())
        self.seen = nn.Linear(2 * embed, embed)
        self.words = nn.Embedding(words, text_width)
        self.read = nn.GRU(text_width, text_width, batch_first=True, bidirectional=True)
        self.said = nn.Linear(2 * text_width, embed)
        self.scale = nn.Parameter(torch.tensor(2.66))
        self.pad = pad

    def embed_pictures(self, x: torch.Tensor) -> torch.Tensor:
        """N x embed, of length 1."""
        return functional.normalize(self.seen(self.see(x)), dim=-1)

    def embed_words(self, tokens: torch.Tensor) -> torch.Tensor:
        """N x embed, of length 1: the mean over a caption's words of what was read up to each, both ways."""
        states, _ = self.read(self.words(tokens))
        told = (tokens != self.pad)[..., None].to(states.dtype)
        return functional.normalize(self.said((states * told).sum(1) / told.sum(1)), dim=-1)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = x + self.layers(x)
        return found


def build(size: dict, tokenizer: CLIPTokenizer) -> Second:
    """The network of that size."""
    return Second(size["width"], len(tokenizer), size["text_width"], size["embed"], tokenizer.pad_token_id)


def trained(folder: Path, size: dict) -> tuple[Second, CLIPTokenizer]:
    """What a training folder holds, ready to judge."""
    tokenizer = byte_pairs.build()
    model = averaged(folder, build(size, tokenizer), "second")
    assert isinstance(model, Second)
    return model, tokenizer


@torch.no_grad()
def similarity(model: Second, tokenizer: CLIPTokenizer, pictures: torch.Tensor, texts: list[str]) -> torch.Tensor:
    """Cosines of pictures, N x 3 x H x W from 0 to 1, and texts: N x texts."""
    x = functional.interpolate(pictures.float(), (SIDE, SIDE), mode="bilinear", antialias=True)
    tokens = text.ids(tokenizer, texts, x.device, full=False)
    return model.embed_pictures(2 * x - 1) @ model.embed_words(tokens).T


@torch.no_grad()
def accuracy(model: Second, tokenizer: CLIPTokenizer, stream: Stream, device: torch.device) -> tuple[float, float]:
    """Share of held-out pictures whose caption beats its wrong ones; and nouns of single things, named of all."""
    won = []
    for number in range(6):
        batch = stream.batch(HELD_OUT_SCENES // 64 + number, 64)
        read = model.embed_words(text.ids(tokenizer, batch.right + batch.wrong, device, full=False))
        seen = model.embed_pictures(to_tensor(batch.pictures, device))
        others = torch.einsum("nd,nkd->nk", seen, read[64:].view(64, WRONG, -1))
        won.append((seen * read[:64]).sum(-1) > others.max(-1).values)
    names = model.embed_words(text.ids(tokenizer, [f"a {noun}" for noun in stream.known], device, full=False))
    batch = stream.batch(HELD_OUT_SCENES // 64 + 99, 128, np.array([0.0, 1.0]))
    named = (model.embed_pictures(to_tensor(batch.pictures, device)) @ names.T).argmax(-1).cpu().numpy()
    return float(torch.cat(won).float().mean()), float((named == batch.nouns[:, 0] - 1).mean())


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0])
    torch.manual_seed(chosen.seed + SEED)
    size = sizes(chosen.sizes, "second")
    device, tokenizer = chosen.device, byte_pairs.build()
    count = size["nouns"]
    stream = Stream(chosen.seed + SEED, count, SIDE, worlds(count), made_again=1)
    tested = [WorldOptions(nouns=count, empty=0.0, combinations="all"), worlds(count)[2]]
    unseen = Stream(chosen.seed + SEED + 99, count, SIDE, tested)
    model = build(size, tokenizer)
    run = Run(chosen, size, {"second": model})
    for step in run:
        # Convolutions find silhouettes at once; they need no lesson of dark on light.
        batch = stream.batch(step, size["batch"], mixture(0.2 + 0.8 * step / run.steps))
        x = ripple(distort(to_tensor(batch.pictures, device), 0.5))
        tokens = text.ids(tokenizer, batch.right + batch.wrong, device, full=False)
        with autocast(device):
            seen, read = model.embed_pictures(x), model.embed_words(tokens)
        loss = contrast(model.scale.exp() * seen.float() @ read.float().T, batch.right)
        run.descend(loss, size["batch"])
        with torch.no_grad():
            model.scale.clamp_(max=np.log(50.0))
        if (step + 1) % size["judged"] == 0 or step + 1 == run.steps:
            before = run.average.give(run.models)
            hardly, noun = accuracy(model.eval(), tokenizer, unseen, device)
            run.facts = {"hard": hardly, "noun": noun}
            run.log(loss=float(loss.detach()), **run.facts)
            model.load_state_dict(before["second"])
            model.train()


if __name__ == "__main__":
    main()
