"""Decoders: tiles, a tiny network and one matrix."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402

from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.sampling.decode import (  # noqa: E402
    LINEAR_FILE,
    FullDecoder,
    LinearDecoder,
    TinyDecoder,
    soft_fields,
    tiled,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_a_linear_autoencoder_is_found(models, monkeypatch):
    """Latents that are a matrix of the pixels' mean are undone exactly."""
    model = models["sd1"]
    matrix = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))

    def encode(pictures):
        small = torch.nn.functional.avg_pool2d(pictures, 2)
        return torch.einsum("cd,bdhw->bchw", matrix, small) + 0.3

    monkeypatch.setattr(model, "to_latents", encode)
    for kernel in (1, 3):
        decoder = LinearDecoder.fit(model, kernel=kernel)
        picture = soft_fields(16, 1, seed=9)
        seen = decoder.decode(encode(picture))
        assert torch.allclose(seen, torch.nn.functional.avg_pool2d(picture, 2), atol=1e-3)


@pytest.mark.slow
def test_the_saved_matrix_knows_minis_colours(models, monkeypatch):
    """What lies beside mini's autoencoder reads scenes it was not fitted to, and better than soft fields teach."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "training"))
    from world import World

    model, world = models["mini"], World(5)
    pictures = torch.stack([torch.tensor(world.draw(world.scene(n))).permute(2, 0, 1) / 255 for n in range(16)])
    latents = model.to_latents(pictures)
    wanted = torch.nn.functional.adaptive_avg_pool2d(pictures, latents.shape[-2:])
    errors = [
        (decoder.decode(latents) - wanted).square().mean().item()
        for decoder in (LinearDecoder.of(model), LinearDecoder.fit(model, kernel=5))
    ]
    assert errors[0] < 0.1 * wanted.var()
    assert errors[0] < 0.7 * errors[1]


def test_a_matrix_that_does_not_fit_is_refused(model, tmp_path):
    assert torch.equal(LinearDecoder.of(model).weight, LinearDecoder.fit(model).weight)  # none lies beside it
    file = tmp_path / LINEAR_FILE
    save_file({"weight": torch.zeros(3, 7, 1, 1), "bias": torch.zeros(3)}, file)
    with pytest.raises(VertumnusError, match="no map from latents of 4 channels"):
        LinearDecoder.read(file, model)
    file.write_bytes(b"broken")
    with pytest.raises(VertumnusError, match="cannot be read"):
        LinearDecoder.read(file, model)


def test_decoders_pass_gradients_on(models):
    model = models["sd1"]
    torch.manual_seed(0)
    tiny = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    for decoder in (FullDecoder(model), TinyDecoder(tiny), LinearDecoder.fit(model, kernel=3)):
        latents = torch.randn(2, 4, 6, 8, requires_grad=True)
        seen = decoder.decode(latents)
        assert seen.shape == (2, 3, 6 * decoder.scale, 8 * decoder.scale)
        (gradient,) = torch.autograd.grad(seen.square().sum(), latents)
        assert gradient.abs().max() > 0


def test_tiles_meet_where_they_overlap(models):
    """Tiles are nearly the whole, no edge shows where they meet, and the decoder is given back as it was."""
    model = models["mini"]
    picture = soft_fields(256, 2, seed=2)[1:]
    with torch.no_grad():
        latents = model.to_latents(picture)
        whole = model.decode(latents)
        with tiled(model, 16):
            parts = model.decode(latents)
        assert torch.equal(model.decode(latents), whole)
    assert parts.shape == whole.shape
    assert not torch.equal(parts, whole)
    assert (parts - whole).abs().mean() < 0.05
    seams = (parts - whole).diff(dim=-1).abs().mean((0, 1, 2))
    assert seams.max() < 10 * seams.mean()


def test_what_cannot_be_tiled(models):
    with pytest.raises(VertumnusError, match="works on pixels"), tiled(models["if"], 8):
        pass
    with pytest.raises(VertumnusError, match="cannot cover"), tiled(models["sd1"], 4, 1.0):
        pass
    with pytest.raises(VertumnusError, match="works on pixels"):
        LinearDecoder.fit(models["if"])
