"""One layer of the final picture against a slow computation from its matrix, and against the optimiser's renderer."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from drawn import blob, png
from reference import mip_chain
from vertumnus.document.collage import Collage, Layer
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render import draw
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.picture import render
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at


def decode(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def reduced(chain, size, scales, density=1.9):
    """The picture with 1.9 texels to a pixel, to a quarter of an octave, no larger than it is.

    A triangle is the filter.

    It is made from the coarsest mip level that is 1.25 times as fine.
    """
    wanted = [2 ** (round(4 * np.log2(density * scale)) / 4) for scale in scales]
    level = max(k for k in range(len(chain)) if k == 0 or 2.0**-k >= 1.25 * max(wanted))
    texture = chain[level].astype(float)
    for axis, (side, dense) in enumerate(zip(size[::-1], wanted[::-1], strict=True)):
        texels = max(1, round(side * min(dense, 1)))
        step = side / 2**level / texels
        if texels < texture.shape[axis]:
            centres = (np.arange(texels)[:, None] + 0.5) * step
            away = np.abs(np.arange(texture.shape[axis]) + 0.5 - centres) / max(step, 1)
            weights = np.maximum(1 - away, 0)
            weights /= weights.sum(axis=1, keepdims=True)
            texture = np.moveaxis(np.tensordot(weights, texture, (1, axis)), 0, axis)
    return texture / 255


def slow(pixels, layer, width, height, zoom):
    """Premultiplied RGBA of one layer, from the inverse of its matrix alone: no rotation, no shear is spoken of."""
    if layer.crop is not None:
        left, top, across, down = layer.crop
        pixels = pixels[top : top + down, left : left + across]
    rows, columns = pixels.shape[:2]
    straight = pixels / 255.0
    flat = (straight[..., :3] * straight[..., 3:] * 255 + 0.5).astype(np.uint8)
    matrix = np.diag([zoom, zoom, 1]) @ layer.placement.matrix(columns, rows)
    back = np.linalg.inv(matrix)
    enough = 2.8 * layer.scale * max(1, layer.squeeze) * zoom <= 1
    small = enough and np.sqrt(abs(np.linalg.det(matrix[:2, :2])) * columns * rows) < 40  # four points to a pixel
    texture = reduced(
        mip_chain(np.concatenate([flat, pixels[..., 3:]], axis=-1)),
        (columns, rows),
        [layer.scale * zoom, layer.scale * layer.squeeze * zoom],
        2.8 if small else 1.9,
    )
    points = [(-0.22, -0.22), (0.22, -0.22), (-0.22, 0.22), (0.22, 0.22)] if small else [(0, 0)]
    across, down = columns / texture.shape[1], rows / texture.shape[0]
    out = np.zeros((round(height * zoom), round(width * zoom), 4))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            u, v, _ = back @ [j + 0.5, i + 0.5, 1]
            # Distance to the nearer of two opposite edges, square to them, in raster pixels.
            inside = 1.0
            for at, size, slope in ((u, columns, back[0, :2]), (v, rows, back[1, :2])):
                inside *= np.clip(min(at, size - at) / np.hypot(*slope) + 0.5, 0, 1)
            if inside == 0:
                continue
            sample = np.zeros(4)
            for x, y in points:
                u, v, _ = back @ [j + 0.5 + x, i + 0.5 + y, 1]
                u = np.clip(u / across - 0.5, 0, texture.shape[1] - 1)
                v = np.clip(v / down - 0.5, 0, texture.shape[0] - 1)
                iu, iv = int(u), int(v)
                ju, jv = min(iu + 1, texture.shape[1] - 1), min(iv + 1, texture.shape[0] - 1)
                upper = texture[iv, iu] * (1 - u + iu) + texture[iv, ju] * (u - iu)
                lower = texture[jv, iu] * (1 - u + iu) + texture[jv, ju] * (u - iu)
                sample += (upper * (1 - v + iv) + lower * (v - iv)) * inside * layer.opacity / len(points)
            if sample[3] > 0:
                colour = sample[:3] / sample[3]
                toned = encode(decode(np.clip(colour, 0, 1)) * layer.gain + layer.offset)
                sample[:3] = (toned if layer.toned else colour) * sample[3]
            out[i, j] = sample
    return out


ANY = f"elements/{0:032x}.png"
CASES = [
    {"squeeze": 0.4, "rotation": 30.0},
    {"squeeze": 2.5, "rotation": -70.0, "flip": True},
    {"shear": 35.0},
    {"shear": -50.0, "rotation": 110.0, "squeeze": 0.7},
    {"shear": 60.0, "flip": True, "rotation": 200.0},
    {"crop": (5, 7, 31, 22), "rotation": 15.0},
    {"crop": (5, 7, 30, 22), "rotation": 45.0, "shear": 20.0, "squeeze": 1.4, "flip": True},
    {"gain": (0.5, 1.0, 2.0), "offset": (0.1, -0.05, 0.0), "rotation": 20.0},
    {"gain": (0.0, 3.0, 1.0), "offset": (0.3, 0.0, -0.2), "opacity": 0.6, "squeeze": 0.5, "shear": 10.0},
]


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("zoom", [1.0, 0.37])
def test_any_placement_and_tone_is_what_the_matrix_says(case, zoom):
    pixels = blob(case, 50, 44)
    collage = Collage(width=64, height=56)
    name = collage.pictures.add(png(pixels))
    layer = Layer(name="a", image=name, x=31.3, y=27.8, scale=0.83, **CASES[case])
    collage.layers.append(layer)
    expected = slow(pixels, layer, 64, 56, zoom)
    shown = np.asarray(render(collage, zoom)).astype(float) / 255
    shown[..., :3] *= shown[..., 3:]
    # A byte each for colour and alpha, and a mip level's; nothing else differs.
    assert np.abs(shown - expected).max() < 3.1 / 255
    assert np.abs(shown - expected).mean() < 0.5 / 255


def test_without_form_and_tone_it_is_the_optimisers_renderer():
    rng = np.random.default_rng(5)
    pixels = [blob(n, 40, 48) for n in range(3)]
    flat = [np.asarray(Image.fromarray(p).convert("RGBa")) for p in pixels]
    layers = [
        Layer(
            name="a", image=ANY, x=rng.uniform(0, 150), y=rng.uniform(0, 110),
            scale=float(np.exp(rng.uniform(-2, 0.7))), rotation=rng.uniform(-180, 180), flip=bool(rng.random() < 0.5),
            opacity=rng.uniform(0.3, 1), gain=tuple(rng.uniform(0.3, 1, 3)), light="srgb",
        )
        for _ in range(30)
    ]  # fmt: skip
    which = rng.integers(0, 3, 30)
    renderer = SpriteRenderer(Sprites.of(flat, [(40, 48)] * 3, [0] * 3), 150, 110, 1.3)
    canvas = renderer.forward(
        Placements.of(
            [layer.placement for layer in layers],
            which,
            opacity=np.array([layer.opacity for layer in layers]),
            gain=np.array([layer.gain for layer in layers]),
        )
    )
    shown = np.zeros_like(canvas)
    for layer, n in zip(layers, which, strict=True):
        ready = draw.make_ready(layer, (40, 48), 1.3)._replace(small=False)
        # What packing reads: the mip level with .7 to 1.4 texels to a pixel.
        texture = mip_level(flat[n], level_at(np.float32(layer.scale) * np.float32(1.3)))
        draw.draw(shown, 0, 0, ready, texture)
    assert np.abs(shown - canvas).max() < 1e-4


@pytest.mark.parametrize("zoom", [1, 0.5])
def test_it_is_near_to_a_large_picture_reduced(zoom):
    rng = np.random.default_rng(8)
    collage = Collage(width=120, height=90)
    for n in range(12):
        noise = ndimage.gaussian_filter(rng.normal(0, 1, (100, 90, 4)), (1.5, 1.5, 0))
        texture = np.clip(128 + 300 * noise, 0, 255).astype(np.uint8)
        texture[..., 3] = blob(n, 90, 100)[..., 3]
        layer = Layer(
            name="a", image=collage.pictures.add(png(texture)), x=rng.uniform(20, 100), y=rng.uniform(20, 70),
            scale=float(rng.uniform(0.25, 0.5)), rotation=rng.uniform(-180, 180),
        )  # fmt: skip
        collage.layers.append(layer)
    large = render(collage, 8, "white").convert("RGB").reduce(8)
    large = large.reduce(round(1 / zoom))
    shown = np.asarray(render(collage, zoom, "white").convert("RGB"), float)
    drawn = (np.asarray(large) < 254).any(axis=-1)
    away = np.abs(shown - np.asarray(large, float))[drawn].mean()
    # At 1:1 4.2 from mip levels with one to two texels to a pixel.
    assert away < 2.5, away


@pytest.mark.parametrize("drawing", [False, True])
def test_layers_of_like_size_share_a_texture(drawing):
    scales = np.exp(np.linspace(np.log(0.05), np.log(0.5), 200))
    found = {
        draw.make_ready(Layer(name="a", image=ANY, x=0, y=0, scale=float(s)), (64, 64), 1, -4 * drawing).texels
        for s in scales
    }
    assert len(found) <= 4 * np.log2(10) + 2
