"""Each change to a step against a computation of its own."""

import numpy as np
import pytest
import torch
from PIL import Image

from vertumnus.mosaic.generate.colour import statistics
from vertumnus.mosaic.generate.decoders import open_decoder
from vertumnus.mosaic.generate.generate import draw_reference
from vertumnus.mosaic.generate.job import GenerateJob
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.steer import AlignLatents, AlignPixels, Blend, Factor, Guide, Tiles
from vertumnus.mosaic.generate.structure import PAPER_VALUES, gaussian_blur, structure_loss
from vertumnus.mosaic.match.grid import regular_grid
from vertumnus.sampling.sample import sample

SIGMA = 0.8


@pytest.fixture
def tiles(model):
    maker = torch.Generator().manual_seed(5)
    pictures = torch.rand((2, 3, 16, 16), generator=maker)
    blocks = torch.nn.functional.avg_pool2d(pictures, 2)
    return Tiles(
        model, pictures, blocks, torch.randn((2, 4, 8, 8), generator=maker), [1, 2], model.encode_text(["a", "b"])
    )


@pytest.fixture
def step(tiles):
    """The second step of four, DDIM."""
    steps = sample(tiles.model, ["a", "b"], steps=4, scheduler="ddim", latents=tiles.noise, seed=[1, 2], guidance=2)
    next(steps)
    return next(steps)


def test_aligned_predictions_have_the_blocks_statistics(step, tiles):
    AlignLatents()(step, tiles)
    for got, wanted in zip(statistics(step.predicted_clean), statistics(tiles.latents), strict=True):
        assert torch.allclose(got, wanted, atol=1e-5)


def test_aligned_pixels_are_aligned_before_they_are_encoded(step, tiles):
    before = step.predicted_clean
    AlignPixels()(step, tiles)
    picture = tiles.model.decode(before)
    by_hand = torch.empty_like(picture)
    for n in range(2):
        for c in range(3):
            one, block = picture[n, c], tiles.pictures[n, c]
            by_hand[n, c] = block.mean() + block.std(correction=0) * (one - one.mean()) / one.std(correction=0)
    assert torch.allclose(step.predicted_clean, tiles.model.to_latents(by_hand.clamp(0, 1)), atol=1e-5)


@pytest.mark.parametrize("through", ["network", "clean"])
def test_guidance_moves_down_the_gradient(step, tiles, through):
    """Against finite differences along two directions."""
    decoder = open_decoder("linear", tiles.model)
    guide = Guide(decoder, 2e6, 0.5, SIGMA, through=through)
    start = (step.latents if through == "network" else step.predicted_clean).clone()

    def loss(where):
        clean = step.predict(where) if through == "network" else where
        return structure_loss(decoder.decode(clean), tiles.blocks, SIGMA).double()

    at = torch.Generator().manual_seed(9)
    directions = [torch.randn(start.shape, generator=at) for _ in range(2)]
    with torch.no_grad():
        slopes = [(loss(start + 1e-2 * d) - loss(start - 1e-2 * d)) / 2e-2 for d in directions]
    guide(step, tiles)
    moved = (step.latents if through == "network" else step.predicted_clean) - start
    gradient = -moved / (2e6 * 0.5 / PAPER_VALUES)
    for direction, slope in zip(directions, slopes, strict=True):
        along = (gradient * direction).sum((1, 2, 3)).double()
        assert torch.allclose(along, slope, rtol=2e-2, atol=1e-3 * slope.abs().max())


def test_a_weight_of_nothing_changes_nothing(step, tiles):
    before = step.latents
    Guide(open_decoder("full", tiles.model), 0.0, 0.95, SIGMA)(step, tiles)
    assert step.latents is before


def test_guidance_lowers_the_loss_of_the_result(model, tiles):
    from vertumnus.mosaic.generate.methods import draw, make_recipe

    losses = []
    for weight in (0.0, 3e5):
        options = GenerateOptions(steps=4, guidance_weight=weight, decoder="full", align="none", blur=0.1)
        picture = draw(tiles, make_recipe(options, model), options)
        losses.append(float(structure_loss(picture, tiles.blocks, 0.8).sum()))
    assert losses[1] < 0.8 * losses[0]


def test_blends_and_factors(step, tiles):
    before = step.predicted_clean
    Blend(0.25)(step, tiles)
    assert torch.allclose(step.predicted_clean, 0.75 * before + 0.25 * tiles.latents, atol=1e-6)
    latents = step.latents
    Factor(SIGMA)(step, tiles)
    held = step.signal * tiles.latents + step.level * tiles.noise
    low = gaussian_blur(held, SIGMA) + latents - gaussian_blur(latents, SIGMA)
    assert torch.allclose(step.latents, low, atol=1e-5)


def test_a_drawn_references_own_predictions_are_blended(model):
    """With the whole share, a single tile is the reference itself, drawn once more; each tile sees its own part."""
    options = GenerateOptions(method="noise-blend", blend=1.0, steps=3, finish="none")
    image, branch = draw_reference(model, "a cat", options, seed=4)
    assert len(branch) == 3

    def far(job, wanted):
        tile = job.draw([len(job.grid) - 1])[0].astype(float)
        return np.abs(tile - np.asarray(wanted.resize((16, 16), Image.Resampling.BICUBIC), float)).mean()

    one = GenerateJob(image, "a cat", regular_grid(16, 16, 1, 1), ["a"], model, options=options, branch=branch)
    assert far(one, image) < 2
    grid, prompts = regular_grid(16, 16, 2, 2), ["a"] * 4
    four = GenerateJob(image, "a cat", grid, prompts, model, options=options, branch=branch)
    corners = [far(four, image.crop((x, y, x + 8, y + 8))) for y in (0, 8) for x in (0, 8)]
    assert int(np.argmin(corners)) == 3


def test_a_perceptual_distance_sees_edges(model):
    from vertumnus.mosaic.generate.perceptual import encoder_distance

    distance = encoder_distance(model)
    picture = torch.rand((1, 3, 8, 8), generator=torch.Generator().manual_seed(2), requires_grad=True)
    assert float(distance(picture, picture.detach()).detach()) == pytest.approx(0, abs=1e-4)
    far = distance(picture, picture.detach().flip(-1))
    assert float(far.detach()) > 1
    (gradient,) = torch.autograd.grad(far.sum(), picture)
    assert np.isfinite(gradient.numpy()).all()
    assert float(gradient.abs().max()) > 0


def test_decoders_that_are_none(model, tmp_path):
    from vertumnus.errors import VertumnusError

    with pytest.raises(VertumnusError, match="neither full nor linear nor tiny, and no folder"):
        open_decoder("quick", model)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(VertumnusError, match="which is not supported"):
        open_decoder(str(tmp_path), model)


def test_the_tiny_decoder_is_what_lies_beside_the_autoencoder(model, tmp_path):
    from diffusers import AutoencoderTiny

    from vertumnus.errors import VertumnusError

    config, before = model.vae.config, model.vae.config.get("_name_or_path")
    try:
        model.vae.register_to_config(_name_or_path=str(tmp_path))
        with pytest.raises(VertumnusError, match="no tiny decoder of its own"):
            open_decoder("tiny", model)
        sizes = {
            "encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8),
            "num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1),
        }  # fmt: skip
        AutoencoderTiny(**sizes, latent_channels=config["latent_channels"]).save_pretrained(tmp_path / "tiny")
        assert open_decoder("tiny", model).scale == 2
    finally:
        model.vae.register_to_config(_name_or_path=before)


def test_a_tiny_decoder_of_other_latents_is_refused(model, tmp_path):
    from diffusers import AutoencoderTiny

    from vertumnus.errors import VertumnusError

    sizes = {
        "encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8),
        "num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1),
    }  # fmt: skip
    AutoencoderTiny(**sizes, latent_channels=4).save_pretrained(tmp_path / "four")
    AutoencoderTiny(**sizes, latent_channels=8).save_pretrained(tmp_path / "eight")
    decoder = open_decoder(str(tmp_path / "four"), model)
    assert decoder.decode(torch.zeros(1, 4, 8, 8)).shape == (1, 3, 16, 16)
    with pytest.raises(VertumnusError, match="latents of 8 channels"):
        open_decoder(str(tmp_path / "eight"), model)
