"""Learned words in a prompt and in a run."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from harmonizing.scenes import rough  # noqa: E402
from tiny import stable_diffusion, stable_diffusion_xl  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.harmonizing import appearance, words  # noqa: E402
from vertumnus.harmonizing.harmonize import HarmonizeJob, harmonize  # noqa: E402
from vertumnus.harmonizing.options import HarmonizeOptions  # noqa: E402
from vertumnus.harmonizing.tokens import with_words  # noqa: E402
from vertumnus.models import load_model  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
torch.set_num_threads(1)  # tiny models are no faster with more


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny")
    return {"sd1": stable_diffusion(place / "sd1"), "xl": stable_diffusion_xl(place / "xl")}


def job(model, method="gh+ca+ti+ln", **options):
    chosen = HarmonizeOptions(**{"method": method, "steps": 4, "learning": 10, "longest": 16} | options)
    return HarmonizeJob(rough(16), None, model, None, chosen)


def test_words_stand_before_their_texts():
    prompt, spans = with_words("a cup, a cup", [(9, 12), (9, 12), (2, 5)], ["<0>", "<1>", "<2> <3>"])
    assert prompt == "a <2> <3> cup, a <0> <1> cup"
    assert [prompt[a:b] for a, b in spans] == ["<0> <1> cup", "<0> <1> cup", "<2> <3> cup"]


@pytest.mark.parametrize("family", ["sd1", "xl"])
def test_a_run_with_learned_words(folders, family, monkeypatch):
    """Also of Stable Diffusion XL, with its two tokenizers and encoders."""
    model = load_model(folders[family], device="cpu")
    monkeypatch.setattr(appearance, "GAIN", -1.0)  # whatever is learned last is kept: random networks hardly listen
    made = job(model, vectors=2)
    told = []
    made.learn(lambda *said: told.append(said))
    assert {said[0] for said in told} == {0, 1, 2}
    assert {said[2] for said in told} == {10}
    assert "<" not in model.pipeline.tokenizer.decode(list(range(len(model.pipeline.tokenizer)))).replace("<|", "")
    run = made._run
    ((_, table), _, _) = run.spoken
    assert table.text == "table"
    assert len(table.tokens) == len("table") + 2  # the tiny tokenizers spell
    (picture,) = made.pictures([1])
    (plain,) = job(model, "gh+ca+ln").pictures([1])
    assert picture.shape == plain.shape
    assert (picture != plain).any()

    def never(*_, **__):
        raise AssertionError("what is kept is not learned again")

    monkeypatch.setattr(appearance, "learn", never)
    assert (job(model, vectors=2).pictures([1])[0] == picture).all()
    with pytest.raises(AssertionError, match="not learned again"):
        job(model, vectors=1).learn()


def test_what_is_kept_goes_by_content(folders):
    model = load_model(folders["sd1"], device="cpu")
    made = job(model)
    one = words.subject(made.stack, 1, "ball", model)
    known = words.fingerprint(model)
    place = words.kept_at(one, known, made.options)
    assert place == words.kept_at(words.subject(made.stack, 1, "ball", model), known, made.options)
    others = [
        words.kept_at(words.subject(made.stack, 2, "ball", model), known, made.options),
        words.kept_at(words.subject(made.stack, 1, "cup", model), known, made.options),
        words.kept_at(one, "another", made.options),
        words.kept_at(one, known, made.options.model_copy(update={"vectors": 2})),
    ]
    assert len({place, *others}) == 5
    assert words.fingerprint(load_model(folders["xl"], device="cpu")) != known
    # The target is the composite up to the layer: what lies above it does not show.
    assert torch.equal(words.subject(made.stack, 0, "table", model).image[:, 8, 8], torch.tensor([30, 160, 60]) / 255)


def test_damaged_words_are_learned_anew_and_long_prompts_refused(folders):
    model = load_model(folders["sd1"], device="cpu")
    made = job(model)
    made.learn()
    for index, text in zip(made.spoken, ("table", "ball", "cup"), strict=True):
        place = words.kept_at(words.subject(made.stack, index, text, model), words.fingerprint(model), made.options)
        place.write_bytes(b"no")
    job(model).learn()
    with pytest.raises(VertumnusError, match="has 31 tokens and the model reads 27 beside 48 for learned words"):
        job(model, vectors=16).learn()
    for method in ("sa", "gh", "gh+ca"):
        with pytest.raises(
            VertumnusError, match="negative: has 80 tokens and the model reads 75; it would be cut at"
        ):
            job(model, method, negative="x" * 80).learn()
        long = rough(16)
        long.prompt += " and" * 30
        with pytest.raises(VertumnusError, match=r"prompt: has .* and the model reads 75; it would be cut at 'd and"):
            HarmonizeJob(long, None, model, None, HarmonizeOptions(method=method, longest=16)).learn()


def test_every_method_of_the_paper_goes_through_one_interface(folders):
    model = load_model(folders["sd1"], device="cpu")
    found = {}
    for method in ("sa", "gh", "gh+ca", "gh+ca+ti", "gh+ca+ti+ln"):
        made = job(model, method, blur=0)
        made.stack.layers[1].noise = 0.1
        found[method] = made.pictures([3])[0]
        assert found[method].shape == (16, 16, 3)
    different = [a for a in found for b in found if a < b and (found[a] == found[b]).all()]
    assert not different


def test_seeds_of_plug_and_play_differ_by_the_noise_that_is_drawn(folders):
    model = load_model(folders["sd1"], device="cpu")
    one, two = job(model, "sa").pictures([1, 2])
    assert (one != two).any()
    same, published = job(model, "sa", eta=0).pictures([1, 2])
    assert (same == published).all()


def test_a_lora_is_on_while_a_collage_is_harmonised(folders, tmp_path):
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    other = load_model(folders["sd1"], device="cpu")
    torch.manual_seed(1)
    other.unet.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    state = get_peft_model_state_dict(other.unet)
    other.pipeline.save_lora_weights(tmp_path, state, weight_name="wash.safetensors")
    model = load_model(folders["sd1"], device="cpu")
    plain = harmonize(rough(16), model=model, options=HarmonizeOptions(steps=3, longest=16))
    options = HarmonizeOptions(steps=3, longest=16, lora=(f"{tmp_path / 'wash.safetensors'}=0.5",))
    washed = harmonize(rough(16), model=model, options=options)
    again = harmonize(rough(16), model=model, options=HarmonizeOptions(steps=3, longest=16))
    assert washed.layers[0].image != plain.layers[0].image
    assert again.layers[0].image == plain.layers[0].image
    assert washed.made_by.report["rounds"][0]["options"]["lora"] == list(options.lora)
    # One that the model carries itself works beside it, is learned with, and stays.
    model.pipeline.load_lora_weights(tmp_path, weight_name="wash.safetensors", adapter_name="own")
    known = words.fingerprint(model)
    carried = harmonize(rough(16), model=model, options=HarmonizeOptions(steps=3, longest=16))
    assert carried.layers[0].image not in (plain.layers[0].image, washed.layers[0].image)
    learned = options.model_copy(update={"method": "gh+ca+ti", "learning": 10})
    harmonize(rough(16), model=model, options=learned)
    assert words.fingerprint(model) == known
    assert not any(one.grad is not None for one in model.unet.parameters())
    model.pipeline.set_adapters("own", 0.5)
    assert words.fingerprint(model) != known
