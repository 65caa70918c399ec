"""Attention under control: against plain loops, and given back as it was."""

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.sampling.attention import (  # noqa: E402
    Call,
    Hook,
    attention_control,
    attention_layers,
    sigma_at,
)
from vertumnus.sampling.attention_maps import ReadMaps, TokenBias, growth  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
FAMILIES = ("sd1", "sd2", "xl", "mini")


def run(model, prompt="a red fish", size=(24, 16), **more):
    wide = (size[0] // 2 * model.factor, size[1] // 2 * model.factor)
    return finish(sample(model, prompt, size=wide, steps=2, guidance=3.0, scheduler="ddim", seed=1, **more))


class Watch(Hook):
    """Keeps the calls, and goes the slow way with scores as they are."""

    def __init__(self):
        self.calls = []

    def acts(self, call):
        self.calls.append(call)
        return True

    def look(self, call, probabilities):
        assert torch.allclose(probabilities.sum(-1), torch.ones(()), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_slow_way_is_the_same_attention(models, family):
    model, watch = models[family], Watch()
    plain = run(model)
    with attention_control(model, watch):
        found = run(model)
    assert torch.allclose(found, plain, atol=1e-4)
    names = [layer.name for layer in attention_layers(model)]
    assert [call.layer.name for call in watch.calls] == names * 2, "in the order in which they compute"
    assert {(call.rows, call.columns) for call in watch.calls} <= {(8, 12), (4, 6), (2, 3)}
    assert all(call.conditional == slice(1, 2) for call in watch.calls)
    sigmas = sorted({call.sigma for call in watch.calls}, reverse=True)
    assert sigmas == pytest.approx([min(step.sigma, 4096) for step in sample(model, "", steps=2, scheduler="ddim")])


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_of_zero_change_nothing(models, family):
    model = models[family]
    plain = run(model)
    with attention_control(model, TokenBias(torch.zeros(5, 8, 12), torch.zeros(5, 8, 12))):
        assert torch.equal(run(model), plain)
    with attention_control(model, TokenBias(torch.ones(5, 8, 12))):
        assert not torch.allclose(run(model), plain)


def test_the_network_is_given_back(models):
    model = models["sd1"]
    before, plain = dict(model.unet.attn_processors), run(model)

    def broken():
        with attention_control(model, TokenBias(torch.ones(5, 8, 12))), attention_control(model, ReadMaps()):
            run(model)
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        broken()
    assert all(model.unet.attn_processors[name] is processor for name, processor in before.items())
    assert not model.unet._forward_pre_hooks
    assert torch.equal(run(model), plain)


def slow_attention(attention, hidden, text, bias):
    """(Q K^T + bias) / sqrt(d), one head after the other, one place after the other."""
    q, k, v = attention.to_q(hidden)[0], attention.to_k(text)[0], attention.to_v(text)[0]
    d = q.shape[-1] // attention.heads
    heads = [slice(d * n, d * (n + 1)) for n in range(attention.heads)]
    most = max(float((q[:, head] @ k[:, head].T).max()) for head in heads)
    out = torch.zeros_like(q)
    for head in heads:
        for place in range(len(q)):
            scores = torch.stack([q[place, head] @ k[j, head] + bias(place, j, most) for j in range(len(k))])
            out[place, head] = torch.softmax(scores / math.sqrt(d), 0) @ v[:, head]
    return attention.to_out[0](out)


def test_the_bias_is_its_formula(models):
    """Section 4.2, against a slow loop; the negative's items are left alone."""
    model = models["sd1"]
    layer = next(one for one in attention_layers(model) if one.cross)
    maker = torch.Generator().manual_seed(0)
    attract, repel = (torch.rand(6, 4, 4, generator=maker) for _ in range(2))
    seen = {}

    class Keep(Hook):
        def acts(self, call):
            return call.layer.name == layer.name

        def look(self, call, probabilities):
            seen["sigma"] = call.sigma

    handle = layer.module.register_forward_hook(
        lambda module, args, kwargs, out: seen.update(args=args, kwargs=kwargs, out=out), with_kwargs=True
    )
    try:
        with attention_control(model, TokenBias(attract, repel), Keep()):
            x = torch.randn(1, 4, 8, 8, generator=maker)
            model.predict_noise(x, 300, model.encode_text("a fish"), 3.0)
    finally:
        handle.remove()
    hidden, text = seen["args"][0], seen["kwargs"]["encoder_hidden_states"]
    abar = float(model.alphas_cumprod[300])
    y = math.log(1 + math.log(1 + math.sqrt((1 - abar) / abar)))
    assert growth(seen["sigma"]) == pytest.approx(y, rel=1e-5)

    def bias(place, j, most):
        if j >= 6:
            return torch.zeros(())
        at = (j, place // 4, place % 4)
        return y * most * attract[at] - y * most * repel[at]

    assert torch.allclose(seen["out"][1], slow_attention(layer.module, hidden[1:], text[1:], bias), atol=1e-5)
    none = slow_attention(layer.module, hidden[:1], text[:1], lambda *_: torch.zeros(()))
    assert torch.allclose(seen["out"][0], none, atol=1e-5)


def test_maps_are_averaged_to_each_layer():
    attract, repel = torch.zeros(2, 8, 8), torch.zeros(2, 8, 8)
    attract[0, :2, :4], repel[1] = 1.0, 0.5
    maps = TokenBias(attract, repel).maps(2, 2)
    assert maps[0, :, 0].tolist() == [0.5, 0, 0, 0]
    assert maps[0, :, 1].tolist() == [-0.5] * 4


def test_words_are_drawn_to_their_place(models):
    """A token that is wanted on the left and unwanted on the right is looked for on the left."""
    model, reader = models["mini"], ReadMaps()
    side = torch.zeros(32, 8, 8)
    side[2, :, :4] = 1.0
    with attention_control(model, TokenBias(side, side.flip(-1))), attention_control(model, reader):
        run(model, size=(32, 32))
    (drawn,) = reader.mean(8, 8)
    assert drawn.shape == (32, 8, 8)
    assert drawn[2, :, :4].mean() > 5 * drawn[2, :, 4:].mean()
    assert torch.allclose(drawn.sum(0), torch.ones(8, 8), atol=1e-4)


def test_self_attention_is_read_too(models):
    reader = ReadMaps(cross=False, most=4)
    with attention_control(models["mini"], reader):
        run(models["mini"])
    assert {maps.shape[1:] for maps in reader.by_layer.values()} == {(6, 2, 3)}


def test_a_wrong_number_of_tokens(models):
    with (
        attention_control(models["sd1"], TokenBias(torch.ones(78, 4, 4))),
        pytest.raises(VertumnusError, match="maps of 78 tokens, and the prompt has 77"),
    ):
        run(models["sd1"])


def test_attention_of_another_kind_is_refused(models):
    with pytest.raises(VertumnusError, match=r"attention .* cannot be steered"), attention_control(models["if"]):
        pass


def test_sigma_without_signal_is_finite(models):
    assert sigma_at(models["mini"], 999.0) == pytest.approx(4096, rel=1e-3)
    assert sigma_at(models["sd1"], 499.5) == pytest.approx(
        (sigma_at(models["sd1"], 499) + sigma_at(models["sd1"], 500)) / 2
    )
    assert isinstance(Call(attention_layers(models["sd1"])[0], 1, 1, 0.0, slice(0, 1)).sigma, float)
