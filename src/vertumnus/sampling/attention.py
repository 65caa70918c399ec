"""Attention under control: what a caller hangs on a network's attention, and what is taken off again at the end.

    with attention_control(model, TokenBias(wanted, unwanted), reader := ReadMaps()):
        picture = finish(sample(model, prompt))

A hook may change queries and keys, add to the scores, and look at the probabilities. Where none has anything to do,
the network's own processor computes, to the bit. Whatever happens inside, the network is afterwards what it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor
_KNOWN = ("AttnProcessor", "AttnProcessor2_0", "XFormersAttnProcessor", "SlicedAttnProcessor")


@dataclass(frozen=True)
class AttentionLayer:
    """One attention of a network: its name, its module, ``down``, ``mid`` or ``up``, and whether it reads text."""

    name: str
    module: Any
    part: str
    cross: bool


@dataclass(frozen=True)
class Call:
    """What one attention layer is doing.

    layer          which
    rows, columns  of the picture's tokens there
    sigma          noise over signal of the latents
    conditional    the items of the batch that answer to the prompt, not to the negative
    """

    layer: AttentionLayer
    rows: int
    columns: int
    sigma: float
    conditional: slice


class Hook:
    """What may be done to attention; a hook overrides what it needs."""

    def acts(self, call: Call) -> bool:
        """Whether it has anything to do in this call. If no hook does, nothing is changed, to the bit."""
        raise NotImplementedError

    def queries_and_keys(self, call: Call, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Takes the place of queries and keys, B x heads x tokens x d, of the whole batch."""
        return queries, keys

    def bias(self, call: Call, scores: Tensor) -> Tensor | None:
        """What is added to Q K^T / sqrt(d), b x heads x image tokens x text tokens, of the conditional items."""
        return None

    def look(self, call: Call, probabilities: Tensor) -> None:
        """Is shown the softmax of the scores of the conditional items."""


def attention_layers(model: Diffusion) -> list[AttentionLayer]:
    """A network's attention layers, in the order in which they compute.

    Raises `VertumnusError` if they are of a kind that cannot be controlled, as DeepFloyd IF's.
    """
    parts = {"down_blocks": "down", "mid_block": "mid", "up_blocks": "up"}
    found = []
    for start, part in parts.items():
        for name, module in model.unet.named_modules():
            if name.startswith(start) and hasattr(module, "to_q") and hasattr(module, "set_processor"):
                kind = type(module.processor).__name__
                if kind not in _KNOWN and not isinstance(module.processor, _Controlled):
                    raise VertumnusError(
                        f"{model.name}: its attention ({kind}) cannot be steered; that of Stable Diffusion 1.x, 2.x,"
                        " XL and mini can"
                    )
                found.append(AttentionLayer(name, module, part, name.endswith("attn2")))
    if not found:
        raise VertumnusError(f"{model.name}: has no attention that could be steered")
    return found


@contextmanager
def attention_control(model: Diffusion, *hooks: Hook) -> Iterator[None]:
    """Has hooks act on a model's attention while the context lasts; contexts may be nested.

    Raises `VertumnusError` if the model's attention is of another kind.
    """
    layers = attention_layers(model)
    state = _State(model)
    watching = model.unet.register_forward_pre_hook(state.watch, with_kwargs=True)
    before = [layer.module.processor for layer in layers]
    try:
        for layer, processor in zip(layers, before, strict=True):
            layer.module.processor = _Controlled(layer, processor, hooks, state)
        yield
    finally:
        watching.remove()
        for layer, processor in zip(layers, before, strict=True):
            layer.module.processor = processor


class _State:
    """What the network as a whole is doing, for its layers."""

    def __init__(self, model: Diffusion) -> None:
        self.model = model
        self.extent = (0, 0)
        self.sigma = 0.0

    def watch(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        latents = args[0] if args else kwargs["sample"]
        t = args[1] if len(args) > 1 else kwargs["timestep"]
        self.extent = (latents.shape[-2], latents.shape[-1])
        self.sigma = sigma_at(self.model, float(torch.as_tensor(t).flatten()[0]))

    def call(self, layer: AttentionLayer, batch: int, tokens: int) -> Call:
        rows, columns = self.extent
        while rows * columns > tokens:  # each level halves, rounding up
            rows, columns = -(-rows // 2), -(-columns // 2)
        return Call(layer, rows, columns, self.sigma, slice(batch - batch // self.model.branches, batch))


def sigma_at(model: Diffusion, timestep: float) -> float:
    """Noise over signal at a timestep, between two of the model's schedule by interpolation; at most 4096."""
    low = int(timestep)
    abar = model.alphas_cumprod[low : low + 2].double().clamp(min=2.0**-24)  # as diffusers where there is no signal
    sigmas = ((1 - abar) / abar).sqrt().tolist()
    return float(sigmas[0] + (timestep - low) * (sigmas[-1] - sigmas[0]))


class _Controlled:
    """A processor that lets hooks act, and leaves what none acts on to the one it stands for."""

    def __init__(self, layer: AttentionLayer, before: Any, hooks: tuple[Hook, ...], state: _State) -> None:
        self.layer, self.before, self.hooks, self.state = layer, before, hooks, state
        if isinstance(before, _Controlled):
            self.before, self.hooks = before.before, (*before.hooks, *hooks)

    def __call__(
        self,
        attention: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        batch, tokens, _ = hidden_states.shape
        call = self.state.call(self.layer, batch, tokens)
        acting = [hook for hook in self.hooks if hook.acts(call)]
        if not acting or attention_mask is not None:
            return self.before(attention, hidden_states, encoder_hidden_states, attention_mask, temb, **kwargs)
        read = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if encoder_hidden_states is not None and attention.norm_cross:
            read = attention.norm_encoder_hidden_states(encoder_hidden_states)
        queries, keys, values = attention.to_q(hidden_states), attention.to_k(read), attention.to_v(read)
        queries, keys, values = (
            one.view(batch, -1, attention.heads, one.shape[-1] // attention.heads).transpose(1, 2)
            for one in (queries, keys, values)
        )
        for hook in acting:
            queries, keys = hook.queries_and_keys(call, queries, keys)
        out = self._attend(call, acting, queries, keys, values, attention)
        out = out.transpose(1, 2).reshape(batch, tokens, -1).to(hidden_states.dtype)
        out = attention.to_out[1](attention.to_out[0](out))
        if attention.residual_connection:
            out = out + hidden_states
        return out / attention.rescale_output_factor

    def _attend(
        self, call: Call, acting: list[Hook], queries: Tensor, keys: Tensor, values: Tensor, attention: Any
    ) -> Tensor:
        """Softmax(Q K^T / sqrt(d) + biases) V; what no hook changes or looks at goes the library's fast way."""
        plain = torch.nn.functional.scaled_dot_product_attention
        needs = [hook for hook in acting if type(hook).bias is not Hook.bias or type(hook).look is not Hook.look]
        if not needs:
            return plain(queries, keys, values)
        ours = call.conditional
        wide = torch.float32 if attention.upcast_attention or attention.upcast_softmax else queries.dtype
        scores = (queries[ours].to(wide) * attention.scale) @ keys[ours].to(wide).transpose(-1, -2)
        total = scores
        for hook in needs:
            more = hook.bias(call, scores)
            if more is not None:
                total = total + more.to(wide)
        probabilities = total.softmax(-1)
        for hook in needs:
            hook.look(call, probabilities)
        steered = probabilities.to(values.dtype) @ values[ours]
        if ours.start == 0:
            return steered
        others = plain(queries[: ours.start], keys[: ours.start], values[: ours.start])
        return torch.cat([others, steered])
