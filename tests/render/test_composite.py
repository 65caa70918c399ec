"""Compositing: the kernel, the oracle and finite differences agree, values and gradients."""

import numpy as np
import pytest
import torch
from PIL import Image

from drawn import blob
from reference import mip_chain, near_texel_centres
from vertumnus.render import oracle
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at, premultiplied

WIDTH, HEIGHT = 64, 48
PICTURES = [blob(1, 60, 40), blob(2, 33, 57), np.dstack([blob(3, 80, 80)[..., :3], np.full((80, 80), 255, np.uint8)])]
PREMULTIPLIED = [premultiplied(Image.fromarray(picture)) for picture in PICTURES]
SIZES = [(picture.shape[1], picture.shape[0]) for picture in PICTURES]
SPRITES = Sprites.of(PREMULTIPLIED, SIZES, [0, 0, 0])
CHAINS = [[torch.tensor(level / 255.0) for level in mip_chain(picture)] for picture in PREMULTIPLIED]


def random_layers(seed: int, count: int = 12, formed: float = 1.0):
    """Over and off the canvas, tinier than a pixel and larger than the canvas, flipped, any opacity and gain."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.uniform(np.log(0.02), np.log(1.3), count))
    scale[0], scale[1] = 8.0, 0.004
    placements = Placements(
        x=rng.uniform(-10, WIDTH + 10, count),
        y=rng.uniform(-10, HEIGHT + 10, count),
        log_scale=np.log(scale),
        rotation=rng.uniform(-7, 7, count),
        flip=rng.random(count) < 0.5,
        which=rng.integers(0, len(PICTURES), count).astype(np.int32),
        opacity=rng.uniform(0.1, 1, count),
        gain=rng.uniform(0, 1.5, (count, 3)),
        form=rng.uniform((-0.7, -0.8), (0.7, 0.8), (count, 2)) * formed,
        order=rng.uniform(0, 1, count),
    )
    order = rng.permutation(count)  # so that the largest is not always at the back
    ground = rng.uniform(0, 1, (HEIGHT, WIDTH, 4)).astype(np.float32)
    return placements.take(order), ground


def by_oracle(placements, ground):
    p = placements
    leaves = {name: torch.tensor(getattr(p, name), dtype=torch.float64, requires_grad=True) for name in FIELDS}
    layers = oracle.sprites(
        leaves["x"],
        leaves["y"],
        torch.exp(leaves["log_scale"]),
        leaves["rotation"],
        torch.tensor(p.flip),
        leaves["opacity"],
        leaves["gain"],
        [CHAINS[n] for n in p.which],
        [SIZES[n] for n in p.which],
        (HEIGHT, WIDTH),
        leaves["form"],
    )
    return oracle.composite(layers, torch.tensor(ground).double(), np.argsort(p.order)), leaves


FIELDS = ("x", "y", "log_scale", "rotation", "form", "opacity", "gain")


@pytest.mark.parametrize("seed", range(8))
def test_kernel_and_oracle_agree(seed):
    placements, ground = random_layers(seed, formed=seed % 4 > 0)
    renderer = SpriteRenderer(SPRITES, WIDTH, HEIGHT)
    canvas = renderer.forward(placements, ground)
    expected, leaves = by_oracle(placements, ground)
    np.testing.assert_allclose(canvas, expected.detach().numpy(), atol=3e-4)

    p = placements
    squeeze = np.exp(p.log_squeeze)
    level = np.array([level_at(s) for s in np.exp(p.log_scale) * np.sqrt(squeeze)])
    texel = (np.exp(p.log_scale) * 2.0**level)[:, None] * np.column_stack([np.ones(len(p)), squeeze])
    middle = np.array([SIZES[n] for n in p.which]) / 2 / 2.0 ** level[:, None] - 0.5
    kinks = near_texel_centres(p.x, p.y, p.rotation, p.flip, texel, middle, canvas.shape[:2], 1.0, np.tan(p.shear))
    assert kinks.mean() < 0.2
    cotangent = np.random.default_rng(seed).normal(size=canvas.shape).astype(np.float32) * ~kinks[..., None]
    gradients = renderer.backward(cotangent)
    expected.backward(torch.tensor(cotangent).double())
    for field, leaf in leaves.items():
        theirs = leaf.grad.numpy()
        np.testing.assert_allclose(getattr(gradients, field), theirs, atol=2e-4 * max(1.0, np.abs(theirs).max()))


def test_both_agree_with_finite_differences():
    placements, ground = random_layers(21, 8)
    # Not where another mip level begins: there the picture changes by a step.
    drawn = np.exp(placements.log_scale + placements.log_squeeze / 2)
    close = [abs(np.log2(s) % 1 - 0.5) < 1e-3 for s in drawn]
    assert not any(close)
    rng = np.random.default_rng(1)
    cotangent = rng.normal(size=(HEIGHT, WIDTH, 4))
    renderer = SpriteRenderer(SPRITES, WIDTH, HEIGHT)
    renderer.forward(placements, ground)
    ours = renderer.backward(cotangent.astype(np.float32))
    canvas, leaves = by_oracle(placements, ground)
    canvas.backward(torch.tensor(cotangent))

    def loss(changed):
        p = placements.copy()
        changed(p)
        with torch.no_grad():
            return float((by_oracle(p, ground)[0].numpy() * cotangent).sum())

    def shift(field, index, by):
        def change(p):
            getattr(p, field)[index] += by

        return change

    step = 1e-7
    for field, leaf in leaves.items():
        for at in np.ndindex(leaf.shape):
            slope = (loss(shift(field, at, step)) - loss(shift(field, at, -step))) / (2 * step)
            assert leaf.grad[at].item() == pytest.approx(slope, rel=2e-3, abs=2e-3)
            assert getattr(ours, field)[at] == pytest.approx(slope, rel=1e-2, abs=1e-2)


def test_order_matters_and_opaque_hides():
    centre = Placements(
        np.full(2, 32.0), np.full(2, 24.0), np.zeros(2), np.zeros(2), np.zeros(2, bool), np.array([0, 2], np.int32)
    )
    both = SpriteRenderer(SPRITES, WIDTH, HEIGHT).forward(centre)
    alone = SpriteRenderer(SPRITES, WIDTH, HEIGHT).forward(centre.take(np.array([1])))
    np.testing.assert_array_equal(both, alone)


def test_a_whole_pixel_placement_at_scale_one_is_the_picture_itself():
    place = Placements(
        np.array([32.0]), np.array([24.0]), np.zeros(1), np.zeros(1), np.zeros(1, bool), np.zeros(1, np.int32)
    )
    canvas = SpriteRenderer(SPRITES, WIDTH, HEIGHT).forward(place)
    expected = np.zeros((HEIGHT, WIDTH, 4))
    expected[4:44, 2:62] = PREMULTIPLIED[0] / 255
    np.testing.assert_allclose(canvas, expected, atol=1e-5)
    mirrored = place.copy()
    mirrored.flip[:] = True
    flipped = SpriteRenderer(SPRITES, WIDTH, HEIGHT).forward(mirrored)
    np.testing.assert_allclose(flipped, canvas[:, ::-1], atol=1e-5)


def test_rounding_cuts_no_outermost_pixel_off():
    """Pixel centres at the end of what a layer reaches, seen from centres all over the canvas."""
    rng = np.random.default_rng(0)
    for x in rng.uniform(-5, 15, 60):
        right = np.floor(x) + 10.8  # the right edge lies 0.3 behind a pixel's centre
        place = Placements(x, 24.0, np.log((right - x) / 40), 0.0, False, 2)
        alpha = SpriteRenderer(SPRITES, WIDTH, HEIGHT).forward(place)[24, int(right), 3]
        assert alpha == pytest.approx(0.8, abs=1e-3)


def test_an_opaque_picture_keeps_a_sharp_edge_when_enlarged():
    place = Placements(
        np.array([32.0]), np.array([24.0]), np.log([0.3]), np.zeros(1), np.zeros(1, bool), np.array([2], np.int32)
    )
    for zoom in (1, 8):
        alpha = SpriteRenderer(SPRITES, WIDTH, HEIGHT, zoom).forward(place)[..., 3]
        assert alpha.sum() == pytest.approx((80 * 0.3 * zoom) ** 2, rel=1e-3)
        assert ((alpha > 0.001) & (alpha < 0.999)).sum() <= 4 * (80 * 0.3 * zoom + 1)


def test_rows_of_a_band_are_rows_of_the_whole():
    placements, _ = random_layers(4)
    whole = SpriteRenderer(SPRITES, WIDTH, HEIGHT, 1.5).forward(placements)
    band = SpriteRenderer(SPRITES, WIDTH, HEIGHT, 1.5, rows=(20, 45)).forward(placements)
    np.testing.assert_allclose(band, whole[20:45], atol=1e-4)


def test_levels_and_their_table():
    assert [level_at(s) for s in (4, 1, 0.71, 0.70, 0.36, 0.35)] == [0, 0, 0, 1, 1, 2]
    skipped = Sprites.of([mip_chain(PREMULTIPLIED[0])[2]], [SIZES[0]], [2])
    np.testing.assert_array_equal(skipped.table[0, 2:, 1:], SPRITES.table[0, 2 : skipped.table.shape[1], 1:])
