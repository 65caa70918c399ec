"""Every family of checkpoint, tiny and with random weights, through the one loader."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import tiny  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.models import load  # noqa: E402
from vertumnus.models.checkpoint import find, on_this_machine, understand  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

torch.set_num_threads(1)  # tiny models are no faster with more

DIFFUSION = {
    "sd1": (lambda folder: tiny.stable_diffusion(folder), "stable-diffusion"),
    "sd2": (lambda folder: tiny.stable_diffusion(folder, "v_prediction"), "stable-diffusion"),
    "xl": (tiny.stable_diffusion_xl, "stable-diffusion-xl"),
    "if": (tiny.deepfloyd, "deepfloyd-if"),
}
CLIPS = {"clip": (tiny.clip, "clip"), "siglip": (tiny.siglip, "siglip")}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("checkpoints")
    return {name: make(place / name) for name, (make, _) in {**DIFFUSION, **CLIPS}.items()}


@pytest.fixture(scope="module")
def loaded(folders):
    return {name: load(str(folder)) for name, folder in folders.items()}


@pytest.mark.parametrize("name", DIFFUSION)
def test_diffusion_families(loaded, name):
    model = loaded[name]
    assert model.family == DIFFUSION[name][1]
    assert model.resolution == 16
    assert model.shape == ((3, 16, 16) if name == "if" else (4, 8, 8))
    text = model.encode_text(["a fish", "a star"])
    assert len(text) == 2
    assert text.states.shape[0] == 2
    assert not torch.equal(text.states[0], text.states[1])
    noise = torch.randn(2, *model.shape, generator=torch.Generator().manual_seed(0))
    found = model.predict_noise(noise, 300, text)
    assert found.shape == noise.shape
    assert torch.isfinite(found).all()
    assert torch.equal(found, model.predict_noise(noise, torch.tensor([300, 300]), text))


@pytest.mark.parametrize("name", DIFFUSION)
def test_guidance_is_its_formula(loaded, name):
    model = loaded[name]
    text, empty = model.encode_text("a fish"), model.encode_negative()
    x = torch.randn(2, *model.shape, generator=torch.Generator().manual_seed(1))
    along, without = model.predict_noise(x, 500, text), model.predict_noise(x, 500, empty)
    guided = model.predict_noise(x, 500, text, guidance=3.0)
    assert torch.allclose(guided, without + 3 * (along - without), atol=1e-4)
    assert torch.allclose(model.predict_noise(x, 500, text, guidance=0.0), without, atol=1e-5)


@pytest.mark.parametrize("name", DIFFUSION)
def test_what_the_network_says_is_turned_into_noise(loaded, name, monkeypatch):
    """A scripted network that knows the noise gives it back, whatever it predicts; further channels are ignored."""
    model = loaded[name]
    maker = torch.Generator().manual_seed(2)
    x_0, noise = (torch.randn(1, *model.shape, generator=maker) for _ in range(2))
    for prediction in ("epsilon", "v_prediction", "sample"):
        monkeypatch.setattr(model, "prediction", prediction)
        for t in (50, 700):
            abar = model.alphas_cumprod[t]
            x_t = model.add_noise(x_0, noise, t)
            assert torch.allclose(x_t, abar.sqrt() * x_0 + (1 - abar).sqrt() * noise)
            said = {
                "epsilon": noise,
                "v_prediction": abar.sqrt() * noise - (1 - abar).sqrt() * x_0,
                "sample": x_0,
            }[prediction]
            extra = model.unet.config.out_channels - model.channels
            answer = torch.cat([said, torch.full((1, extra, *model.shape[1:]), 9.0)], 1) if extra else said
            monkeypatch.setattr(model.unet, "forward", lambda *_, answer=answer, **__: Said(answer))
            clean, found = model.predict(x_t, t, model.encode_text("a fish"))
            assert torch.allclose(found, noise, atol=1e-3)
            assert torch.allclose(clean, x_0, atol=1e-3)


class Said:
    def __init__(self, sample):
        self.sample = sample


def test_schedules_are_the_checkpoints_own(loaded):
    root = np.linspace(0.00085**0.5, 0.012**0.5, 1000)
    assert loaded["sd1"].alphas_cumprod.numpy() == pytest.approx(np.cumprod(1 - root**2), rel=1e-4)
    u = np.arange(1001) / 1000
    bar = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
    beta = np.minimum(1 - bar[1:] / bar[:-1], 0.999)
    assert loaded["if"].alphas_cumprod.numpy() == pytest.approx(np.cumprod(1 - beta), rel=1e-3)


@pytest.mark.parametrize("name", DIFFUSION)
def test_encode_and_decode_pass_gradients_on(loaded, name):
    model = loaded[name]
    image = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(3), requires_grad=True)
    latents = model.encode(image)
    assert latents.shape == (1, *model.shape)
    out = model.decode(latents)
    assert out.shape == (1, 3, 16, 16)
    out.square().sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


def test_pixels_need_no_autoencoder(loaded):
    model, image = loaded["if"], torch.rand(1, 3, 16, 16)
    assert torch.allclose(model.encode(image), image * 2 - 1)
    assert torch.allclose(model.decode(model.encode(image)), image, atol=1e-6)


def test_latents_are_scaled(loaded):
    model, image = loaded["sd1"], torch.rand(1, 3, 16, 16)
    mean = model.vae.encode(image * 2 - 1).latent_dist.mean
    assert torch.allclose(model.encode(image), mean * 0.5, atol=1e-5)
    again = (model.vae.decode(mean).sample + 1) / 2
    assert torch.allclose(model.decode(model.encode(image)), again, atol=1e-5)


@pytest.mark.parametrize("name", CLIPS)
def test_clips(loaded, name):
    model = loaded[name]
    assert model.family == CLIPS[name][1]
    image = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0), requires_grad=True)
    seen, read = model.embed_image(image), model.embed_text(["a fish", "", "a very long caption " * 60])
    assert seen.shape == (2, model.width)
    assert read.shape == (3, model.width)
    for unit in (seen, read):
        assert torch.allclose(unit.norm(dim=-1), torch.ones(len(unit)), atol=1e-5)
    model.similarity(image, "a fish").sum().backward()
    assert image.grad.abs().max() > 0


def test_tokenizers_of_sentencepiece_are_read(folders, tmp_path):
    """DeepFloyd's own checkpoints hold a spiece.model and nothing newer."""
    import shutil

    sentencepiece = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    copy = shutil.copytree(folders["if"], tmp_path / "copy")
    for file in (copy / "tokenizer").iterdir():
        file.unlink()
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a red fish swims\nthe blue star shines\nquick brown fox jumps over lazy dogs\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(tmp_path / "m"), vocab_size=35, pad_id=0, eos_id=1, unk_id=2, bos_id=-1
    )
    shutil.move(tmp_path / "m.model", copy / "tokenizer" / "spiece.model")
    (copy / "tokenizer" / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer", "extra_ids": 0}')
    assert len(load(str(copy)).encode_text(["a red fish", "a star"])) == 2


def test_pictures_are_normalised_as_the_checkpoint_says(folders, loaded, tmp_path):
    import shutil

    copy = shutil.copytree(folders["clip"], tmp_path / "copy")
    (copy / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.1, 0.2, 0.3], "image_std": [2, 2, 2]})
    )
    model = load(str(copy))
    image = torch.rand(1, 3, 32, 32)
    shifted = (image - torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)) / 2
    expected = model.model.get_image_features(pixel_values=shifted)
    expected = getattr(expected, "pooler_output", expected)
    assert torch.allclose(model.embed_image(image), torch.nn.functional.normalize(expected, dim=-1), atol=1e-5)


def test_a_wrong_kind_is_refused(folders):
    with pytest.raises(VertumnusError, match="is a clip model, and a diffusion model is wanted"):
        load(str(folders["clip"]), "diffusion")


def test_only_safetensors_are_loaded(folders, tmp_path):
    import shutil

    copy = shutil.copytree(folders["sd1"], tmp_path / "copy")
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(copy / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(VertumnusError, match="unet holds only pickled weights, which are never loaded"):
        load(str(copy))


def test_broken_weights_are_one_sentence(folders, tmp_path):
    import shutil

    copy = shutil.copytree(folders["sd1"], tmp_path / "copy")
    (copy / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(VertumnusError, match=r"copy: cannot be loaded \(") as caught:
        load(str(copy))
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_here(folders):
    with pytest.raises(VertumnusError, match="device: 'nonsense'"):
        load(str(folders["clip"]), device="nonsense")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_missing_weights_say_what_to_do(hub):
    with pytest.raises(VertumnusError) as caught:
        load("DeepFloyd/IF-I-M-v1.0")
    for part in ("DeepFloyd/IF-I-M-v1.0", "licence", "GB", "hf download DeepFloyd/IF-I-M-v1.0", "local folder"):
        assert part in str(caught.value)
    with pytest.raises(VertumnusError) as caught:
        load("stabilityai/stable-diffusion-xl-base-1.0")
    for part in ("unet/diffusion_pytorch_model.fp16.safetensors 5,135.1 MB", "6.9 GB", "tokenizer_2/vocab.json"):
        assert part in str(caught.value)
    assert "*" not in str(caught.value), "every file by its name"
    with pytest.raises(VertumnusError, match=r"took its place.*hf download stable-diffusion-v1-5/stable"):
        load("runwayml/stable-diffusion-v1-5")
    with pytest.raises(VertumnusError, match=r"somebody/something: its weights are not on this machine.*on its page"):
        load("somebody/something")


def test_fetched_checkpoints_are_found_by_their_id(hub, folders):
    snapshots = hub / "models--some--model" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "abc").symlink_to(folders["clip"])
    (snapshots.parent / "refs").mkdir()
    (snapshots.parent / "refs" / "main").write_text("abc")
    found = find("some/model")
    assert (found.kind, found.family) == ("clip", "clip")
    assert load("some/model", "clip").resolution == 32
    assert "some/model" in [checkpoint.name for checkpoint in on_this_machine()]


def test_what_is_no_checkpoint(tmp_path, folders):
    with pytest.raises(VertumnusError, match="holds no checkpoint"):
        understand("x", tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(VertumnusError, match=r"config.json: (cannot be read as|not readable) JSON"):
        understand("x", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(
        VertumnusError, match="x: is a llama, which is not supported; clip, siglip, blip, ControlNetModel"
    ):
        understand("x", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(VertumnusError, match="holds no weights"):
        understand("x", tmp_path)
    with pytest.raises(VertumnusError, match="there is no such folder and no model of this name; did you mean mini"):
        find("minni")
    with pytest.raises(VertumnusError, match=r"is no checkpoint; a \.safetensors file or a folder"):
        find(folders["clip"] / "config.json")
