"""Layers' words held to the layers' places, A_pos and A_neg of Collage Diffusion (sec. 4.2); pictures of attention.

What is added to the scores, and how it grows with the noise, is `vertumnus.sampling.attention_maps.TokenBias`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from vertumnus.harmonizing.layers import Pixels, Stack, padded
from vertumnus.harmonizing.tokens import Spoken
from vertumnus.sampling.attention_maps import TokenBias

Tensor = torch.Tensor


def token_maps(
    stack: Stack,
    spoken: Sequence[tuple[int, Spoken]],
    attract: Sequence[float],
    repel: Sequence[float],
    tokens: int,
    multiple: int = 1,
) -> tuple[Tensor, Tensor]:
    """v_pos A_pos and v_neg A_neg, each tokens x H x W: columns of global tokens are zero.

    spoken    (index of the layer, its part of the prompt), of the layers that have one
    attract   v_pos of each layer of the stack, where it is seen
    repel     v_neg of each, where it is not
    tokens    in the encoder's window
    multiple  pixels a side, up to which the maps are filled

    Layers that share a token share its places.
    """
    height, width = padded(stack.visible, multiple).shape
    wanted = torch.zeros((tokens, height, width))
    unwanted = torch.zeros((tokens, height, width))
    of_token: dict[int, list[int]] = {}
    for index, words in spoken:
        for token in words.tokens:
            of_token.setdefault(token, []).append(index)
    seen = {index: np.asarray(padded(stack.seen(index), multiple), bool) for index, _ in spoken}
    for token, indices in of_token.items():
        inside = np.logical_or.reduce([seen[index] for index in indices])
        for index in indices:
            own = torch.from_numpy(attract[index] * seen[index].astype(np.float32))
            wanted[token] = torch.maximum(wanted[token], own)
        unwanted[token] = torch.from_numpy(max(repel[index] for index in indices) * (~inside).astype(np.float32))
    return wanted, unwanted


def layer_bias(
    stack: Stack,
    spoken: Sequence[tuple[int, Spoken]],
    attract: Sequence[float],
    repel: Sequence[float],
    tokens: int,
    multiple: int,
) -> TokenBias:
    """What steers cross-attention; see `token_maps`."""
    return TokenBias(*token_maps(stack, spoken, attract, repel, tokens, multiple))


def attention_picture(maps: Tensor, spoken: Sequence[Spoken], picture: Pixels) -> Pixels:
    """Where each layer's words were looked for, side by side, as brightness over the result.

    maps     tokens x h x w, as `ReadMaps.mean` gives them for one picture
    picture  H x W x 3
    """
    shown = []
    for words in spoken:
        heat = maps[list(words.tokens)].mean(0).numpy()
        heat = (heat - heat.min()) / max(float(heat.max() - heat.min()), 1e-12)
        size = picture.shape[1], picture.shape[0]
        large = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        shown.append((picture * (0.15 + 0.85 * large[..., None])).astype(np.uint8))
    return np.concatenate(shown, axis=1)
