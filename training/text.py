"""Text towers that can tell nouns apart from the first step.

With the usual initialisation (standard deviation .02) the states of two captions that differ in their noun alone
are almost the same, and a network that is steered by them finds the nouns late or never. So token embeddings
start large, and the tower is first taught, for a minute, to say which words it has read.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from world import World, WorldOptions

from vertumnus.models.mini.vocabulary import COLOURS, SIDES, SIZES, nouns


def config(tokenizer: CLIPTokenizer, width: int, layers: int) -> CLIPTextConfig:
    """Of a text tower for that tokenizer."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        projection_dim=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


@torch.no_grad()
def spread(tower: CLIPTextModel) -> None:
    """Starts the token embeddings with standard deviation 1, and the positions' with .3."""
    tower.embeddings.token_embedding.weight.normal_(0, 1.0)
    tower.embeddings.position_embedding.weight.normal_(0, 0.3)


def ids(tokenizer: CLIPTokenizer, captions: list[str], device: torch.device, full: bool = True) -> torch.Tensor:
    """Captions as N x length token numbers, padded fully or to the longest of them."""
    found = tokenizer(captions, padding="max_length" if full else True, truncation=True, return_tensors="pt")
    return found.input_ids.to(device)


def teach_words(tower: CLIPTextModel, tokenizer: CLIPTokenizer, count: int, steps: int, seed: int) -> float:
    """Teaches the tower to say, at the end of a caption and at every padding after it, which words it held.

    count  nouns of the vocabulary
    Returns the last loss. The readout is thrown away.
    """
    device = next(tower.parameters()).device
    known = [*nouns(count), *COLOURS, *filter(None, SIZES), *SIDES]
    wanted = torch.tensor([tokenizer(word).input_ids[1] for word in known], device=device)
    world = World(seed + 1, WorldOptions(nouns=count, empty=0.0, combinations="all"))
    captions = [world.scene(n).caption for n in range(min(4096, 64 * steps))]
    tokens = ids(tokenizer, captions, device)
    readout = nn.Linear(tower.config.hidden_size, len(known)).to(device)
    optimiser = torch.optim.AdamW([*tower.parameters(), *readout.parameters()], lr=1e-3, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    loss = torch.zeros(())
    for _ in range(steps):
        chosen = tokens[torch.from_numpy(rng.integers(len(tokens), size=64)).to(device)]
        held = (chosen[:, None, :] == wanted[None, :, None]).any(-1).float()
        states = tower(chosen).last_hidden_state
        ended = chosen == tokenizer.eos_token_id
        scores = readout(states)[ended]
        truth = held[:, None].expand(-1, states.shape[1], -1)[ended]
        loss = nn.functional.binary_cross_entropy_with_logits(scores, truth, pos_weight=scores.new_full((), 10.0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(loss.detach())
