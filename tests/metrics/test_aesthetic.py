"""LAION's aesthetic heads against the networks they were published as, in PyTorch."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from vertumnus.errors import VertumnusError
from vertumnus.metrics.aesthetic import aesthetic_score, load_aesthetic


class Published(nn.Module):
    """The improved predictor: no activation between its layers."""

    def __init__(self, width=768):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, 1024), nn.Dropout(0.2), nn.Linear(1024, 128), nn.Dropout(0.2), nn.Linear(128, 64),
            nn.Dropout(0.1), nn.Linear(64, 16), nn.Linear(16, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def features():
    return np.random.default_rng(1).normal(size=(5, 768)).astype(np.float32)


def saved(network, path, **changed):
    tensors = {**network.state_dict(), **changed}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)
    return path


@pytest.mark.parametrize("make", [Published, lambda: nn.Linear(768, 1), lambda: Published().layers])
def test_the_prediction_is_the_network_s_on_unit_vectors(make, features, tmp_path):
    network = make().eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(3)  # else five layers shrink all to their biases
    head = load_aesthetic(saved(network, tmp_path / "head.safetensors"))
    assert head.width == 768
    with torch.no_grad():
        expected = network(nn.functional.normalize(torch.from_numpy(features), dim=-1))[:, 0].numpy()
    assert expected.std() > 0.01
    assert head.predict(features) == pytest.approx(expected, abs=1e-5)
    assert head.predict(7 * features) == pytest.approx(expected, abs=1e-5)


def test_half_precision_is_read(features, tmp_path):
    network = nn.Linear(768, 1)
    whole = load_aesthetic(saved(network, tmp_path / "a.safetensors")).predict(features)
    half = load_aesthetic(saved(network.half(), tmp_path / "b.safetensors")).predict(features)
    assert half == pytest.approx(whole, abs=1e-2)


def test_the_score_of_a_picture(tmp_path):
    class Sees:
        def image_features(self, images):
            mean = np.asarray(images[0], np.float64).mean((0, 1))
            return np.pad(mean, (0, 509))[None]

    network = nn.Linear(512, 1)
    head = load_aesthetic(saved(network, tmp_path / "head.safetensors"))
    weight, bias = network.weight.detach().numpy()[0], network.bias.item()
    picture = Image.new("RGBA", (4, 4))
    score = aesthetic_score(picture, Sees(), head, "red")
    assert score == pytest.approx(weight[0] + bias, abs=1e-6)
    assert aesthetic_score(picture, Sees(), head) == pytest.approx(weight[:3].sum() / 3**0.5 + bias, abs=1e-6)


def test_features_of_another_clip(features, tmp_path):
    head = load_aesthetic(saved(nn.Linear(768, 1), tmp_path / "head.safetensors"))
    with pytest.raises(VertumnusError, match=r"head.safetensors: reads CLIP features of 768 numbers.*gives 512"):
        head.predict(features[:, :512])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path, "there is no such file"),
        (lambda path: path.write_bytes(b"junk" * 100), "is not a safetensors file"),
        (lambda path: torch.save(nn.Linear(768, 1).state_dict(), path), "is not a safetensors file"),
        (lambda path: path.mkdir(), "a folder, not a file"),
        (lambda path: saved(nn.Linear(768, 1).bfloat16(), path), "is not a safetensors file of plain numbers"),
        (lambda path: saved(nn.Linear(100, 1), path), r"its layers are 1 x 100 and not 1 x 512 or 1 x 768"),
        (lambda path: saved(nn.Linear(768, 2), path), "its layers are 2 x 768"),
        (lambda path: saved(Published(512), path), "its layers are 1024 x 512, .* and not 1024 x 768"),
        (lambda path: saved(nn.Conv2d(3, 3, 1), path), "its layers are 3 x 3 x 1 x 1"),
        (
            lambda path: saved(nn.Sequential(nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 1)), path),
            "it holds 0.bias, 0.wei",
        ),
        (lambda path: saved(Published(), path, **{"layers.7.bias": None}), "is not an aesthetic predictor; it holds"),
        (lambda path: saved(nn.Linear(768, 1), path, bias=torch.zeros(2)), "is not an aesthetic predictor"),
        (lambda path: saved(nn.Linear(768, 1), path, bias=torch.tensor([torch.nan])), "numbers that are not finite"),
    ],
)
def test_a_wrong_file_is_one_sentence(make, words, tmp_path):
    path = tmp_path / "head.safetensors"
    make(path)
    with pytest.raises(VertumnusError, match=words) as found:
        load_aesthetic(path)
    assert str(found.value).startswith(f"{path}: ")
    assert "\n" not in str(found.value)
