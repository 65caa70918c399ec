"""The renderers again, in plain PyTorch: slow, readable, differentiable by autograd, on any device.

`coverage` is the twin of `vertumnus.render.coverage`, `composite` of `vertumnus.render.composite`, `splat` of
`vertumnus.render.splat`. The tests hold the fast kernels against them, values and gradients. Every pixel looks at
every element; there is no clipping, no record of edges, no vector code. PyTorch is needed here and nowhere else in
this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def _pixels_seen_by(
    x: Tensor, y: Tensor, rotation: Tensor, flip: Tensor, shape: tuple[int, int], form: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Pixel centres in each element's own axes, turned, sheared, squeezed and mirrored back, in pixels from its
    centre: two of N x H x W.

    form   N x 2, log-squeeze and shear
    """
    import torch

    height, width = shape
    rows = torch.arange(height, dtype=x.dtype, device=x.device) + 0.5
    columns = torch.arange(width, dtype=x.dtype, device=x.device) + 0.5
    dx = columns[None, None, :] - x[:, None, None]
    dy = rows[None, :, None] - y[:, None, None]
    cos, sin = torch.cos(rotation)[:, None, None], torch.sin(rotation)[:, None, None]
    mirror = torch.where(flip, -1.0, 1.0).to(x)[:, None, None]
    across, down = cos * dx + sin * dy, cos * dy - sin * dx
    if form is not None:
        across = across - torch.tan(form[:, 1])[:, None, None] * down
        down = down / torch.exp(form[:, 0])[:, None, None]
    return mirror * across, down


def _bilinear(texture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """A texture (rows x columns x ...) at texel coordinates u, v, which lie within it."""
    rows, columns = texture.shape[:2]
    left = u.detach().floor().long().clamp(0, max(columns - 2, 0))
    top = v.detach().floor().long().clamp(0, max(rows - 2, 0))
    right, bottom = (left + 1).clamp(max=columns - 1), (top + 1).clamp(max=rows - 1)
    fu, fv = u - left, v - top
    if texture.ndim == 3:
        fu, fv = fu[..., None], fv[..., None]
    upper = texture[top, left] * (1 - fu) + texture[top, right] * fu
    lower = texture[bottom, left] * (1 - fu) + texture[bottom, right] * fu
    return upper * (1 - fv) + lower * fv


def coverage(
    x: Tensor,
    y: Tensor,
    size: Tensor,
    rotation: Tensor,
    flip: Tensor,
    textures: Tensor,
    half: Tensor,
    shape: tuple[int, int],
    grow: float = 0.0,
) -> Tensor:
    """The sum of the elements' coverages on a raster of shape (H, W).

    x, y, size, rotation, flip   N each, in raster pixels and radians
    textures   N x T x T signed distances in units of size; half: N x 2, half their extent in that unit
    grow       pixels that every silhouette is grown by
    """
    import torch

    p, q = _pixels_seen_by(x, y, rotation, flip, shape)
    texels = textures.shape[-1]
    canvas = torch.zeros(shape, dtype=x.dtype, device=x.device)
    for n in range(len(x)):
        step_u, step_v = size[n] * half[n, 0] * 2 / texels, size[n] * half[n, 1] * 2 / texels
        middle = (texels - 1) / 2
        u, v = p[n] / step_u + middle, q[n] / step_v + middle
        inner_u, inner_v = u.clamp(0, texels - 1), v.clamp(0, texels - 1)
        beyond = ((u - inner_u) * step_u) ** 2 + ((v - inner_v) * step_v) ** 2
        # The root has no slope at 0, where the pixel is within the texture.
        outside = beyond > 0
        beyond = torch.where(outside, torch.sqrt(torch.where(outside, beyond, 1.0)), 0.0)
        distance = _bilinear(textures[n], inner_u, inner_v) * size[n] + beyond - grow
        canvas = canvas + (0.5 - distance).clamp(0, 1)
    return canvas


def sprites(
    x: Tensor,
    y: Tensor,
    scale: Tensor,
    rotation: Tensor,
    flip: Tensor,
    opacity: Tensor,
    gain: Tensor,
    levels: Sequence[Sequence[Tensor]],
    size: Sequence[tuple[int, int]],
    shape: tuple[int, int],
    form: Tensor | None = None,
) -> Tensor:
    """Each layer alone, N x H x W x 4: premultiplied colour and alpha, times opacity and gain.

    x, y, scale, rotation, flip, opacity   N each; gain: N x 3; form: N x 2, log-squeeze and shear, 0 by default
    levels    for each layer its picture's mip levels, rows x columns x 4, premultiplied, 0 to 1
    size      (width, height) of each layer's picture in its own pixels
    """
    import math

    import torch

    from vertumnus.render.sprites import level_at

    form = torch.zeros(len(x), 2, dtype=x.dtype, device=x.device) if form is None else form
    p, q = _pixels_seen_by(x, y, rotation, flip, shape, form)
    found = []
    for n in range(len(x)):
        wanted = level_at(float(scale[n].detach()) * math.exp(0.5 * float(form[n, 0].detach())))
        level = min(wanted, len(levels[n]) - 1)
        texture = levels[n][level]
        texel = scale[n] * 2**level
        u = (p[n] / texel + size[n][0] / 2 / 2**level - 0.5).clamp(0, texture.shape[1] - 1)
        v = (q[n] / texel + size[n][1] / 2 / 2**level - 0.5).clamp(0, texture.shape[0] - 1)
        # Distances to the edges, square to them.
        to_side = (size[n][0] / 2 * scale[n] - p[n].abs()) * torch.cos(form[n, 1])
        to_end = (size[n][1] / 2 * scale[n] - q[n].abs()) * torch.exp(form[n, 0])
        inside = (to_side + 0.5).clamp(0, 1) * (to_end + 0.5).clamp(0, 1)
        sprite = _bilinear(texture, u, v) * (inside * opacity[n])[..., None]
        found.append(sprite * torch.cat([gain[n], torch.ones_like(gain[n][:1])]))
    return torch.stack(found)


def composite(layers: Tensor, ground: Tensor, order: Sequence[int] | None = None) -> Tensor:
    """Layers (N x H x W x 4, of `sprites`) over ``ground`` (H x W x 4, premultiplied).

    order   the layers from back to front; as they come by default
    """
    canvas = ground
    for n in range(len(layers)) if order is None else order:
        canvas = layers[n] + (1 - layers[n][..., 3:]) * canvas
    return canvas


def transparency(layers: Tensor, method: str, order: Tensor | None = None, ground: Tensor | None = None) -> Tensor:
    """Layers (N x H x W x 4, of `sprites`) by a render method of CLIP-CLOP, H x W x 4 premultiplied.

    method   as in `vertumnus.render.transparency`, whose formulae these are, word by word
    order    N, 0 to 1, for opacity; 0 by default
    ground   H x W x 4, premultiplied; transparent by default
    """
    import torch

    b = torch.zeros_like(layers[0]) if ground is None else ground
    ca, a = layers[..., :3], layers[..., 3:]
    if method == "transparency":
        return (layers.sum(0).clamp(0, 1) + b).clamp(0, 1)
    if method == "opacity":
        o = torch.zeros_like(a) if order is None else order.clamp(0, 1)[:, None, None, None]
        z = torch.where(a > 0.5, o * a / 0.1, a - 5)
        y = (torch.softmax(z, 0) * a * ca).sum(0)
        return torch.where(a.sum(0) > 0.5, torch.cat([y, torch.ones_like(y[..., :1])], -1), b)
    s = a.sum(0) + 1e-8
    y = torch.cat([ca.sum(0) / s, torch.ones_like(s)], -1)
    m = s / s.max() if method.endswith("normed") else s.clamp(0, 1)
    return y * m + b * (1 - m)


def splat(
    x: Tensor,
    y: Tensor,
    scale: Tensor,
    rotation: Tensor,
    flip: Tensor,
    opacity: Tensor,
    gain: Tensor,
    levels: Sequence[Sequence[Tensor]],
    size: Sequence[tuple[int, int]],
    shape: tuple[int, int],
    sigma: float,
) -> Tensor:
    """The layers over a transparent ground, each smoothed by a Gaussian kernel of ``sigma`` pixels.

    As `composite`; every pixel gathers the (2 reach + 1)**2 texels around where it falls.
    """
    import math

    import torch

    from vertumnus.render.splat import CUT, LEAST, REACH, splat_level

    p, q = _pixels_seen_by(x, y, rotation, flip, shape)
    canvas = torch.zeros((*shape, 4), dtype=x.dtype, device=x.device)
    for n in range(len(x)):
        level = min(splat_level(float(scale[n].detach()), sigma), len(levels[n]) - 1)
        texture = levels[n][level]
        texel = scale[n] * 2**level
        u = p[n] / texel + size[n][0] / 2 / 2**level - 0.5
        v = q[n] / texel + size[n][1] / 2 / 2**level - 0.5
        steady = sigma < LEAST * float(texel.detach())
        unit = torch.ones_like(texel) / LEAST**2 if steady else texel**2 / sigma**2
        reach = math.ceil(REACH / math.sqrt(float(unit.detach())) - 0.5)
        total = torch.zeros(shape, dtype=x.dtype, device=x.device)
        summed = torch.zeros((*shape, 4), dtype=x.dtype, device=x.device)
        for down in range(-reach, reach + 1):
            for across in range(-reach, reach + 1):
                column = (u.detach() + 0.5).floor() + across
                row = (v.detach() + 0.5).floor() + down
                square = ((column - u) ** 2 + (row - v) ** 2) * unit
                weight = torch.exp(-0.5 * square) - CUT * (1 + 0.5 * (REACH**2 - square))
                weight = weight * (square < REACH**2)
                inside = (column >= 0) & (column < texture.shape[1]) & (row >= 0) & (row < texture.shape[0])
                at = (row.clamp(0, texture.shape[0] - 1).long(), column.clamp(0, texture.shape[1] - 1).long())
                total = total + weight
                summed = summed + (weight * inside)[..., None] * texture[at]
        sprite = summed / total[..., None] * opacity[n]
        sprite = sprite * torch.cat([gain[n], torch.ones_like(gain[n][:1])])
        canvas = sprite + (1 - sprite[..., 3:]) * canvas
    return canvas
