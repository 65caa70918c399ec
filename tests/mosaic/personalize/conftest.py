"""The tiny model of the tests of generating."""

import pytest


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Where a tiny SD 1.x with random weights lies."""
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    pytest.importorskip("peft")
    import tiny

    return tiny.stable_diffusion(tmp_path_factory.mktemp("sd1"))


@pytest.fixture
def model(place):
    from vertumnus.models import load_model

    return load_model(place, "diffusion")
