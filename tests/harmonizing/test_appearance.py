"""Textual inversion by layer: eq. (1) where its answer is known."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from tiny import stable_diffusion  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.harmonizing import appearance  # noqa: E402
from vertumnus.harmonizing.appearance import Subject, learn  # noqa: E402
from vertumnus.models import load_model  # noqa: E402
from vertumnus.models.text import TextStates  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
torch.set_num_threads(1)  # tiny models are no faster with more


@pytest.fixture
def model(tmp_path):
    return load_model(stable_diffusion(tmp_path / "tiny"), device="cpu")


def subject(seed=0, text="red"):
    maker = torch.Generator().manual_seed(seed)
    alpha = torch.zeros(16, 16)
    alpha[:, :10] = 1
    return Subject(text, torch.rand((3, 16, 16), generator=maker), alpha)


def linear_world(monkeypatch, model, image, known):
    """A network whose noise is wrong by M (a - known) within the first 10 of 16 columns, and by anything elsewhere.

    So eq. (1) is 0 where the modifier's vector a is the known one, and nowhere else.
    """
    maker = torch.Generator().manual_seed(1)
    clean = model.to_latents(image[None])[0]
    mix = torch.randn((clean.numel(), known.shape[-1]), generator=maker) * 5
    outside = torch.randn(clean.shape, generator=maker)
    shown = torch.zeros(clean.shape[-2:])
    shown[:, :5] = 1  # of 8 latents

    def encode(prompts, gradients=False):
        tokens = model.pipeline.tokenizer
        ids = tokens(list(prompts), padding="max_length", max_length=12, return_tensors="pt").input_ids
        with torch.set_grad_enabled(gradients):
            return TextStates(model.pipeline.text_encoder.get_input_embeddings()(ids))

    def predict(x_t, t, text):
        modifier = text.states[:, 1]  # after the start
        abar = model.alphas_cumprod[t].view(-1, 1, 1, 1)
        noise = (x_t - abar.sqrt() * clean) / (1 - abar).sqrt()
        wrong = ((modifier - known) @ mix.T).view(len(x_t), *clean.shape)
        return noise + shown * wrong + (1 - shown) * outside

    monkeypatch.setattr(model, "encode_text", encode)
    monkeypatch.setattr(model, "answer", predict)


def test_a_known_embedding_is_found_again(model, monkeypatch):
    monkeypatch.setattr(appearance, "RATE", 0.3)
    table = model.pipeline.text_encoder.get_input_embeddings().weight
    known = table.mean(0) + table.std() * torch.randn(32, generator=torch.Generator().manual_seed(3))
    one = subject()
    linear_world(monkeypatch, model, one.image, known)
    (found,) = learn(model, [one], steps=400)
    begin = table[model.pipeline.tokenizer(appearance.BEGIN).input_ids[1]]
    assert float((found.vectors[0][0] - known).norm()) < 0.02 * float((begin - known).norm())
    assert found.after < 1e-3 * found.before
    assert found.steps <= 400


@pytest.mark.slow
def test_the_loss_falls_on_noise_that_was_held_out_and_the_model_stays_as_it_was(model, monkeypatch):
    monkeypatch.setattr(appearance, "GAIN", 0)  # random networks hardly listen
    before = {key: value.clone() for key, value in model.pipeline.text_encoder.state_dict().items()}
    seen = []
    subjects = [subject(0), subject(1, "blue")]
    found = learn(model, subjects, vectors=2, steps=30, seed=5, watch=lambda *said: seen.append(said))
    for one in found:
        assert one.vectors[0].shape == (2, 32)
        assert one.after <= one.before
    assert any(one.after < one.before for one in found)
    after = model.pipeline.text_encoder.state_dict()
    assert set(after) == set(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert [said[1] for said in seen if said[0] == 1] == list(range(1, 31))
    (again,) = learn(model, subjects[1:], vectors=2, steps=30, seed=5)  # whatever else is learned
    assert torch.equal(again.vectors[0], found[1].vectors[0])
    other = learn(model, subjects, vectors=2, steps=30, seed=6)
    assert not torch.equal(other[1].vectors[0], found[1].vectors[0])


def test_the_error_is_that_of_what_the_network_was_taught(model, monkeypatch):
    """A network that knows the clean picture is right, whatever it is asked for: nothing is left to learn."""
    one = subject()
    clean = model.to_latents(one.image[None])[0]

    def knows(x_t, t, text):
        abar = model.alphas_cumprod[t].view(-1, 1, 1, 1)
        noise = (x_t - abar.sqrt() * clean) / (1 - abar).sqrt()
        said = {
            "epsilon": noise,
            "v_prediction": abar.sqrt() * noise - (1 - abar).sqrt() * clean,
            "sample": clean.expand_as(x_t),
        }
        return said[model.prediction] + 0 * text.states.sum()

    monkeypatch.setattr(model, "answer", knows)
    for prediction in ("epsilon", "v_prediction", "sample"):
        monkeypatch.setattr(model, "prediction", prediction)
        (found,) = learn(model, [one], steps=2)
        assert found.before < 1e-6


def test_learning_ends_where_held_out_noise_gains_nothing(model, monkeypatch):
    """A network that does not listen: nothing is gained, and the vectors are those at the beginning."""

    def deaf(x_t, t, text):
        return torch.zeros_like(x_t) + 0 * text.states.sum()

    monkeypatch.setattr(model, "answer", deaf)
    (found,) = learn(model, [subject()], steps=400)
    assert found.steps == appearance.EVERY * appearance.PATIENCE
    assert found.before == found.after
    begin = model.pipeline.tokenizer(appearance.BEGIN).input_ids[1]
    assert torch.equal(found.vectors[0][0], model.pipeline.text_encoder.get_input_embeddings().weight[begin])


def test_groups_shrink_where_memory_ends(model, monkeypatch):
    monkeypatch.setattr(appearance, "side_by_side", lambda model: True)
    plain = learn(model, [subject(0), subject(1), subject(2)], steps=10)
    predict, sizes = model.answer, []

    def scarce(x_t, t, text):
        sizes.append(len(x_t))
        if len(x_t) > appearance.HELD_OUT:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(x_t, t, text)

    monkeypatch.setattr(model, "answer", scarce)
    found = learn(model, [subject(0), subject(1), subject(2)], steps=10)
    assert max(sizes) == 12
    for a, b in zip(plain, found, strict=True):
        assert torch.allclose(a.vectors[0], b.vectors[0], atol=1e-4)

    def none(x_t, t, text):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "answer", none)
    with pytest.raises(VertumnusError, match="out of memory learning what 'red' looks like"):
        learn(model, [subject()], steps=10)
