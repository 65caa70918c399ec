"""Several guidances of the same canvases, mixed by weight: the sum of their values and of their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vertumnus.guidance.protocol import Canvas, Guidance, GuidanceOptions, Request, Source, Things, Values
from vertumnus.optimise.checkpoint import State


class Mixture:
    """The weighted sum of guidances, as one.

    parts     each with its weight, and the (H, W) that it is shown canvases at, resized where theirs differs
    """

    def __init__(self, parts: Sequence[tuple[Guidance, float, tuple[int, int]]]) -> None:
        self.parts = list(parts)
        self._shape = (0, 0)

    @property
    def target_alpha(self) -> Canvas | None:
        """The weighted mean of what those want that can tell."""
        told = [(part.target_alpha, weight) for part, weight, _ in self.parts]
        known = [(resized(target[..., None], self._shape)[..., 0], w) for target, w in told if target is not None]
        if not known:
            return None
        total = sum(weight for _, weight in known)
        return np.asarray(sum(np.float32(weight / total) * target for target, weight in known), np.float32)

    @property
    def target_colour(self) -> Canvas | None:
        """The first that any can tell."""
        told = next((part.target_colour for part, _, _ in self.parts if part.target_colour is not None), None)
        return None if told is None else resized(told, self._shape)

    @property
    def target_things(self) -> Things:
        """Of the first that can tell."""
        told = next((part.target_things for part, _, _ in self.parts if part.target_things), ())
        return tuple((noun, resized(ink[..., None], self._shape)[..., 0]) for noun, ink in told)

    @property
    def reference(self) -> Canvas | None:
        """The first that any has, at the size of the canvases that it is shown."""
        return next((part.reference for part, _, _ in self.parts if part.reference is not None), None)

    @property
    def skipped(self) -> int:
        """Of all together."""
        return sum(part.skipped for part, _, _ in self.parts)

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """The sums; a part without a finite answer for a canvas counts as nothing there, unless all have none."""
        self._shape = canvases.shape[1:3]
        values, answered = np.zeros(len(canvases)), np.zeros(len(canvases), bool)
        gradients = np.zeros_like(canvases)
        for part, weight, shape in self.parts:
            value, gradient = part(resized(canvases, shape), progress)
            finite = np.isfinite(value)
            answered |= finite
            values[finite] += weight * value[finite]
            gradients += np.float32(weight) * resized_back(gradient, self._shape)
        values[~answered] = np.nan
        return values, gradients

    def state(self) -> dict[str, Any]:
        """Of each, under its number."""
        return {f"{n}.{key}": value for n, part in enumerate(self.parts) for key, value in part[0].state().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Each goes on from its own."""
        for n, (part, _, _) in enumerate(self.parts):
            part.restore(State.of(state).part(str(n)))

    def close(self) -> None:
        """Closes all."""
        for part, _, _ in self.parts:
            part.close()


class MixedSource:
    """Sources that guide together; what they ask of the run is the most of each, and the mean weight of rendering."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self.name = " + ".join(source.name for source in sources)
        self.options = sources[0].options
        self.resolution = max(source.resolution for source in sources)
        self.iterations = max(source.iterations for source in sources)
        weights = [source.options.weight for source in sources]
        self.render_weight = float(np.average([source.render_weight for source in sources], weights=weights))
        self.side_by_side = any(source.side_by_side for source in sources)
        self.layered = any(source.layered for source in sources)

    def guidance(self, request: Request) -> Mixture:
        """Each is shown the canvas at its own resolution where that is lower."""
        parts = []
        for source in self.sources:
            shape = fitting(request.shape, source.resolution)
            own = replace(request, shape=shape)
            parts.append((source.guidance(own), source.options.weight, shape))
        return Mixture(parts)

    def inputs(self) -> dict[str, str]:
        """Of all."""
        return {name: digest for source in self.sources for name, digest in source.inputs().items()}


def all_options(source: Source) -> list[GuidanceOptions]:
    """The options of a source, of a mixture those of its parts."""
    return [part.options for part in source.sources] if isinstance(source, MixedSource) else [source.options]


def fitting(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """(H, W) with neither side longer than ``side``, its ratio kept.

    >>> fitting((200, 100), 64), fitting((48, 64), 64)
    ((64, 32), (48, 64))
    """
    ratio = min(1.0, side / max(shape))
    return max(1, round(shape[0] * ratio)), max(1, round(shape[1] * ratio))


def resized(canvases: Canvas, shape: tuple[int, int]) -> Canvas:
    """B x H x W x C at another size, each pixel the mean of the area that it covers.

    >>> resized(np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1), (1, 2)).ravel()
    array([0.5, 2.5], dtype=float32)
    """
    if canvases.shape[1:3] == shape:
        return canvases
    rows, columns = areas(canvases.shape[1], shape[0]), areas(canvases.shape[2], shape[1])
    return np.ascontiguousarray(np.einsum("rh,bhwc,sw->brsc", rows, canvases, columns, optimize=True), np.float32)


def resized_back(gradients: Canvas, shape: tuple[int, int]) -> Canvas:
    """The gradient by canvases of (H, W) of what was looked at after `resized`: its adjoint."""
    if gradients.shape[1:3] == shape:
        return gradients
    rows, columns = areas(shape[0], gradients.shape[1]), areas(shape[1], gradients.shape[2])
    return np.ascontiguousarray(np.einsum("rh,brsc,sw->bhwc", rows, gradients, columns, optimize=True), np.float32)


def areas(count: int, to: int) -> Canvas:
    """To x count: the share that each of ``count`` pixels in a row has in each of ``to`` over the same length.

    >>> areas(3, 2)
    array([[0.6666667 , 0.33333334, 0.        ],
           [0.        , 0.33333334, 0.6666667 ]], dtype=float32)
    """
    edges, ends = np.arange(count + 1), np.linspace(0, count, to + 1)
    low, high = np.maximum(edges[None, :-1], ends[:-1, None]), np.minimum(edges[None, 1:], ends[1:, None])
    return (np.maximum(high - low, 0) * (to / count)).astype(np.float32)
