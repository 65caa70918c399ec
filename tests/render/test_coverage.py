"""Coverage: the kernel, the oracle and finite differences agree, values and gradients."""

import numpy as np
import pytest
import torch

from drawn import blob, element
from reference import near_texel_centres
from vertumnus.render import oracle
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.placements import Placements

WIDTH, HEIGHT = 61, 47
PIECES = [
    element(blob(1, 60, 40)),
    element(blob(2, 33, 57)),
    element(np.full((50, 80, 4), 255, np.uint8)),
    element(blob(3, 90, 20)),
]
TEXTURES = Textures.of([piece.texture for piece in PIECES], [piece.unit for piece in PIECES])


def random_placements(seed: int, count: int = 14) -> Placements:
    """Over and off the canvas, from a hundredth of a pixel to larger than the canvas, turned and flipped."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(0.5), np.log(30), count))
    size[0], size[1], size[2] = 150, 0.05, 0.4
    which = rng.integers(0, len(PIECES), count).astype(np.int32)
    return Placements(
        x=rng.uniform(-15, WIDTH + 15, count),
        y=rng.uniform(-15, HEIGHT + 15, count),
        log_scale=np.log(size / TEXTURES.unit[which]),
        rotation=rng.uniform(-7, 7, count),
        flip=rng.random(count) < 0.5,
        which=which,
    )


def by_oracle(p: Placements, zoom: float, gap: float):
    """The oracle's canvas, and its inputs as leaves, in double precision."""
    leaves = [
        torch.tensor(values, dtype=torch.float64, requires_grad=True)
        for values in (p.x, p.y, p.log_scale, p.rotation)
    ]
    x, y, log_scale, rotation = leaves
    shape = (round(HEIGHT * zoom), round(WIDTH * zoom))
    canvas = oracle.coverage(
        x * zoom,
        y * zoom,
        torch.exp(log_scale) * torch.tensor(TEXTURES.unit[p.which]) * zoom,
        rotation,
        torch.tensor(p.flip),
        torch.tensor(TEXTURES.values[p.which]).double(),
        torch.tensor(TEXTURES.half[p.which]).double(),
        shape,
        gap * zoom,
    )
    return canvas, leaves


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("zoom", "gap"), [(1.0, 0.0), (0.37, 0.0), (2.0, 0.0), (1.0, 1.7), (0.5, 6.0)])
def test_kernel_and_oracle_agree(seed, zoom, gap):
    placements = random_placements(seed)
    renderer = CoverageRenderer(TEXTURES, WIDTH, HEIGHT, zoom, gap)
    canvas = renderer.forward(placements).copy()
    expected, leaves = by_oracle(placements, zoom, gap)
    np.testing.assert_allclose(canvas, expected.detach().numpy(), atol=2e-4)

    size = np.exp(placements.log_scale) * TEXTURES.unit[placements.which] * zoom
    kinks = near_texel_centres(
        placements.x * zoom,
        placements.y * zoom,
        placements.rotation,
        placements.flip,
        size[:, None] * TEXTURES.half[placements.which] * 2 / 64,
        np.full((len(size), 2), 31.5),
        canvas.shape,
        1 + gap * zoom,
    )
    assert kinks.mean() < 0.2
    cotangent = np.random.default_rng(seed).normal(size=canvas.shape).astype(np.float32) * ~kinks
    gradients = renderer.backward(cotangent)
    expected.backward(torch.tensor(cotangent).double())
    found = [gradients.x, gradients.y, gradients.log_scale, gradients.rotation]
    for ours, leaf in zip(found, leaves, strict=True):
        theirs = leaf.grad.numpy()
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_both_agree_with_finite_differences(gap):
    placements = random_placements(11, 10)
    cotangent = np.random.default_rng(5).normal(size=(HEIGHT, WIDTH))
    cotangent = (cotangent + np.roll(cotangent, 1, 0) + np.roll(cotangent, 1, 1)) / 3
    renderer = CoverageRenderer(TEXTURES, WIDTH, HEIGHT, 1.0, gap)
    renderer.forward(placements)
    ours = renderer.backward(cotangent.astype(np.float32))
    canvas, leaves = by_oracle(placements, 1.0, gap)
    canvas.backward(torch.tensor(cotangent))

    def loss(p):
        with torch.no_grad():
            return float((by_oracle(p, 1.0, gap)[0].numpy() * cotangent).sum())

    step = 1e-6
    for field, leaf in zip(("x", "y", "log_scale", "rotation"), leaves, strict=True):
        for index in range(len(placements)):
            ahead, behind = placements.copy(), placements.copy()
            getattr(ahead, field)[index] += step
            getattr(behind, field)[index] -= step
            slope = (loss(ahead) - loss(behind)) / (2 * step)
            assert leaf.grad[index].item() == pytest.approx(slope, rel=1e-3, abs=2e-3)
            assert getattr(ours, field)[index] == pytest.approx(slope, rel=5e-3, abs=5e-3)


def test_a_disc_covers_its_area():
    y, x = np.mgrid[:200, :200] + 0.5
    pixels = np.zeros((200, 200, 4), np.uint8)
    pixels[..., 3] = np.clip(90 - np.hypot(x - 100, y - 100) + 0.5, 0, 1) * 255
    disc = element(pixels)
    textures = Textures.of([disc.texture], [disc.unit])
    place = Placements(
        np.array([50.0]),
        np.array([50.0]),
        np.log([40 / disc.unit]),
        np.zeros(1),
        np.zeros(1, bool),
        np.zeros(1, np.int32),
    )
    canvas = CoverageRenderer(textures, 100, 100).forward(place)
    assert canvas.sum() == pytest.approx(40**2, rel=0.01)


def test_nothing_placed_is_an_empty_canvas():
    renderer = CoverageRenderer(TEXTURES, WIDTH, HEIGHT)
    empty = random_placements(0).take(np.zeros(14, bool))
    assert not renderer.forward(empty).any()
    assert len(renderer.backward(np.ones((HEIGHT, WIDTH), np.float32)).x) == 0


def test_the_record_of_edges_grows_as_needed():
    placements = random_placements(3, 400)
    renderer = CoverageRenderer(TEXTURES, WIDTH, HEIGHT, 4.0)
    many = renderer.forward(placements).copy()
    again = CoverageRenderer(TEXTURES, WIDTH, HEIGHT, 4.0)
    np.testing.assert_array_equal(many, again.forward(placements))
    assert renderer._edge_start[-1] > 4096


def test_reduced_textures_draw_nearly_the_same():
    placements = random_placements(4)
    fine = CoverageRenderer(TEXTURES, WIDTH, HEIGHT, 0.3).forward(placements)
    coarse = CoverageRenderer(TEXTURES.reduced(), WIDTH, HEIGHT, 0.3).forward(placements)
    assert np.abs(fine - coarse).mean() < 0.05
