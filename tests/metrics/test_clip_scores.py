"""CLIP scores with a model whose features are known, and with a random CLIP of transformers."""

import numpy as np
import pytest
import torch
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.clip_scores import PriorClip, clip_contour, clip_rgb, on_ground
from vertumnus.metrics.contour import contour_map


class Means:
    """Features of a picture: the mean of each channel; of a text: the numbers in it. Not of length one."""

    def image_features(self, images):
        return np.array([np.asarray(image.convert("RGB"), np.float64).mean((0, 1)) for image in images])

    def text_features(self, texts):
        return np.array([[float(word) for word in text.split()] for text in texts])


@pytest.fixture
def piece():
    image = Image.new("RGBA", (60, 30))
    image.paste((200, 100, 0, 255), (10, 5, 50, 25))
    return image


def cosine(a, b):
    return np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)


def test_rgb_is_a_hundred_times_the_cosine(piece):
    share = 40 * 20 / 60**2
    mean = share * np.array([200, 100, 0]) + (1 - share) * 255
    assert clip_rgb(piece, "1 2 3", Means()) == pytest.approx(100 * cosine(mean, [1, 2, 3]), abs=1e-3)
    mean = share * np.array([200, 100, 0]) + (1 - share) * np.array([0, 0, 255])
    assert clip_rgb(piece, "1 2 3", Means(), "blue") == pytest.approx(100 * cosine(mean, [1, 2, 3]), abs=1e-3)
    assert clip_rgb(piece, "-1 -1 -1", Means()) < 0


def test_contour_sees_the_contour_map_and_no_colour(piece):
    seen = []

    class Watch(Means):
        def image_features(self, images):
            seen.extend(images)
            return super().image_features(images)

    assert clip_contour(piece, "1 1 1", Watch()) == pytest.approx(100)
    side = seen[0].width
    assert seen[0].size == (side, side)
    expected = np.asarray(contour_map(piece))
    top = (side - len(expected)) // 2
    assert (np.asarray(seen[0])[top : top + len(expected)] == expected[..., None]).all()
    assert (np.asarray(seen[0])[:top] == 255).all()


def test_on_ground_is_square_whole_and_unstretched(piece):
    found = np.asarray(on_ground(piece, "#00ff0080"))
    assert found.shape == (60, 60, 3)
    assert tuple(found[0, 0]) == (127, 255, 127)
    assert ((found == (200, 100, 0)).all(-1)).sum() == 40 * 20
    assert (found[15 + 5, 10] == (200, 100, 0)).all()


@pytest.mark.parametrize(
    ("features", "prompt", "words"),
    [
        (np.ones((1, 3)), " ", "prompt: it is empty"),
        (np.full((1, 3), np.nan), "1 2 3", "image features are not finite"),
        (np.zeros((1, 3)), "1 2 3", "all zero"),
        (np.ones((1, 4)), "1 2 3", "4 numbers and its text features 3"),
        (np.ones(3), "1 2 3", "not n x d"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(piece, features, prompt, words):
    model = Means()
    model.image_features = lambda images: features
    with pytest.raises(VertumnusError, match=words):
        clip_rgb(piece, prompt, model)


class RoomClip:
    """What the priors room hands out: torch in, unit vectors out."""

    def __init__(self):
        self.mean = torch.tensor([0.48, 0.46, 0.41]).view(1, 3, 1, 1)
        self.weight = torch.randn(3, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def embed_image(self, image):
        assert image.dtype == torch.float32
        assert 0 <= image.min() <= image.max() <= 1
        return torch.nn.functional.normalize((image - self.mean).mean((2, 3)) @ self.weight, dim=-1)

    def embed_text(self, texts):
        return torch.nn.functional.normalize(torch.ones(len(texts), 8), dim=-1)


def test_a_clip_of_the_priors_room_serves(piece):
    room = RoomClip()
    clip = PriorClip(room)
    found = clip.image_features([on_ground(piece), Image.new("RGB", (5, 5), "red")])
    assert found.shape == (2, 8)
    red = torch.tensor([[1.0, 0, 0]]) - room.mean.view(1, 3)
    assert found[1] == pytest.approx(torch.nn.functional.normalize(red @ room.weight)[0].detach().numpy(), abs=1e-6)
    assert clip_rgb(piece, "anything", clip) == pytest.approx(100 * found[0].sum() / 8**0.5, abs=1e-4)
