"""A classifier as guidance: its loss, its gradient, what it skips and remembers."""

import numpy as np
import pytest
import torch
from skimage import data, transform

from vertumnus.errors import VertumnusError
from vertumnus.guidance.classifier import ClassifierSource
from vertumnus.guidance.options import ClassifierOptions
from vertumnus.guidance.protocol import Request
from vertumnus.models.classifier import Classifier


class Linear(torch.nn.Module):
    """A network small enough to be reckoned by hand: class scores linear in the picture's mean colours."""

    def __init__(self):
        super().__init__()
        weights = torch.from_numpy(np.random.default_rng(0).standard_normal((1000, 3)))
        self.weights = torch.nn.Parameter(weights.float())

    def forward(self, x):
        return x.mean((2, 3)) @ self.weights.to(x).T


@pytest.fixture
def source():
    model = Classifier("lite0", Linear(), torch.device("cpu"))
    return ClassifierSource(ClassifierOptions(looks=0, negative="tabby"), model=model)


def request(prompt="monarch butterfly", seed=0, shape=(12, 16)):
    return Request(prompt, shape, np.random.default_rng(seed), (0.2, 0.5, 1.0))


def canvases(count=2, shape=(12, 16)):
    rng = np.random.default_rng(5)
    found = rng.uniform(0, 1, (count, *shape, 5)).astype(np.float32)
    found[..., :3] *= found[..., 3:4]
    return found


def test_value_is_the_logarithm_of_the_classes_probabilities(source):
    guidance = source.guidance(request())
    assert guidance.wanted == [323]
    given = canvases()
    values, gradients = guidance(given, 0.0)
    weights = source.model.network.weights.detach().numpy().astype(float)
    ground = np.array([0.2, 0.5, 1.0])
    for canvas, value in zip(given.astype(float), values, strict=True):
        over = canvas[..., :3] + (1 - canvas[..., 3:4]) * ground
        # In the middle of a square of 16: a quarter of it is ground.
        mean = (over.mean((0, 1)) * 0.75 + ground * 0.25 - 0.5) / 0.5
        chances = np.exp(weights @ mean)
        chances /= chances.sum()
        assert value == pytest.approx(-np.log(chances[323]) - np.log(1 - chances[281]), rel=1e-5)
    assert not gradients[..., 4].any()


def test_gradient_against_finite_differences(source):
    model = source.model
    looking = ClassifierSource(ClassifierOptions(looks=3), model=model)
    given, way = canvases(1), np.random.default_rng(2).standard_normal((1, 12, 16, 5)).astype(np.float32)
    way[..., 4] = 0

    def value(step):
        return looking.guidance(request())(given + np.float32(step) * way, 0.0)

    slope = float((value(0)[1] * way).sum())
    assert slope == pytest.approx((value(0.01)[0][0] - value(-0.01)[0][0]) / 0.02, rel=2e-2, abs=1e-5)


def test_answers_that_are_not_finite_are_skipped_and_counted_and_end_the_run(source):
    guidance = source.guidance(request())
    bad = canvases()
    bad[0, 0, 0, 0] = np.nan
    values, gradients = guidance(bad, 0.0)
    assert np.isnan(values).tolist() == [True, False]
    assert not gradients[0].any()
    assert guidance.skipped == 1
    kept = guidance.state()
    for _ in range(8):
        guidance(bad, 0.0)
    with pytest.raises(VertumnusError, match="not finite 10 times in a row"):
        guidance(bad, 0.0)
    guidance.restore(kept)
    assert guidance.skipped == 1
    with pytest.raises(VertumnusError, match="looks: the state is of another guidance"):
        guidance.restore({})


def test_it_goes_on_looking_where_it_stopped(source):
    looking = ClassifierSource(ClassifierOptions(looks=2), model=source.model)
    whole, first = looking.guidance(request()), looking.guidance(request())
    given = canvases()
    expected = [whole(given, 0.0)[0] for _ in range(4)]
    for _ in range(2):
        first(given, 0.0)
    second = looking.guidance(request(seed=9))
    second.restore(first.state())
    np.testing.assert_array_equal([second(given, 0.0)[0] for _ in range(2)], expected[2:])


def test_what_it_refuses(source):
    with pytest.raises(VertumnusError, match="lite2 judges what is made and does not guide"):
        ClassifierSource(ClassifierOptions(network="lite2"))
    with pytest.raises(VertumnusError, match=r"names nothing that the classifier knows.*monarch"):
        source.guidance(request("monarhc"))


def test_a_photograph_of_a_cat_is_one():
    """The weights that are shipped, through the whole path."""
    source = ClassifierSource(ClassifierOptions(looks=2))
    picture = transform.resize(data.chelsea()[:, 60:360], (96, 96), anti_aliasing=True).astype(np.float32)
    canvas = np.concatenate([picture, np.ones((96, 96, 2), np.float32)], -1)[None]
    cat = source.guidance(request("a cat", shape=(96, 96)))(canvas, 0.0)[0][0]
    fox = source.guidance(request("a toaster", shape=(96, 96)))(canvas, 0.0)[0][0]
    assert cat < 1 < 3 < fox
