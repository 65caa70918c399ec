"""LoRAs and learned words: as diffusers' own loaders have them, and gone without a trace."""

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import tiny  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.models import load_model  # noqa: E402
from vertumnus.models.adapters import Adapters  # noqa: E402
from vertumnus.models.learned import read_words, save_words  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("checkpoints")
    return {"sd1": tiny.stable_diffusion(place / "sd1"), "xl": tiny.stable_diffusion_xl(place / "xl")}


@pytest.fixture
def model(folders):
    return load_model(folders["sd1"])


@pytest.fixture(scope="module")
def lora(folders, tmp_path_factory):
    """A LoRA on the network and the text encoder, in diffusers' layout."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    model = load_model(folders["sd1"])
    torch.manual_seed(1)
    wanted = LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_v"])
    reading = LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["q_proj"])
    model.unet.add_adapter(wanted)
    model.pipeline.text_encoder.add_adapter(reading)
    states = [get_peft_model_state_dict(part) for part in (model.unet, model.pipeline.text_encoder)]
    folder = tmp_path_factory.mktemp("lora")
    model.pipeline.save_lora_weights(folder, states[0], states[1], weight_name="hand.safetensors")
    return folder


def drawn(model, prompt="a fish"):
    return finish(sample(model, prompt, steps=2, seed=3))


def test_a_lora_is_as_in_diffusers_and_goes_without_a_trace(folders, model, lora):
    plain, keys = drawn(model), list(model.unet.state_dict())
    theirs = load_model(folders["sd1"])
    theirs.pipeline.load_lora_weights(lora, weight_name="hand.safetensors", adapter_name="one")
    theirs.pipeline.set_adapters("one", 0.5)
    with Adapters(model) as adapters:
        name = adapters.add_lora(lora, weight=0.5)
        assert adapters.loras == {"hand": 0.5}
        assert torch.equal(drawn(model), drawn(theirs))
        assert not torch.equal(drawn(model), plain)
        adapters.set_weight(name, 0)
        assert torch.equal(drawn(model), plain)
        adapters.set_weight(name, 1)
        again = adapters.add_lora(lora, weight=0.25)
        theirs.pipeline.set_adapters("one", 1.25)
        assert torch.allclose(drawn(model), drawn(theirs), atol=1e-5)
        adapters.remove(again)
        theirs.pipeline.set_adapters("one", 1)
        assert torch.equal(drawn(model), drawn(theirs))
        with pytest.raises(VertumnusError, match="there is no 'hnad'; did you mean hand"):
            adapters.set_weight("hnad", 1)
    assert torch.equal(drawn(model), plain)
    assert list(model.unet.state_dict()) == keys


def test_a_lora_that_the_model_carries_stays_at_work(folders, model, lora):
    for one in (model, theirs := load_model(folders["sd1"])):
        one.pipeline.load_lora_weights(lora, weight_name="hand.safetensors", adapter_name="hand")
        one.pipeline.set_adapters("hand", 0.7)
        one.unet.requires_grad_(False)
    carried = drawn(model)
    with Adapters(model) as adapters:
        name = adapters.add_lora(lora, weight=0.5)
        assert name == "hand_1"
        theirs.pipeline.load_lora_weights(lora, weight_name="hand.safetensors", adapter_name="more")
        theirs.pipeline.set_adapters(["hand", "more"], [0.7, 0.5])
        assert torch.equal(drawn(model), drawn(theirs))
        adapters.set_weight(name, 0)
        assert torch.equal(drawn(model), carried)
        with pytest.raises(VertumnusError):
            adapters.add_lora({"unet.nowhere.lora_A.weight": torch.zeros(2, 2)})
        assert torch.equal(drawn(model), carried)
    assert torch.equal(drawn(model), carried)
    assert model.pipeline.get_active_adapters() == ["hand"]
    assert not any(parameter.requires_grad for parameter in model.unet.parameters())
    model.pipeline.disable_lora()
    plain = drawn(model)
    with Adapters(model) as adapters:
        adapters.add_lora(lora, weight=0.5)
        theirs.pipeline.set_adapters(["more"], [0.5])
        assert torch.equal(drawn(model), drawn(theirs))
    assert torch.equal(drawn(model), plain)


def test_a_lora_of_kohyas_scripts(folders, model, lora):
    from safetensors.torch import load_file

    held = load_file(lora / "hand.safetensors")
    kohya = {}
    for key, value in held.items():
        part, _, rest = key.partition(".")
        place, _, end = rest.rpartition(".lora")
        if part == "text_encoder":
            continue
        down = ("A" in end) or ("down" in end)
        base = "lora_unet_" + place.replace(".", "_").replace("processor_", "")
        kohya[f"{base}.lora_{'down' if down else 'up'}.weight"] = value
        kohya[f"{base}.alpha"] = torch.tensor(2.0)
    other = load_model(folders["sd1"])
    with Adapters(model) as ours, Adapters(other) as same:
        ours.add_lora(kohya, name="kohya")
        same.add_lora({key: value for key, value in held.items() if key.startswith("unet")}, name="peft")
        assert torch.equal(drawn(model), drawn(other))


def test_what_is_no_lora(model, tmp_path, lora):
    adapters = Adapters(model)
    before = list(model.unet.state_dict())
    (tmp_path / "x.safetensors").write_text("no")
    (tmp_path / "x.ckpt").write_text("no")
    with pytest.raises(VertumnusError, match=r"x\.safetensors: cannot be read as safetensors"):
        adapters.add_lora(tmp_path / "x.safetensors")
    with pytest.raises(VertumnusError, match="pickled weights are never loaded"):
        adapters.add_lora(tmp_path / "x.ckpt")
    with pytest.raises(VertumnusError, match="lora: is no LoRA of"):
        adapters.add_lora({"some.weight": torch.zeros(2)})
    wrong = {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight": torch.zeros(2, 5)}
    wrong["unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight"] = torch.zeros(7, 2)
    with pytest.raises(VertumnusError, match=r"wrong: is no LoRA of .* or of another architecture"):
        adapters.add_lora(wrong, name="wrong")
    assert list(model.unet.state_dict()) == before
    assert adapters.loras == {}


def vectors(model, count, seed=0):
    maker = torch.Generator().manual_seed(seed)
    return [torch.randn(count, width, generator=maker) for width in Adapters(model).words.widths()]


def test_a_word_is_read_as_in_diffusers(folders, model, tmp_path):
    plain, tokens = drawn(model), len(model.pipeline.tokenizer)
    own = vectors(model, 3)
    save_words(tmp_path / "koi.safetensors", "<koi>", own)
    theirs = load_model(folders["sd1"])
    theirs.pipeline.load_textual_inversion(tmp_path / "koi.safetensors")
    with Adapters(model) as adapters:
        assert adapters.add_word(tmp_path / "koi.safetensors") == "<koi>"
        assert torch.equal(drawn(model, "a <koi> fish"), drawn(theirs, "a <koi> fish"))
        assert not torch.equal(drawn(model, "a <koi> fish"), plain)
        assert torch.equal(drawn(model), plain)
        adapters.add_word(vectors(model, 1, 5), "<ray>")
        assert torch.equal(drawn(model, "a <koi> fish"), drawn(theirs, "a <koi> fish"))
        with pytest.raises(VertumnusError, match="<koi>: is a word that the model knows already"):
            adapters.add_word(own, "<koi>")
        with pytest.raises(VertumnusError, match=r"<x>: has vectors of width \[5\]"):
            adapters.add_word([torch.zeros(1, 5)], "<x>")
    assert torch.equal(drawn(model), plain)
    assert len(model.pipeline.tokenizer) == tokens


def test_words_of_two_encoders_and_the_end_of_old_ones(folders, tmp_path):
    model = load_model(folders["xl"])
    with Adapters(model) as adapters:
        adapters.add_word(vectors(model, 2), "<koi>")
        newer = model.encode_text("a <koi> fish")
    old = copy.deepcopy(model.pipeline.text_encoder_2)
    ends = [part for part in old.modules() if hasattr(part, "eos_token_id")]
    assert ends
    for part in ends:
        part.eos_token_id = 2  # as SDXL's own configuration has it
    model.pipeline.text_encoder_2 = old
    plain = model.encode_text("a fish")
    with Adapters(model) as adapters:
        adapters.add_word(vectors(model, 2), "<koi>")
        assert torch.allclose(model.encode_text("a <koi> fish").pooled, newer.pooled, atol=1e-6)
        assert torch.allclose(model.encode_text("a fish").pooled, plain.pooled, atol=1e-6)
        save_words(tmp_path / "two.safetensors", "<koi>", adapters.words.words["<koi>"])
    assert all(part.eos_token_id == 2 for part in ends)
    word, held = read_words(tmp_path / "two.safetensors")
    assert word == "<koi>"
    assert [tuple(one.shape) for one in held] == [(2, 32), (2, 32)]


def test_gradients_reach_a_word(model):
    with Adapters(model) as adapters:
        (table,) = adapters.words.add("<koi>", [torch.randn(1, 32)])
        table.requires_grad_(True)
        states = model.encode_text("a <koi> fish", gradients=True).states
        states.square().sum().backward()
        assert table.grad is not None
        assert float(table.grad.abs().sum()) > 0
        assert not model.encode_text("a <koi> fish").states.requires_grad


def test_files_that_hold_no_word(tmp_path):
    from safetensors.torch import save_file

    save_file({"emb_params": torch.ones(2, 4)}, tmp_path / "webui.safetensors")
    assert read_words(tmp_path / "webui.safetensors")[0] is None
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, tmp_path / "two.safetensors")
    with pytest.raises(VertumnusError, match="holds no learned word"):
        read_words(tmp_path / "two.safetensors")
    save_file({"<a>": torch.full((4,), float("nan"))}, tmp_path / "nan.safetensors")
    with pytest.raises(VertumnusError, match="holds vectors that are none"):
        read_words(tmp_path / "nan.safetensors")
    with pytest.raises(VertumnusError, match="is pickled, and never loaded"):
        read_words(tmp_path / "x.pt")
