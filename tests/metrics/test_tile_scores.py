"""Scores of tiles by models of random weights, against what their own libraries say."""

import json

import numpy as np
import pytest
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.metrics.tile_scores import matching_scores, quality_scores, text_scores

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "red"]


def pictures():
    rng = np.random.default_rng(4)
    return [Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)) for _ in range(3)]


class Clip:
    """Pictures by their mean colour, texts by their length."""

    def image_features(self, images):
        return np.array([[*np.asarray(image, float).mean((0, 1)), 5.0] for image in images])

    def text_features(self, texts):
        return np.array([[len(text), 1.0, 2.0, -3.0] for text in texts])


def test_cosines_and_quality():
    clip, images = Clip(), pictures()
    texts = ["a cat", "a dog on ice", "a cat"]
    found = text_scores(images, texts, clip)
    for image, text, score in zip(images, texts, found, strict=True):
        a, b = clip.image_features([image])[0], clip.text_features([text])[0]
        assert score == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    good, bad = (text_scores(images, [text] * 3, clip) for text in ("Good photo.", "Bad photo."))
    wanted = np.exp(100 * good) / (np.exp(100 * good) + np.exp(100 * bad))
    assert quality_scores(images, clip) == pytest.approx(wanted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BLIP of random weights with ImageReward's layers beside it."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from safetensors.torch import save_file

    torch.manual_seed(3)
    place = tmp_path_factory.mktemp("blip")
    small = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BlipConfig(
        text_config={**small, "vocab_size": len(WORDS), "encoder_hidden_size": 16, "bos_token_id": 2,
                     "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "projection_dim": 8},
        vision_config={**small, "image_size": 24, "patch_size": 8, "projection_dim": 8},
        projection_dim=8, image_text_hidden_size=8,
    )  # fmt: skip
    transformers.BlipForImageTextRetrieval(config).save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(place / "vocab.txt")).save_pretrained(place)
    layers = {}
    for name, (before, after) in zip((0, 2, 4, 6, 7), ((16, 8), (8, 6), (6, 5), (5, 4), (4, 1)), strict=True):
        layers |= {f"layers.{name}.weight": torch.randn(after, before), f"layers.{name}.bias": torch.randn(after)}
    save_file(layers, place / "reward.safetensors")
    return place


def test_matching_and_reward_are_their_libraries(folder):
    import torch
    from safetensors.torch import load_file
    from transformers import BertTokenizerFast, BlipForImageTextRetrieval

    from vertumnus.models import load_model

    matcher = load_model(folder, "matching")
    images, texts = pictures(), ["a cat", "a red dog", "a"]
    matched = matching_scores(images, texts, matcher, reward=False)
    rewards = matching_scores(images, texts, matcher, reward=True)
    network = BlipForImageTextRetrieval.from_pretrained(folder).eval()
    words = BertTokenizerFast.from_pretrained(folder)
    layers = load_file(folder / "reward.safetensors")
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    for image, text, one, other in zip(images, texts, matched, rewards, strict=True):
        pixels = torch.tensor(((np.asarray(image) / 255 - mean) / std).transpose(2, 0, 1)[None], dtype=torch.float32)
        with torch.no_grad():
            read = words(text, return_tensors="pt")
            said = network(read.input_ids, pixels, attention_mask=read.attention_mask).itm_score
            assert one == pytest.approx(float(said.softmax(-1)[0, 1]), abs=1e-5)
            states = network.vision_model(pixels)[0]
            x = network.text_encoder(read.input_ids, read.attention_mask, encoder_hidden_states=states)[0][:, 0]
            for name in (0, 2, 4, 6, 7):
                x = x @ layers[f"layers.{name}.weight"].T + layers[f"layers.{name}.bias"]
            assert other == pytest.approx((float(x) - 0.16717362830052426) / 1.0333394966054072, abs=1e-3)


def test_a_mosaics_tiles_are_measured_and_what_is_missing_is_named(vertumnus, folder, tmp_path):
    made = Collage(width=48, height=24)
    for n, image in enumerate(pictures()[:2]):
        name = made.pictures.add_pixels(np.asarray(image.convert("RGBA")))
        made.layers.append(Layer(name="x", image=name, x=12 + 24 * n, y=12, scale=1, prompt="a cat"))
    made.save(tmp_path / "a.collage")
    code, out, err = vertumnus("measure", tmp_path / "a.collage", "--tiles", "--blip", folder, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["tiles"], len(found["each"]["blip"])) == (2, 2)
    assert found["blip"] == pytest.approx(np.mean(found["each"]["blip"]), abs=1e-5)
    assert list(found["missing"]) == ["clip", "clip_iqa", "hps", "image_reward"]
    code, out, _ = vertumnus("measure", tmp_path / "a.collage", "--tiles", "--image-reward", folder, "--clip", "mini")
    assert code == 0
    assert "needs --blip FOLDER" in out
    code, _, err = vertumnus("measure", tmp_path / "a.collage", "--hps", folder)
    assert (code, "--tiles: --blip, --hps and --image-reward go with it" in err) == (2, True)
    made.layers = [layer.model_copy(update={"prompt": None}) for layer in made.layers]
    made.save(tmp_path / "b.collage")
    code, _, err = vertumnus("measure", tmp_path / "b.collage", "--tiles")
    assert (code, "no layer has a prompt" in err) == (2, True)


def test_a_blip_without_a_reward_is_named(folder, tmp_path):
    import shutil

    from vertumnus.models import load_model

    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "reward.safetensors").unlink()
    with pytest.raises(VertumnusError, match=r"has no reward.safetensors beside it"):
        matching_scores(pictures()[:1], ["a"], load_model(tmp_path / "bare", "matching"), reward=True)
    (tmp_path / "bare" / "reward.safetensors").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="cannot be read"):
        load_model(tmp_path / "bare", "matching")
