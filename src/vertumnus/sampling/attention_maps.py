"""Where words are wanted in a picture, told to cross-attention; and where they were looked for, read from it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from vertumnus.errors import VertumnusError
from vertumnus.sampling.attention import Call, Hook

Tensor = torch.Tensor


def growth(sigma: float) -> float:
    """log(1 + log(1 + sigma)): attention is told most where noise is high (Collage Diffusion, section 4.2)."""
    return float(torch.tensor(sigma, dtype=torch.float64).log1p().log1p())


class TokenBias(Hook):
    """Words drawn to and kept from places: Collage Diffusion, section 4.2.

        softmax((Q K^T + w_pos A_pos - w_neg A_neg) / sqrt(d)) V,   w = v y(t),   y(t) = strength(sigma) max(Q K^T)

    attract  v_pos A_pos, T x H x W or B x T x H x W: for each token of the prompt, how much it is wanted where
    repel    v_neg A_neg, likewise: how much it is unwanted where
    strength  of sigma, `growth` by default

    The maximum is taken over heads, places and tokens, of each item by itself. Maps may have any size; each layer
    sees them averaged to its own. Only the conditional items are changed. Maps of zero change nothing, to the bit.
    """

    def __init__(
        self,
        attract: Tensor | None = None,
        repel: Tensor | None = None,
        strength: Callable[[float], float] = growth,
    ) -> None:
        if attract is None and repel is None:
            raise VertumnusError("attention: neither attract nor repel is given")
        self.strength = strength
        given = [one if one.ndim == 4 else one[None] for one in (attract, repel) if one is not None]
        self._sides = [one.float() for one in given]
        self._signs = [1.0] * (attract is not None) + [-1.0] * (repel is not None)
        self._nothing = not any(bool(one.any()) for one in self._sides)
        self._sized: dict[tuple[int, int], Tensor] = {}

    def acts(self, call: Call) -> bool:
        """In cross-attention, if there is anything to add."""
        return call.layer.cross and not self._nothing and self.strength(call.sigma) != 0

    def maps(self, rows: int, columns: int) -> Tensor:
        """v_pos A_pos - v_neg A_neg at a resolution, B x (rows columns) x T."""
        if (rows, columns) not in self._sized:
            sized = [
                sign * torch.nn.functional.adaptive_avg_pool2d(one, (rows, columns))
                if one.shape[-2] >= rows and one.shape[-1] >= columns
                else sign * torch.nn.functional.interpolate(one, (rows, columns), mode="bilinear")
                for sign, one in zip(self._signs, self._sides, strict=True)
            ]
            total = sized[0] if len(sized) == 1 else sized[0] + sized[1]
            self._sized[rows, columns] = total.flatten(2).transpose(1, 2)
        return self._sized[rows, columns]

    def bias(self, call: Call, scores: Tensor) -> Tensor:
        """w_pos A_pos - w_neg A_neg over sqrt(d), b x 1 x image tokens x text tokens."""
        maps = self.maps(call.rows, call.columns).to(scores)
        tokens = scores.shape[-1]
        if maps.shape[-1] > tokens:
            raise VertumnusError(f"attention: maps of {maps.shape[-1]} tokens, and the prompt has {tokens}")
        maps = torch.nn.functional.pad(maps, (0, tokens - maps.shape[-1]))
        # Q K^T and its maximum are both over sqrt(d) here: the same sum.
        # Were it below 0, what attracts would repel.
        most = scores.flatten(1).amax(1).clamp(min=0).view(-1, 1, 1, 1)
        return self.strength(call.sigma) * most * maps[:, None]


class ReadMaps(Hook):
    """Where in the picture each token of the prompt was looked for: attention's probabilities, averaged.

    cross  the cross-attention, or else the self-attention; mind that this is large
    parts  ``down``, ``mid``, ``up``
    most   image tokens of a side of the finest layers that are read
    """

    def __init__(
        self, cross: bool = True, parts: tuple[str, ...] = ("down", "mid", "up"), most: int | None = None
    ) -> None:
        self.cross, self.parts, self.most = cross, parts, most
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._extents: dict[str, tuple[int, int]] = {}

    def acts(self, call: Call) -> bool:
        """In the layers that are read."""
        fits = self.most is None or max(call.rows, call.columns) <= self.most
        return call.layer.cross == self.cross and call.layer.part in self.parts and fits

    def look(self, call: Call, probabilities: Tensor) -> None:
        """Takes in the mean over heads."""
        name, mean = call.layer.name, probabilities.detach().float().mean(1)
        self._sums[name] = self._sums[name] + mean if name in self._sums else mean
        self._counts[name] = self._counts.get(name, 0) + 1
        self._extents[name] = (call.rows, call.columns)

    def clear(self) -> None:
        """Forgets what was read."""
        self._sums, self._counts = {}, {}

    @property
    def by_layer(self) -> dict[str, Tensor]:
        """Mean over heads and steps, B x text tokens x rows x columns, of each layer."""
        return {
            name: (total / self._counts[name]).transpose(1, 2).reshape(*total.shape[::2], *self._extents[name])
            for name, total in self._sums.items()
        }

    def mean(self, rows: int, columns: int) -> Tensor:
        """Mean over layers too, each resized, B x text tokens x rows x columns.

        Raises `VertumnusError` if nothing was read.
        """
        if not self._sums:
            raise VertumnusError("attention: nothing was read; sample within the context")
        size = (rows, columns)
        sized = [torch.nn.functional.interpolate(one, size, mode="bilinear") for one in self.by_layer.values()]
        return torch.stack(sized).mean(0)
