"""Scenes made again of pieces, as the program's verbs make them, so that CLIP reads collages too.

``packed`` fills a thing's silhouette with small things that do not overlap; ``patches`` lays a hundred pieces over
each other, the ground's first; ``mosaic`` is a grid of tiles; ``soft`` has lost its edges, as what a small diffusion
model draws. The pieces are drawings of other nouns: what the picture shows is what they make up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from world import Pixels, Scene, World

from vertumnus.render.placements import Placements

WAYS = ("packed", "patches", "mosaic", "soft")
_LEAST = 1.2 / 64  # of the side, the radius below which nothing more is packed
_SHADES = 0.07  # standard deviation of pieces' colours around a thing's
Floats = NDArray[np.float32]


def remake(
    world: World, scene: Scene, picture: Pixels, masks: NDArray[np.uint8], way: str, rng: np.random.Generator
) -> Pixels:
    """A drawn scene, H x W x 3, with the masks of its things, made again in one of WAYS.

    Drawings in colours of their own are made of their mean colour.
    """
    if way == "mosaic":
        return _bytes(_mosaic(world, picture.astype(np.float32) / 255, rng))
    if way == "soft":
        blurred = ndimage.gaussian_filter(
            picture.astype(np.float32) / 255, (*rng.uniform(0.006, 0.03, 2) * world.side, 0)
        )
        return _bytes(blurred + rng.normal(0, rng.uniform(0, 0.05), blurred.shape))
    shown = masks[: len(scene.things)] > 127
    real = picture.astype(np.float32) / 255
    ground = np.median(real[~shown.any(0)], axis=0) if (~shown).all(0).any() else np.float32([0.5] * 3)
    canvas = np.broadcast_to(ground.astype(np.float32), real.shape).copy()
    if rng.random() < 0.5 or way == "patches":
        canvas = real.copy()
        for mask in shown:
            canvas[mask] = ground
    if way == "patches" and rng.random() < 0.6:
        everywhere = np.ones(canvas.shape[:2], bool)
        canvas = _over(canvas, _scattered(world, everywhere, ground, int(rng.integers(25, 60)), rng))
    for mask in shown:
        if not mask.any():
            continue
        colour = np.median(real[mask], axis=0)
        if rng.random() < 0.4:  # something of the thing's colour beneath its pieces
            canvas[mask] += rng.uniform(0.2, 0.7) * (colour - canvas[mask])
        if way == "packed":
            canvas = _over(canvas, _packed(world, mask, colour, rng))
        else:
            cut = rng.random() < 0.6  # along the silhouette; where pieces stick out they are smaller
            laid = _scattered(world, mask, colour, int(rng.integers(30, 80)), rng, 0.22 if cut else 0.12)
            if cut:
                laid = laid * ndimage.gaussian_filter(mask.astype(np.float32), 0.7)[..., None]
            canvas = _over(canvas, laid)
    return _bytes(canvas)


def circles(mask: NDArray[np.bool_], most: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Circles in a mask, largest first, none over another: N x (x, y, radius), pixels."""
    room = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    down, across = np.indices(mask.shape, np.float32)
    least = max(1.2, _LEAST * len(mask))
    found = []
    for _ in range(90):
        score = np.minimum(room, most) * rng.uniform(0.6, 1.0, room.shape)
        at = np.unravel_index(int(score.argmax()), room.shape)
        radius = min(float(room[at]), most)
        if radius < least:
            break
        found.append((at[1] + 0.5, at[0] + 0.5, radius))
        room = np.minimum(room, np.hypot(down - at[0], across - at[1]) - radius)
    return np.array(found).reshape(-1, 3)


def _packed(world: World, mask: NDArray[np.bool_], colour: Floats, rng: np.random.Generator) -> Floats:
    found = circles(mask, rng.uniform(0.05, 0.14) * world.side, rng)
    return _pieces(world, found[:, :2], found[:, 2] * 2.2, colour, rng)


def _scattered(
    world: World,
    mask: NDArray[np.bool_],
    colour: Floats,
    count: int,
    rng: np.random.Generator,
    most: float = 0.22,
) -> Floats:
    rows = np.argwhere(mask)[rng.integers(0, int(mask.sum()), count)]
    places = rows[:, ::-1] + rng.random((count, 2))
    return _pieces(world, places, rng.uniform(0.05, most, count) * world.side, colour, rng)


def _pieces(
    world: World, places: NDArray[np.float64], extents: NDArray[np.float64], colour: Floats, rng: np.random.Generator
) -> Floats:
    count = len(places)
    if not count:
        return np.zeros((world.height, world.width, 4), np.float32)
    shades = np.clip(colour + rng.normal(0, _SHADES, (count, 3)), 0.02, 1)
    turn = rng.uniform(-np.pi, np.pi, count) if rng.random() < 0.7 else rng.uniform(-0.2, 0.2, count)
    laid = Placements(
        x=places[:, 0].copy(),
        y=places[:, 1].copy(),
        log_scale=np.log(extents / world.texels),
        rotation=turn,
        flip=rng.random(count) < 0.5,
        which=rng.choice(world.pieces, count).astype(np.int32),
        gain=shades,
    )
    return world.render(laid)


def _mosaic(world: World, real: Floats, rng: np.random.Generator) -> Floats:
    side = int(rng.integers(12, 23))  # tiles
    height, width = real.shape[:2]
    down = np.minimum(np.arange(height) * side // height, side - 1)
    across = np.minimum(np.arange(width) * side // width, side - 1)
    which = down[:, None] * side + across
    sums = [ndimage.mean(real[..., c], which, np.arange(side * side)) for c in range(3)]
    tiles = np.stack(sums, -1) + rng.normal(0, 0.05, (side * side, 3))
    rows, columns = np.divmod(np.arange(side * side), side)
    places = (np.stack([columns, rows], -1) + 0.5) * np.array([width, height]) / side
    drawn = _pieces(world, places, np.full(side * side, 0.9 * width / side), np.float32([1, 1, 1]), rng)[..., 3]
    return (tiles[which] + rng.uniform(0.05, 0.3) * (drawn - drawn.mean())[..., None]).astype(np.float32)


def _over(canvas: Floats, laid: Floats) -> Floats:
    return laid[..., :3] + (1 - laid[..., 3:]) * canvas


def _bytes(canvas: Floats) -> Pixels:
    return (np.clip(canvas, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
