"""Score distillation from checkpoints of every family, as the loader gives them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for needed in ("diffusers", "transformers", "peft", "vertumnus.models.loader"):
    pytest.importorskip(needed)

import tiny  # noqa: E402
from vertumnus.composing.compose import live_compose, run  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.guidance.distillation import DistillationSource  # noqa: E402
from vertumnus.guidance.options import DistillationOptions  # noqa: E402
from vertumnus.guidance.score import ScoreDistillation  # noqa: E402
from vertumnus.models import load  # noqa: E402
from vertumnus.optimise.checkpoint import load_checkpoint  # noqa: E402

# Of diffusers, about what it thinks of the tiny checkpoints' configurations as it writes them.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

torch.set_num_threads(1)  # tiny models are no faster with more

FAMILIES = {
    "sd1": tiny.stable_diffusion,
    "sd2": lambda folder: tiny.stable_diffusion(folder, "v_prediction"),
    "xl": tiny.stable_diffusion_xl,
    "if": tiny.deepfloyd,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_few_steps_are_reproducible_and_leave_the_prior_as_it_was(family, tmp_path):
    prior = load(str(FAMILIES[family](tmp_path / family)), "diffusion", device="cpu")
    rng = np.random.default_rng(0)
    start = rng.uniform(0.2, 0.8, (2, 24, 20, 5)).astype(np.float32)
    x = torch.randn((1, *prior.shape), generator=torch.Generator().manual_seed(0))
    text = prior.encode_text("a tree")
    with torch.no_grad():
        base = prior.predict_noise(x, 500, text, 7.5)

    def run(seed):
        guide = ScoreDistillation(prior, "a tree", np.random.default_rng(seed), student_rate=1e-3)
        canvas = start
        for step in range(3):
            losses, gradients = guide(canvas, step / 3)
            assert np.isfinite(losses).all()
            assert all(gradients[n, ..., :4].any() for n in range(2))
            canvas = canvas - 50 * gradients
        with torch.no_grad():
            assert torch.equal(prior.predict_noise(x, 500, text, 7.5), base)  # the student is off
        guide.close()
        assert guide.skipped == 0
        return canvas

    np.testing.assert_array_equal(run(1), run(1))
    assert np.abs(run(1) - run(2)).max() > 0
    with torch.no_grad():
        assert torch.equal(prior.predict_noise(x, 500, text, 7.5), base)


@pytest.mark.parametrize("family", ["sd1", "if"])
@pytest.mark.parametrize("every", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_collage_by_a_network_is_reproducible_and_resumes(family, every, blobs, tmp_path):
    chosen = DistillationOptions(
        model=str(FAMILIES[family](tmp_path / family)), guidance_interval=every, student_rate=1e-2
    )
    source = DistillationSource(chosen, device="cpu")

    def composed(**more):
        live = live_compose(blobs[:4], "a tree", guidance=source, size=(60, 40), seed=3, iterations=6, strict=False)
        return run(live, **more)

    whole = composed()
    kept = tmp_path / "kept.npz"

    def stop(composition):
        if composition.done == 4:
            composition.request_stop()

    composed(watch=stop, checkpoint=kept)
    resumed = composed(checkpoint=kept, resume=True)
    assert whole.layout() == composed().layout() == resumed.layout()
    assert np.isfinite(whole.loss)
    assert whole.joint.target_alpha.shape == whole.look().shape[:2]
    assert 0 <= whole.joint.target_alpha.min() <= whole.joint.target_alpha.max() <= 1


def test_nan_from_the_network_stops_with_the_state_saved(blobs, tmp_path):
    chosen = DistillationOptions(model=str(tiny.deepfloyd(tmp_path / "if")), guidance_interval=5)
    source = DistillationSource(chosen, device="cpu")
    live = live_compose(blobs[:4], "a tree", guidance=source, size=40, seed=3, iterations=20, strict=False)
    kept = tmp_path / "kept.npz"

    def break_it(composition):
        if composition.done == 5:
            source.model.unet.conv_out.bias.data += float("nan")

    with pytest.raises(VertumnusError, match=r"if: its answer was not finite 10 times in a row"):
        run(live, watch=break_it, checkpoint=kept)
    state = load_checkpoint(kept, live.spec.identity())
    assert state["iteration"] == 14
    assert np.isfinite(state["placements.pose"]).all()
    assert np.isfinite(state["lora"]).all()
