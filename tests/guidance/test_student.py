"""The student: one set of weights, two networks."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for needed in ("diffusers", "transformers", "peft"):
    pytest.importorskip(needed)

from networks import Tiny  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.guidance.student import ALL, TARGETS, LoraStudent  # noqa: E402
from vertumnus.optimise.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402

FAMILIES = ["sd", "sd-v", "if"]


def batch(model, seed=0, count=2):
    maker = torch.Generator().manual_seed(seed)
    x, noise = (torch.randn((count, *model.shape), generator=maker) for _ in range(2))
    return x, noise, torch.tensor([300, 600] * count)[:count]


def student(model, seed=0, **options):
    return LoraStudent(model, model.encode_text("a tree"), np.random.default_rng(seed), **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_off_it_is_the_base_exactly_and_on_it_starts_there(family):
    model = Tiny(family)
    x, _, t = batch(model)
    text = model.encode_text("a tree")
    with torch.no_grad():
        base = model.predict_noise(x, t, text)
    taught = student(model, rate=1e-2)
    assert torch.equal(model.predict_noise(x, t, text), base)
    assert torch.allclose(taught.predict_noise(x, t), base, atol=1e-6)
    for _ in range(3):
        taught.learn(x)
    assert (taught.predict_noise(x, t) - base).abs().max() > 1e-4
    assert torch.equal(model.predict_noise(x, t, text), base)
    taught.close()
    assert torch.equal(model.predict_noise(x, t, text), base)
    assert not any("lora" in name for name, _ in model.unet.named_parameters())


def test_every_attention_is_adapted():
    for family, kinds in (("sd", TARGETS[:4]), ("if", TARGETS)):
        unet = Tiny(family).unet
        wanted = {name for name, _ in unet.named_modules() if name.endswith(kinds)}
        model = Tiny(family)
        student(model)
        found = {name.split(".lora_A.")[0] for name, _ in model.unet.named_parameters() if ".lora_A." in name}
        assert found == wanted
        assert {kind for kind in TARGETS if any(name.endswith(kind) for name in found)} == set(kinds)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_step_lowers_equation_seven_on_its_batch(family):
    model = Tiny(family)
    x, _, _ = batch(model)
    one = student(model, seed=3)
    # What `learn` will draw, so that the same loss can be asked for before and after.
    rng = np.random.default_rng()
    rng.bit_generator.state = one.rng.bit_generator.state
    t = torch.from_numpy(rng.integers(1000, size=2))
    noise = torch.from_numpy(rng.standard_normal(x.shape, np.float32))
    x_t = model.add_noise(x, noise, t)
    with torch.no_grad():
        before = float(((model.predict_noise(x_t, t, one.text) - noise) ** 2).mean())  # it still is the teacher
    assert one.learn(x) == pytest.approx(before, rel=1e-5)
    assert float(((one.predict_noise(x_t, t) - noise) ** 2).mean()) < before


def test_it_learns_at_the_step_and_noise_it_is_given():
    model = Tiny("sd")
    x, noise, t = batch(model)
    one = student(model)
    x_t = model.add_noise(x, noise, t)
    with torch.no_grad():
        before = float(((model.predict_noise(x_t, t, one.text) - noise) ** 2).mean())
    state = one.rng.bit_generator.state
    assert one.learn(x, t, noise) == pytest.approx(before, rel=1e-5)
    assert one.rng.bit_generator.state == state
    assert float(((one.predict_noise(x_t, t) - noise) ** 2).mean()) < before


def test_on_all_layers_it_comes_to_know_more_of_a_picture():
    model = Tiny("sd")
    x, noise, t = batch(model)
    x_t = model.add_noise(x, noise, t)
    left = []
    for layers in (TARGETS, ALL):
        one = student(model, rate=1e-2, layers=layers)
        for _ in range(20):
            one.learn(x, t, noise)
        left.append(float(((one.predict_noise(x_t, t) - noise) ** 2).mean()))
        one.close()
    assert left[1] < left[0]


def test_only_the_adapter_learns_and_only_what_is_its_own():
    model = Tiny("sd")
    first, second = student(model), student(model, seed=1)
    frozen = {name: value.clone() for name, value in model.unet.named_parameters() if ".student" not in name}
    kept = second.state()["lora"]
    start = first.state()["lora"]
    first.learn(batch(model)[0])
    assert np.abs(first.state()["lora"] - start).max() > 0
    np.testing.assert_array_equal(second.state()["lora"], kept)
    for name, value in model.unet.named_parameters():
        if ".student" not in name:
            assert torch.equal(value, frozen[name])
    x, _, t = batch(model)
    text = model.encode_text("a tree")
    base, said = model.predict_noise(x, t, text), second.predict_noise(x, t)
    first.close()
    assert torch.equal(second.predict_noise(x, t), said)
    assert torch.equal(model.predict_noise(x, t, text), base)
    second.close()
    third = student(model)  # the network is as it was
    np.testing.assert_array_equal(third.state()["lora"], start)


def test_its_own_guidance_is_the_formula():
    model = Tiny("sd")
    negative = model.encode_text("")
    taught = student(model, rate=1e-2, guidance=3.0, negative=negative)
    x, _, t = batch(model)
    taught.learn(x)
    guided = taught.predict_noise(x, t)
    taught.guidance = 1.0
    along = taught.predict_noise(x, t)
    taught.text = negative
    without = taught.predict_noise(x, t)
    assert torch.allclose(guided, without + 3 * (along - without), atol=1e-5)


def test_a_checkpoint_on_disk_goes_on_as_if_it_had_never_stopped(tmp_path):
    def taught(steps, one):
        return [one.learn(batch(one.model, n)[0]) for n in steps]

    whole = student(Tiny("sd"), rate=1e-2)
    losses = taught(range(6), whole)
    half = student(Tiny("sd"), rate=1e-2)
    taught(range(3), half)
    save_checkpoint(tmp_path / "c.npz", {}, {**half.state(), "rng": half.rng.bit_generator.state})
    state = load_checkpoint(tmp_path / "c.npz", {})
    again = student(Tiny("sd"), seed=9, rate=1e-2)
    again.restore(state)
    again.rng.bit_generator.state = state["rng"]
    assert taught(range(3, 6), again) == losses[3:]
    np.testing.assert_array_equal(again.state()["lora"], whole.state()["lora"])
    other = student(Tiny("sd"), rank=2)
    with pytest.raises(VertumnusError, match=r"^lora: the checkpoint's student has \d+ weights, the one of tiny-sd"):
        other.restore(state)


def test_a_fresh_state_can_be_restored():
    one = student(Tiny("sd"))
    one.restore(one.state())
    assert math.isfinite(one.learn(batch(one.model)[0]))


def test_a_loss_that_is_not_finite_changes_nothing():
    one = student(Tiny("sd"))
    one.learn(batch(one.model)[0])
    before = one.state()
    x = batch(one.model)[0]
    x[0, 0, 0, 0] = math.nan
    assert math.isnan(one.learn(x))
    after = one.state()
    assert after["lora_count"] == before["lora_count"]
    for key in ("lora", "lora_mean", "lora_square"):
        np.testing.assert_array_equal(after[key], before[key])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_network_in_half_precision_has_a_student_in_full(dtype):
    model = Tiny("sd")
    model.unet.to(getattr(torch, dtype))
    one = student(model, rate=1e-3)
    assert {p.dtype for p in one.parameters} == {torch.float32}
    before = one.state()["lora"]
    for n in range(12):  # the scaler of float16 may have to come down first
        assert math.isfinite(one.learn(batch(model, n)[0]))
    assert np.abs(one.state()["lora"] - before).max() > 1e-4
    assert np.isfinite(one.state()["lora"]).all()
    one.restore(one.state())


def test_a_network_that_carries_an_adapter_is_refused():
    from peft import LoraConfig

    model = Tiny("sd")
    model.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q"]), adapter_name="style")
    with pytest.raises(VertumnusError, match=r"^tiny-sd: carries the adapter style already"):
        student(model)
