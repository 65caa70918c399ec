"""Plug-and-Play features: against a plain loop, and its ends."""

import pytest

torch = pytest.importorskip("torch")

from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.sampling.injection import plug_and_play  # noqa: E402
from vertumnus.sampling.inversion import invert  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def picture(side=16):
    return torch.rand((3, side, side), generator=torch.Generator().manual_seed(2))


def test_with_nothing_put_in_it_is_ddim_from_the_inverted_noise(model):
    found = invert(model, picture(), "", steps=4)
    plain = finish(sample(model, "a fish", latents=found[0], steps=4, scheduler="ddim", guidance=5.0))
    ours = finish(plug_and_play(model, picture(), "a fish", steps=4, guidance=5.0, attention=0, features=0))
    assert torch.equal(ours, plain)


def test_a_pictures_own_features_change_nothing(model):
    """Before the first step what is drawn is the inverted picture itself, and the same prompt asks for the same."""
    found = invert(model, picture(), "", steps=4)
    for plain in sample(model, "", latents=found[0], steps=4, scheduler="ddim", guidance=1.0):
        wanted = plain.next_latents
        break
    for ours in plug_and_play(model, picture(), "", steps=4, guidance=1.0, attention=1, features=1):
        assert torch.equal(ours.next_latents, wanted)
        break


def test_it_is_the_plain_loop(model):
    """Against features taken down by hand, and modules that give them back."""
    from diffusers import DDIMScheduler

    unet, steps = model.unet, 4
    found = invert(model, picture(), "", steps=steps)
    text, none = model.encode_text("a fish"), model.encode_text("")
    against = model.encode_negative("")
    scheduler = DDIMScheduler.from_config(model.scheduler_config)
    scheduler.set_timesteps(steps)
    layer, held = unet.up_blocks[1].resnets[min(1, len(unet.up_blocks[1].resnets) - 1)].conv2, {}
    z = found[0]
    for index, t in enumerate(scheduler.timesteps):
        taking = layer.register_forward_hook(lambda _, __, out: held.update(seen=out))
        model.predict_noise(found[index], t, none)
        taking.remove()
        giving = layer.register_forward_hook(lambda _, __, out: held["seen"].expand_as(out))
        with torch.no_grad():
            said = model.predict_noise(z, t, text, 5.0, against)
        giving.remove()
        z = scheduler.step(said, t, z).prev_sample
    ours = finish(plug_and_play(model, picture(), "a fish", steps=steps, guidance=5.0, attention=0, features=1))
    assert torch.allclose(ours, z, atol=1e-5)


@pytest.mark.parametrize("name", ["xl", "mini"])
def test_it_runs_with_every_family_and_leaves_no_trace(models, name):
    model = models[name]
    side = 16 * model.factor // 2
    before = [len(module._forward_hooks) for module in model.unet.modules()]
    plain = finish(plug_and_play(model, picture(side), "a fish", steps=3, attention=0, features=0))
    injected = finish(plug_and_play(model, picture(side), "a fish", steps=3, batch=2))
    assert injected.shape[0] == 2
    assert torch.allclose(injected[0], injected[1], atol=1e-3)
    assert not torch.allclose(injected[:1], plain, atol=1e-3)
    assert [len(module._forward_hooks) for module in model.unet.modules()] == before


def test_attention_of_another_kind_is_refused(models):
    with pytest.raises(VertumnusError, match="cannot be steered"):
        finish(plug_and_play(models["if"], picture(), "a fish", steps=2))
