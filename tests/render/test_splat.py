"""Splatting: the kernel, the oracle and finite differences agree; upright it is a convolution."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from drawn import blob
from reference import mip_chain
from vertumnus.render import oracle
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.splat import SplatRenderer
from vertumnus.render.sprites import Sprites, premultiplied

WIDTH, HEIGHT = 40, 32
PICTURES = [premultiplied(Image.fromarray(blob(seed, 30 + 9 * seed, 36))) for seed in (1, 2)]
SIZES = [(picture.shape[1], picture.shape[0]) for picture in PICTURES]
SPRITES = Sprites.of(PICTURES, SIZES, [0, 0])
CHAINS = [[torch.tensor(level / 255.0) for level in mip_chain(picture)] for picture in PICTURES]
FIELDS = ("x", "y", "log_scale", "rotation", "opacity", "gain")


def layers(seed, count=6):
    """Over and off the canvas, tiny, larger than the canvas, flipped."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.uniform(np.log(0.15), np.log(0.9), count))
    scale[0], scale[1] = 2.1, 0.01
    return Placements(
        x=rng.uniform(-6, WIDTH + 6, count),
        y=rng.uniform(-6, HEIGHT + 6, count),
        log_scale=np.log(scale),
        rotation=rng.uniform(-7, 7, count),
        flip=rng.random(count) < 0.5,
        which=rng.integers(0, 2, count).astype(np.int32),
        opacity=rng.uniform(0.2, 1, count),
        gain=rng.uniform(0.1, 1.4, (count, 3)),
    )


@pytest.mark.parametrize(("seed", "sigma"), [(0, 0.7), (1, 1.5), (2, 4.0)])
def test_kernel_and_oracle_agree(seed, sigma):
    placements = layers(seed)
    renderer = SplatRenderer(SPRITES, WIDTH, HEIGHT, 1.0, sigma)
    canvas = renderer.forward(placements)
    p = placements
    values = (p.x, p.y, p.log_scale, p.rotation, p.opacity, p.gain)
    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    expected = oracle.splat(
        leaves[0], leaves[1], torch.exp(leaves[2]), leaves[3], torch.tensor(p.flip), leaves[4], leaves[5],
        [CHAINS[n] for n in p.which], [SIZES[n] for n in p.which], (HEIGHT, WIDTH), sigma,
    )  # fmt: skip
    np.testing.assert_allclose(canvas, expected.detach().numpy(), atol=2e-5)
    grad = np.random.default_rng(9).standard_normal(canvas.shape).astype(np.float32)
    expected.backward(torch.tensor(grad).double())
    found = renderer.backward(grad)
    for name, leaf in zip(FIELDS, leaves, strict=True):
        wanted = leaf.grad.numpy()
        np.testing.assert_allclose(getattr(found, name), wanted, atol=1e-3 * max(1, np.abs(wanted).max()))


def test_finite_differences():
    placements = layers(3, 4)
    renderer = SplatRenderer(SPRITES, WIDTH, HEIGHT, 1.0, 1.5)
    grad = np.random.default_rng(8).standard_normal(renderer.shape).astype(np.float32)

    def loss(name, index, step):
        moved = placements.copy()
        getattr(moved, name)[index] += step
        return float((renderer.forward(moved).astype(np.float64) * grad).sum())

    renderer.forward(placements)
    found = renderer.backward(grad)
    for name, step in (("x", 2e-3), ("y", 2e-3), ("log_scale", 2e-4), ("rotation", 2e-4)):
        for index in range(4):
            slope = (loss(name, index, step) - loss(name, index, -step)) / (2 * step)
            assert getattr(found, name)[index] == pytest.approx(slope, abs=0.05 + 0.02 * abs(slope)), (name, index)


def test_a_picture_in_its_own_place_is_convolved():
    one, sigma = np.ones(1), 1.5
    width, height = SIZES[0]
    place = Placements(one * width / 2, one * height / 2, one * 0, one * 0, np.zeros(1, bool), np.zeros(1, np.int32))
    splatted = SplatRenderer(SPRITES, width, height, 1.0, sigma).forward(place)
    row, column = np.mgrid[-4:5, -4:5]
    square = (row**2 + column**2) / sigma**2
    kernel = np.exp(-square / 2) - np.exp(-(2.5**2) / 2) * (1 + (2.5**2 - square) / 2)
    kernel[square >= 2.5**2] = 0
    picture = PICTURES[0] / 255
    for channel in range(4):
        expected = ndimage.convolve(picture[..., channel], kernel / kernel.sum(), mode="constant")
        np.testing.assert_allclose(splatted[:height, :width, channel], expected, atol=1e-5)


def test_a_wide_kernel_is_felt_from_afar():
    one = np.ones(1)
    place = Placements(one * 10, one * 16, np.log(one * 0.3), one * 0, np.zeros(1, bool), np.zeros(1, np.int32))
    grad = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    grad[:, 22:, 3] = -1  # ink is wanted on the right, where the piece is not
    for renderer, felt in (
        (SpriteRenderer(SPRITES, WIDTH, HEIGHT), False),
        (SplatRenderer(SPRITES, WIDTH, HEIGHT, 1.0, 4.0), True),
    ):
        renderer.forward(place)
        assert (renderer.backward(grad).x[0] < -1e-3) == felt
