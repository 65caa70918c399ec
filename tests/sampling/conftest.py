"""The tiny models that the tests of sampling share."""

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """SD 1.x, SD 2.x with velocity, SDXL and IF, tiny and with random weights, and mini."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    import tiny
    from vertumnus.models import load

    torch.set_num_threads(1)  # tiny models are no faster with more
    place = tmp_path_factory.mktemp("checkpoints")
    return {
        "sd1": load(tiny.stable_diffusion(place / "sd1")),
        "sd2": load(tiny.stable_diffusion(place / "sd2", "v_prediction")),
        "xl": load(tiny.stable_diffusion_xl(place / "xl")),
        "if": load(tiny.deepfloyd(place / "if")),
        "mini": load("mini", "diffusion"),
    }


@pytest.fixture(scope="session")
def model(models):
    """SD 1.x."""
    return models["sd1"]
