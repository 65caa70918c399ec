"""A tiny diffusion model with random weights for the tests of generating."""

import pytest


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """SD 1.x that draws pictures of 16 x 16 pixels."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    import tiny
    from vertumnus.models import load_model

    torch.set_num_threads(1)
    return load_model(tiny.stable_diffusion(tmp_path_factory.mktemp("sd1")), "diffusion")
