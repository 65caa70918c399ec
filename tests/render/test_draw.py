"""One layer of the final picture against a slow computation from its matrix, and against the optimiser's renderer."""

import numpy as np
import pytest
from scipy import ndimage

from drawn import blob, png
from reference import mip_chain
from vertumnus.document.collage import Collage, Layer
from vertumnus.render import draw
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.picture import render
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites


def decode(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def slow(pixels, layer, width, height, zoom):
    """Premultiplied RGBA of one layer, from the inverse of its matrix alone: no rotation, no shear is spoken of."""
    if layer.crop is not None:
        left, top, across, down = layer.crop
        pixels = pixels[top : top + down, left : left + across]
    rows, columns = pixels.shape[:2]
    straight = pixels / 255.0
    flat = (straight[..., :3] * straight[..., 3:] * 255 + 0.5).astype(np.uint8)
    chain = mip_chain(np.concatenate([flat, pixels[..., 3:]], axis=-1))
    matrix = np.diag([zoom, zoom, 1]) @ layer.placement.matrix(columns, rows)
    back = np.linalg.inv(matrix)
    level = 0
    area = abs(np.linalg.det(matrix[:2, :2]))
    while 1 / np.sqrt(area) / 2**level > 2 and level < len(chain) - 1:
        level += 1
    texture = chain[level] / 255.0
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
            u = np.clip(u / 2**level - 0.5, 0, texture.shape[1] - 1)
            v = np.clip(v / 2**level - 0.5, 0, texture.shape[0] - 1)
            iu, iv = int(u), int(v)
            ju, jv = min(iu + 1, texture.shape[1] - 1), min(iv + 1, texture.shape[0] - 1)
            upper = texture[iv, iu] * (1 - u + iu) + texture[iv, ju] * (u - iu)
            lower = texture[jv, iu] * (1 - u + iu) + texture[jv, ju] * (u - iu)
            sample = (upper * (1 - v + iv) + lower * (v - iv)) * inside * layer.opacity
            if sample[3] > 0:
                colour = sample[:3] / sample[3]
                toned = encode(decode(np.clip(colour, 0, 1)) * layer.gain + layer.offset)
                sample[:3] = (toned if layer.toned else colour) * sample[3]
            out[i, j] = sample
    return out


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


def test_without_form_and_tone_it_is_the_optimisers_renderer(monkeypatch):
    monkeypatch.setattr(draw, "FINER", 1.0)
    rng = np.random.default_rng(5)
    pixels = [blob(n, 40, 48) for n in range(3)]
    collage = Collage(width=150, height=110)
    names = [collage.pictures.add(png(p)) for p in pixels]
    which = rng.integers(0, 3, 30)
    for n in which:
        layer = Layer(
            name="a", image=names[n], x=rng.uniform(0, 150), y=rng.uniform(0, 110),
            scale=float(np.exp(rng.uniform(-2, 0.7))), rotation=rng.uniform(-180, 180), flip=bool(rng.random() < 0.5),
            opacity=rng.uniform(0.3, 1), gain=tuple(rng.uniform(0.3, 1, 3)), light="srgb",
        )  # fmt: skip
        collage.layers.append(layer)
    flat = [np.asarray(collage.pictures.image(name).convert("RGBa")) for name in names]
    renderer = SpriteRenderer(Sprites.of(flat, [(40, 48)] * 3, [0] * 3), 150, 110, 1.3)
    canvas = renderer.forward(
        Placements.of(
            [layer.placement for layer in collage.layers],
            which,
            opacity=np.array([layer.opacity for layer in collage.layers]),
            gain=np.array([layer.gain for layer in collage.layers]),
        )
    )
    shown = np.asarray(render(collage, 1.3)).astype(float) / 255
    shown[..., :3] *= shown[..., 3:]
    assert np.abs(shown - canvas).max() < 1.01 / 255


def test_it_is_nearer_to_a_large_picture_reduced_than_what_the_optimiser_sees(monkeypatch):
    rng = np.random.default_rng(8)
    collage = Collage(width=120, height=90)
    for n in range(12):
        noise = ndimage.gaussian_filter(rng.normal(0, 1, (100, 90, 4)), (1.5, 1.5, 0))
        texture = np.clip(128 + 300 * noise, 0, 255).astype(np.uint8)
        texture[..., 3] = blob(n, 90, 100)[..., 3]
        layer = Layer(
            name="a", image=collage.pictures.add(png(texture)), x=rng.uniform(20, 100), y=rng.uniform(20, 70),
            scale=float(rng.uniform(0.25, 0.7)), rotation=rng.uniform(-180, 180),
        )  # fmt: skip
        collage.layers.append(layer)

    def away():
        large = render(collage, 8, "white").convert("RGB").reduce(8)
        shown = render(collage, 1, "white").convert("RGB")
        return np.abs(np.asarray(shown, float) - np.asarray(large, float)).mean()

    now = away()
    monkeypatch.setattr(draw, "FINER", 1.0)
    assert now < 0.9 * away(), (now, away())
