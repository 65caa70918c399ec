"""The parts of a diffusion model: text encoders, autoencoder, precision, memory, single files."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import tiny  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.models import load_model  # noqa: E402
from vertumnus.models.checkpoint import find  # noqa: E402
from vertumnus.models.latents import LatentCodec  # noqa: E402
from vertumnus.models.memory import Memory, choose_offload, size  # noqa: E402
from vertumnus.models.text import TextReader, TextStates, cross_attentions  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
torch.set_num_threads(1)  # tiny models are no faster with more


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("checkpoints")
    return {"sd1": tiny.stable_diffusion(place / "sd1"), "xl": tiny.stable_diffusion_xl(place / "xl")}


@pytest.fixture(scope="module")
def models(folders):
    return {name: load_model(folder) for name, folder in folders.items()}


def test_the_empty_negative_prompt_of_xl_is_zeros(models):
    model = models["xl"]
    found = model.encode_negative(["", "dark"])
    assert not found.states[0].any()
    assert not found.pooled[0].any()
    read = model.encode_text(["", "dark"])
    assert torch.equal(found.states[1], read.states[1])
    assert read.states[0].any()
    assert models["sd1"].encode_negative().states.any()


def test_text_encoders_leave_when_they_have_read(models):
    model, moves = models["xl"], []

    class Moving:
        """An encoder that keeps where it was sent."""

        def __init__(self, encoder):
            self.encoder = encoder

        def to(self, device):
            moves.append(str(device))

    class Parts:
        text_encoder, text_encoder_2 = Moving(None), Moving(None)

        def encode_prompt(self, *args, **kwargs):
            assert moves == ["cpu:0", "cpu:0"]
            return model.pipeline.encode_prompt(*args, **kwargs)

    reader = TextReader("stable-diffusion-xl", Parts(), torch.device("cpu", 0), resident=False)
    assert torch.equal(reader.read("a fish").states, model.encode_text("a fish").states)
    assert moves == ["cpu:0", "cpu:0", "cpu", "cpu"]


def test_tokens_know_their_characters():
    mini = load_model("mini", "diffusion")
    prompt = "a red fish, a Red fish"
    spans, cut = mini.text.spans(prompt)
    assert len(spans) == mini.encode_text(prompt).states.shape[1]
    assert cut == 0
    assert [prompt[a:b] for a, b in spans if b] == ["a", "red", "fish", ",", "a", "Red", "fish"]
    long = " ".join(["red fish"] * 30)
    spans, cut = mini.text.spans(long)
    assert cut == 30
    assert len(spans) == 32
    assert spans[-1] == (0, 0)


def test_each_layer_reads_its_own_text(models):
    """Layer-wise states that are all the same are the plain ones; one that differs reaches its layer alone."""
    model = models["sd1"]
    text, other = model.encode_text("a fish"), model.encode_text("a star")
    places = cross_attentions(model.unet)
    x = torch.randn(2, *model.shape, generator=torch.Generator().manual_seed(0))
    same = TextStates(text.states, None, text.states[:, None].repeat(1, len(places), 1, 1))
    assert torch.equal(model.predict_noise(x, 300, same, 3.0), model.predict_noise(x, 300, text, 3.0))
    read = {}
    hooks = [
        module.register_forward_hook(
            lambda *given, name=name: read.update({name: given[2]["encoder_hidden_states"]}), with_kwargs=True
        )
        for name, module in places
    ]
    layered = same.layered.clone()
    layered[:, 1] = other.states
    model.predict_noise(x, 300, TextStates(text.states, None, layered), 3.0)
    for hook in hooks:
        hook.remove()
    for number, (name, _) in enumerate(places):
        assert torch.equal(read[name][2:], (other if number == 1 else text).states.expand(2, -1, -1))
        assert torch.equal(read[name][:2], model.encode_negative().states.expand(2, -1, -1))
    with pytest.raises(ValueError, match="for 1 layers"):
        model.predict_noise(x, 300, TextStates(text.states, None, text.states[:, None]))


class Overflowing(torch.nn.Module):
    """An autoencoder that is right in single precision only."""

    def __init__(self, **config):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 3.0, dtype=torch.float16))
        self.config = diffusers.configuration_utils.FrozenDict(
            {"block_out_channels": (1,), "scaling_factor": 2.0, **config}
        )
        self.use_tiling = self.use_slicing = False

    @property
    def dtype(self):
        return self.weight.dtype

    def enable_tiling(self):
        self.use_tiling = True

    def enable_slicing(self):
        self.use_slicing = True

    def decode(self, z):
        said = z * self.weight * 30000 / 30000
        return type("Said", (), {"sample": said})


def test_force_upcast_is_read():
    z = torch.full((1, 3, 2, 2), 8.0)
    forced = LatentCodec("x", Overflowing(force_upcast=True))
    assert forced.vae.dtype == torch.float32
    assert torch.allclose(forced.decode(z), torch.tensor(6.5))
    assert LatentCodec("x", Overflowing(force_upcast=False)).vae.dtype == torch.float16


def test_an_overflow_in_half_precision_is_decoded_again():
    codec = LatentCodec("x", Overflowing())
    z = torch.full((1, 3, 2, 2), 8.0, requires_grad=True)
    found = codec.decode(z)
    assert torch.allclose(found, torch.tensor(6.5))
    assert codec.vae.dtype == torch.float32
    (gradient,) = torch.autograd.grad(found.sum(), z)
    assert torch.allclose(gradient, torch.tensor(0.75))


def test_memory_that_runs_out_is_tried_in_tiles():
    vae = Overflowing(force_upcast=True)
    decode = vae.decode

    def hungry(z):
        if not vae.use_tiling:
            raise torch.OutOfMemoryError("out of memory")
        return decode(z)

    vae.decode = hungry
    codec = LatentCodec("x", vae)
    assert torch.allclose(codec.decode(torch.full((1, 3, 2, 2), 8.0)), torch.tensor(6.5))
    vae.decode = lambda z: (_ for _ in ()).throw(torch.OutOfMemoryError("out of memory"))
    with pytest.raises(VertumnusError, match="x: out of memory in its autoencoder"):
        codec.decode(torch.zeros(1, 3, 2, 2))


def test_latents_with_a_mean_and_a_deviation(models):
    """As of some of SDXL's kin: taken off and put back."""
    vae = models["sd1"].vae
    plain = LatentCodec("x", vae)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    before = dict(vae.config)
    mean, deviation = [0.1, -0.2, 0.3, 0.0], [1.0, 2.0, 0.5, 1.5]
    try:
        vae.register_to_config(latents_mean=mean, latents_std=deviation)
        found = plain.encode(image)
        back = plain.decode(found)
    finally:
        vae.register_to_config(**{name: before[name] for name in ("latents_mean", "latents_std")})
    raw = plain.encode(image) / vae.config.scaling_factor
    mean, deviation = (torch.tensor(one).view(1, 4, 1, 1) for one in (mean, deviation))
    assert torch.allclose(found, (raw - mean) / deviation * vae.config.scaling_factor, atol=1e-5)
    assert torch.allclose(back, plain.decode(raw * vae.config.scaling_factor), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(folders, models, dtype, tmp_path):
    copy = shutil.copytree(folders["sd1"], tmp_path / "copy")
    config = json.loads((copy / "vae" / "config.json").read_text())
    (copy / "vae" / "config.json").write_text(json.dumps(config | {"force_upcast": True}))
    half, whole = load_model(copy, dtype=dtype), models["sd1"]
    assert half.dtype == getattr(torch, dtype)
    assert half.vae.dtype == torch.float32
    x = torch.randn(1, *half.shape, generator=torch.Generator().manual_seed(0))
    said = [model.predict_noise(x, 300, model.encode_text("a fish"), 2.0) for model in (half, whole)]
    assert said[0].dtype == torch.float32
    assert torch.allclose(*said, atol=0.1)
    with pytest.raises(VertumnusError, match="dtype: 'float8' is none of"):
        load_model(copy, dtype="float8")


def test_memory_is_saved_as_asked(folders):
    model = load_model(folders["sd1"], memory=Memory(slicing=True, tiling=True, checkpointing=True))
    assert model.vae.use_slicing
    assert model.vae.use_tiling
    assert model.unet.is_gradient_checkpointing
    plain = load_model(folders["sd1"])
    x = torch.randn(2, *model.shape, generator=torch.Generator().manual_seed(0))
    gradients = []
    for one in (model, plain):
        z = x.clone().requires_grad_()
        said = one.predict_noise(z, 300, one.encode_text("a fish"))
        (gradient,) = torch.autograd.grad(said.square().sum(), z)
        gradients.append(gradient)
    assert torch.allclose(*gradients, atol=1e-4)
    with pytest.raises(VertumnusError, match="offload: there is no GPU"):
        load_model(folders["sd1"], memory=Memory(offload="model"))


def test_offload_follows_free_memory(models):
    pipeline, gpu = models["xl"].pipeline, torch.device("cuda")
    parts = [size(part) for part in (pipeline.unet, pipeline.vae)]
    largest = max(*parts, size(pipeline.text_encoder_2))
    assert choose_offload(pipeline, gpu, free=int(1.4 * max(sum(parts), largest))) == "none"
    assert choose_offload(pipeline, gpu, free=int(1.31 * largest)) in ("model", "none")
    assert choose_offload(pipeline, gpu, free=largest // 2) == "layers"
    assert choose_offload(pipeline, torch.device("cpu")) == "none"


def test_networks_that_steer_and_decode(models, tmp_path):
    control = diffusers.ControlNetModel.from_unet(models["sd1"].unet, conditioning_embedding_out_channels=(16, 32))
    control.save_pretrained(tmp_path / "control")
    adapter = diffusers.T2IAdapter(channels=[8, 16], num_res_blocks=1, downscale_factor=2)
    adapter.save_pretrained(tmp_path / "adapter")
    diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8,), decoder_block_out_channels=(8,), num_encoder_blocks=(1,),
        num_decoder_blocks=(1,),
    ).save_pretrained(tmp_path / "tiny")  # fmt: skip
    assert isinstance(load_model(tmp_path / "control", "control"), diffusers.ControlNetModel)
    assert isinstance(load_model(tmp_path / "adapter", "control"), diffusers.T2IAdapter)
    found = load_model(tmp_path / "tiny", "decoder")
    assert isinstance(found, diffusers.AutoencoderTiny)
    assert not any(weights.requires_grad for weights in found.parameters())
    with pytest.raises(VertumnusError, match="is a control model, and a diffusion model is wanted"):
        load_model(tmp_path / "control", "diffusion")


def test_single_files_are_known_by_their_weights(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    one = torch.zeros(1)
    first = {"model.diffusion_model.input_blocks.0.0.weight": one}
    save_file(first, tmp_path / "sd.safetensors")
    save_file({**first, "conditioner.embedders.1.model.ln_final.weight": one.clone()}, tmp_path / "xl.safetensors")
    save_file({"lora.weight": one}, tmp_path / "other.safetensors")
    assert find(tmp_path / "sd.safetensors").family == "stable-diffusion"
    assert find(tmp_path / "xl.safetensors").family == "stable-diffusion-xl"
    with pytest.raises(VertumnusError, match="is no Stable Diffusion checkpoint"):
        find(tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(VertumnusError, match="cannot be read as safetensors"):
        find(tmp_path / "broken.safetensors")
    (tmp_path / "old.ckpt").write_bytes(b"")
    with pytest.raises(VertumnusError, match="is pickled, and never loaded"):
        find(tmp_path / "old.ckpt")
    with pytest.raises(VertumnusError, match=r"hf download stabilityai/stable-diffusion-xl-base-1.0 model_"):
        load_model(tmp_path / "xl.safetensors")
