"""Random looks at a picture, with gradients: a perspective and a crop of it, in one resampling.

What a network says of a picture is robust where it says the same of the picture seen a little from the side, and a
little nearer. CLIP-CLOP (Mirowski et al., 2022) shows its canvas so, and `training/clip.py` its pictures: a
perspective that moves the corners inwards, then a crop of a share of the area.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

Tensor = torch.Tensor
CORNERS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
RATIO = 4 / 3  # of a crop's sides, at most


def homography(source: Tensor, target: Tensor) -> Tensor:
    """The projective maps that take four points each to four others, N x 3 x 3: eight equations in eight unknowns.

    source, target   N x 4 x 2
    """
    u, v = source[..., 0], source[..., 1]
    a, b = target[..., 0], target[..., 1]
    one, zero = torch.ones_like(u), torch.zeros_like(u)
    rows_a = torch.stack([u, v, one, zero, zero, zero, -u * a, -v * a], -1)
    rows_b = torch.stack([zero, zero, zero, u, v, one, -u * b, -v * b], -1)
    h = torch.linalg.solve(torch.cat([rows_a, rows_b], 1), torch.cat([a, b], 1))
    return torch.cat([h, torch.ones_like(h[:, :1])], 1).view(-1, 3, 3)


def warp(image: Tensor, maps: Tensor, side: int, padding: str = "zeros") -> Tensor:
    """Pictures as seen through maps of the square from -1 to 1 to places in them, N x channels x side x side.

    image   N x channels x H x W
    maps    N x 3 x 3
    """
    ticks = (torch.arange(side, device=image.device, dtype=image.dtype) + 0.5) / side * 2 - 1
    down, across = torch.meshgrid(ticks, ticks, indexing="ij")
    points = torch.stack([across, down, torch.ones_like(down)], -1).view(-1, 3) @ maps.transpose(1, 2)
    grid = (points[..., :2] / points[..., 2:]).view(-1, side, side, 2)
    return functional.grid_sample(image, grid, padding_mode=padding, align_corners=False)


def random_maps(
    count: int, generator: torch.Generator, distortion: float = 0.6, crop: tuple[float, float] = (0.7, 0.9)
) -> Tensor:
    """Maps of so many random looks, for `warp`, N x 3 x 3.

    distortion   share of half a side that each corner of the picture moves inwards at most, uniformly
    crop         least and most share of the area that is then seen, anywhere, its sides up to 4 : 3

    Where a look reaches beyond the picture, which only a perspective makes it do, there is nothing.
    """
    corners = torch.tensor(CORNERS).expand(count, 4, 2)
    inwards = torch.rand(count, 4, 2, generator=generator) * distortion
    seen_at = corners - corners.sign() * inwards
    area = crop[0] + (crop[1] - crop[0]) * torch.rand(count, 1, generator=generator)
    ratio = torch.exp((2 * torch.rand(count, 1, generator=generator) - 1) * math.log(RATIO))
    half = torch.cat([(area * ratio).sqrt(), (area / ratio).sqrt()], 1).clamp(max=1)
    middle = (1 - half) * (2 * torch.rand(count, 2, generator=generator) - 1)
    to_crop = torch.zeros(count, 3, 3)
    to_crop[:, 0, 0], to_crop[:, 1, 1], to_crop[:, 2, 2] = half[:, 0], half[:, 1], 1
    to_crop[:, :2, 2] = middle
    return homography(seen_at, corners) @ to_crop


def looks(image: Tensor, maps: Tensor, side: int, ground: Tensor) -> Tensor:
    """Several looks at each picture, B x looks x 3 x side x side.

    image    B x 3 x H x W
    maps     looks x 3 x 3, the same for every picture
    ground   3, what there is beyond the picture
    """
    count, number = len(image), len(maps)
    over = image - ground.view(1, 3, 1, 1)
    many = over.repeat_interleave(number, 0)
    seen = warp(many, maps.to(image).repeat(count, 1, 1), side)
    return (seen + ground.view(1, 3, 1, 1)).view(count, number, 3, side, side)


def fitted(image: Tensor, side: int, ground: Tensor) -> Tensor:
    """Pictures in the middle of a square of ``side``, nothing stretched: B x 3 x side x side."""
    rows, columns = image.shape[-2:]
    whole = max(rows, columns)
    left, top = (whole - columns) // 2, (whole - rows) // 2
    over = image - ground.view(1, 3, 1, 1)
    over = functional.pad(over, (left, whole - columns - left, top, whole - rows - top))
    if whole != side:
        over = functional.interpolate(over, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return over + ground.view(1, 3, 1, 1)
