"""The render methods of CLIP-CLOP: kernel, oracle and finite differences agree, and pixels worked out by hand."""

import numpy as np
import pytest
import torch
from PIL import Image

from drawn import blob
from reference import mip_chain
from vertumnus.errors import VertumnusError
from vertumnus.render import oracle
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, premultiplied
from vertumnus.render.tint import hsv_gain
from vertumnus.render.transparency import METHODS, TransparencyRenderer

WIDTH, HEIGHT = 40, 32
PICTURES = [premultiplied(Image.fromarray(blob(seed, 30 + 9 * seed, 36))) for seed in (1, 2)]
PICTURES.append(
    premultiplied(Image.fromarray(np.dstack([blob(3, 40, 40)[..., :3], np.full((40, 40), 255, np.uint8)])))
)
SIZES = [(picture.shape[1], picture.shape[0]) for picture in PICTURES]
SPRITES = Sprites.of(PICTURES, SIZES, [0, 0, 0])
CHAINS = [[torch.tensor(level / 255.0) for level in mip_chain(picture)] for picture in PICTURES]
FIELDS = ("x", "y", "log_scale", "rotation", "form", "opacity", "gain", "tint", "order")


def layers(seed, count=9):
    """Over and off the canvas, tiny, larger than the canvas, flipped, squeezed, sheared, of any colour and order."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.uniform(np.log(0.15), np.log(0.9), count))
    scale[0], scale[1] = 2.2, 0.01
    placements = Placements(
        x=rng.uniform(-6, WIDTH + 6, count),
        y=rng.uniform(-6, HEIGHT + 6, count),
        log_scale=np.log(scale),
        rotation=rng.uniform(-7, 7, count),
        flip=rng.random(count) < 0.5,
        which=rng.integers(0, len(PICTURES), count),
        form=rng.uniform((-0.5, -0.6), (0.5, 0.6), (count, 2)),
        opacity=rng.uniform(0.3, 1, count),
        gain=rng.uniform(0.2, 1.2, (count, 3)),
        tint=rng.uniform((-0.4, 0.1, 0.4), (1.4, 0.9, 1.1), (count, 3)),
        order=rng.uniform(0.05, 0.95, count),
    )
    ground = rng.uniform(0, 0.5, (HEIGHT, WIDTH, 1)) * rng.uniform(0, 1, (HEIGHT, WIDTH, 4))
    ground[..., 3] = ground.max(-1)
    return placements, ground.astype(np.float32)


def hsv_by_definition(tint):
    """As in Smith (1978), sector by sector."""
    hue, saturation, value = tint[:, 0] % 1 * 6, tint[:, 1], tint[:, 2]
    sector, part = hue.detach().floor(), hue - hue.detach().floor()
    p, q, t = value * (1 - saturation), value * (1 - saturation * part), value * (1 - saturation * (1 - part))
    rows = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q)]
    return torch.stack([torch.stack(rows[int(s)], -1)[n] for n, s in enumerate(sector)])


def by_oracle(p, method, ground):
    leaves = {name: torch.tensor(getattr(p, name), dtype=torch.float64, requires_grad=True) for name in FIELDS}
    sprites = oracle.sprites(
        leaves["x"], leaves["y"], torch.exp(leaves["log_scale"]), leaves["rotation"], torch.tensor(p.flip),
        leaves["opacity"], leaves["gain"] * hsv_by_definition(leaves["tint"]), [CHAINS[n] for n in p.which],
        [SIZES[n] for n in p.which], (HEIGHT, WIDTH), leaves["form"],
    )  # fmt: skip
    canvas = oracle.transparency(sprites, method, leaves["order"], torch.tensor(ground).double())
    # Where a comparison of the formulae is nearly open: single precision may decide it otherwise.
    a = sprites[..., 3].detach()
    sums = sprites.sum(0).detach()
    near = ((a - 0.5).abs() < 1e-4).any(0) | ((sums[..., 3] - 0.5).abs() < 1e-4)
    near |= ((sums - 1).abs() < 1e-4).any(-1) | ((sums.clamp(0, 1) + torch.tensor(ground) - 1).abs() < 1e-4).any(-1)
    return canvas, leaves, near.numpy()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_kernel_and_oracle_agree(method, seed):
    p, ground = layers(seed)
    renderer = TransparencyRenderer(SPRITES, WIDTH, HEIGHT, method, ground=ground)
    canvas = renderer.forward(p)
    expected, leaves, near = by_oracle(p, method, ground)
    assert near.mean() < 0.1
    np.testing.assert_allclose(canvas[~near], expected.detach().numpy()[~near], atol=1e-3)
    cotangent = np.random.default_rng(seed).normal(size=canvas.shape).astype(np.float32) * ~near[..., None]
    found = renderer.backward(cotangent)
    expected.backward(torch.tensor(cotangent).double())
    assert "order" in found or method != "opacity"
    for name, leaf in leaves.items():
        if leaf.grad is None:
            assert name == "order"
            continue
        wanted = leaf.grad.numpy()
        np.testing.assert_allclose(
            getattr(found, name), wanted, atol=3e-3 * max(1, np.abs(wanted).max()), err_msg=name
        )


@pytest.mark.parametrize("method", METHODS)
def test_finite_differences(method):
    p, ground = layers(7, 6)
    cotangent = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 4))
    for _ in range(3):  # the canvas jumps where a threshold is crossed; what is felt is what lies between
        cotangent = (cotangent + np.roll(cotangent, 1, 0) + np.roll(cotangent, 1, 1)) / 3
    renderer = TransparencyRenderer(SPRITES, WIDTH, HEIGHT, method, ground=ground)
    _, _, near = by_oracle(p, method, ground)
    cotangent *= ~near[..., None]
    renderer.forward(p)
    found = renderer.backward(cotangent.astype(np.float32))

    def loss(changed):
        with torch.no_grad():
            return float((by_oracle(changed, method, ground)[0].numpy() * cotangent).sum())

    step = 1e-7
    for name in FIELDS:
        if name == "order" and method != "opacity":
            assert "order" not in found
            continue
        for at in np.ndindex(getattr(p, name).shape):
            ahead, behind = p.copy(), p.copy()
            getattr(ahead, name)[at] += step
            getattr(behind, name)[at] -= step
            slope = (loss(ahead) - loss(behind)) / (2 * step)
            assert getattr(found, name)[at] == pytest.approx(slope, rel=1e-2, abs=2e-2), (name, at)


def flat(rgba):
    """A canvas of one colour, 4 x 4, from its straight value."""
    return premultiplied(Image.fromarray(np.full((4, 4, 4), rgba, np.uint8)))


def pixel(method, colours, ground=(0, 0, 0, 0), **more):
    """The middle pixel of flat layers over each other, to be compared with sums done by hand."""
    sprites = Sprites.of([flat(colour) for colour in colours], [(4, 4)] * len(colours), [0] * len(colours))
    canvas = np.broadcast_to(np.array(ground, np.float32), (4, 4, 4))
    p = Placements(np.full(len(colours), 2.0), 2.0, 0.0, 0.0, False, range(len(colours)), **more)
    return TransparencyRenderer(sprites, 4, 4, method, ground=canvas).forward(p)[2, 2]


RED, GREEN, GREY = (255, 0, 0, 255), (0, 255, 0, 255), (51, 51, 51, 255)  # 51 is one fifth
HALF = 51 / 255 * 2  # an alpha of two fifths


def test_light_adds_up_in_transparency():
    np.testing.assert_allclose(pixel("transparency", [RED, GREEN, GREY]), [1, 1, 0.2, 1], atol=1e-6)
    np.testing.assert_allclose(pixel("transparency", [GREY, GREY], (0.3, 0.9, 0, 1)), [0.7, 1, 0.4, 1], atol=1e-6)
    # Two fifths of red, and black, which does not show.
    np.testing.assert_allclose(pixel("transparency", [(255, 0, 0, 102), (0, 0, 0, 102)]), [0.4, 0, 0, 0.8], atol=1e-6)


def test_colours_are_averaged_by_alpha_in_masked_transparency():
    # S = 2: half red, half green, opaque.
    np.testing.assert_allclose(pixel("masked-transparency", [RED, GREEN]), [0.5, 0.5, 0, 1], atol=1e-6)
    # S = 0.4 + 0.4 = M; the average is half red, half green; over blue.
    thin = [(255, 0, 0, 102), (0, 255, 0, 102)]
    found = pixel("masked-transparency", thin, (0, 0, 1, 1))
    np.testing.assert_allclose(found, [0.4, 0.4, 0.2, 1], atol=1e-6)
    # By the most: S is 0.8 everywhere, so M = 1.
    found = pixel("masked-transparency-normed", thin, (0, 0, 1, 1))
    np.testing.assert_allclose(found, [0.5, 0.5, 0, 1], atol=1e-6)


def test_the_nearer_layer_wins_softly_in_opacity():
    for order in ((0.0, 0.0), (0.1, 0.0), (0.2, 0.5)):
        first = 1 / (1 + np.exp((order[1] - order[0]) / 0.1))
        found = pixel("opacity", [RED, GREEN], order=order)
        np.testing.assert_allclose(found, [first, 1 - first, 0, 1], atol=1e-5)
    # One of two fifths is behind the threshold: z = 0.4 - 5, and sum a = 0.4 shows the ground.
    np.testing.assert_allclose(pixel("opacity", [(255, 0, 0, 102)], (0, 0, 1, 1)), [0, 0, 1, 1], atol=1e-6)
    # Two of them: sum a = 0.8, w = 1/2 each, y = sum w a^2 c.
    found = pixel("opacity", [(255, 0, 0, 102), (0, 255, 0, 102)], (0, 0, 1, 1))
    np.testing.assert_allclose(found, [0.08, 0.08, 0, 1], atol=1e-6)
    # A third that is elsewhere takes part with a = 0: e^-5 of the sum.
    found = pixel("opacity", [RED, GREEN, GREEN], order=(0, 0, 0), opacity=(1, 1, 0))
    part = 1 / (2 + np.exp(-5))
    np.testing.assert_allclose(found, [part, part, 0, 1], atol=1e-5)


def test_a_band_is_part_of_the_whole():
    p, _ = layers(5)
    for method in METHODS:
        whole = TransparencyRenderer(SPRITES, WIDTH, HEIGHT, method, 1.5)
        expected = whole.forward(p)
        peak = float(whole.sums(p)[..., 3].max())
        band = TransparencyRenderer(SPRITES, WIDTH, HEIGHT, method, 1.5, rows=(11, 30)).forward(p, peak)
        near = np.abs(whole.sums(p)[11:30, :, 3] - 0.5) < 1e-3
        np.testing.assert_allclose(band[~near], expected[11:30][~near], atol=2e-3)


def test_a_hue_is_that_of_colorsys():
    import colorsys

    tint = np.random.default_rng(0).uniform(0, 1, (3, 20))
    expected = [colorsys.hsv_to_rgb(*column) for column in tint.T]
    np.testing.assert_allclose(hsv_gain(tint)[0].T, expected, atol=1e-12)


def test_a_method_that_is_none():
    with pytest.raises(
        VertumnusError, match=r"render: must be one of transparency, masked-transparency, .* not soft"
    ):
        TransparencyRenderer(SPRITES, 4, 4, "soft")
