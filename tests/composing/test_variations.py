"""Several collages at once, of one network."""

import numpy as np
import pytest

pytest.importorskip("torch")
for needed in ("diffusers", "transformers", "peft"):
    pytest.importorskip(needed)

import tiny  # noqa: E402
from vertumnus.composing.compose import live_compose, run  # noqa: E402
from vertumnus.composing.variations import run_together  # noqa: E402
from vertumnus.guidance.distillation import DistillationSource  # noqa: E402
from vertumnus.guidance.options import DistillationOptions  # noqa: E402
from vertumnus.guidance.pictogram import PictogramSource  # noqa: E402
from vertumnus.guidance.score import ScoreDistillation  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny.deepfloyd(tmp_path_factory.mktemp("model") / "if"))


def job(blobs, folder, interval=2, **options):
    source = DistillationSource(DistillationOptions(model=folder, guidance_interval=interval), device="cpu")
    return live_compose(blobs[:4], "a tree", guidance=source, size=40, **options)


def test_particles_share_one_student(blobs, folder, monkeypatch):
    asked = []
    call = ScoreDistillation.__call__

    def counted(self, canvases, progress):
        asked.append((len(canvases), list(self.model.unet.peft_config), round(progress, 3)))
        return call(self, canvases, progress)

    monkeypatch.setattr(ScoreDistillation, "__call__", counted)
    work = job(blobs, folder, iterations=6, strict=False)
    seen = []
    made = run_together(work, [3, 4, 5], lambda composition: seen.append(composition.spec.seed))
    assert asked == [(3, ["student0"], share) for share in (0, 0.333, 0.667)]
    assert seen == [3, 4, 5] * 6
    assert not getattr(work.source.model.unet, "peft_config", None)
    layouts = [composition.layout() for composition in made]
    assert all(layouts[a] != layouts[b] for a, b in ((0, 1), (0, 2), (1, 2)))
    assert [composition.layout() for composition in run_together(work, [3, 4, 5])] == layouts


def test_all_stop_together_and_are_finished(blobs, folder):
    def stop(composition):
        if composition.done == 3 or composition.phase == "finish":
            composition.request_stop()

    made = run_together(job(blobs, folder, 1, iterations=50), [0, 1], stop)
    assert [composition.phase for composition in made] == ["finish", "finish"]
    assert all(len(composition.layout()) == 4 for composition in made)


def test_other_priors_go_one_after_the_other(blobs):
    work = live_compose(blobs[:4], "a heart", guidance=PictogramSource(), size=40, iterations=4)
    assert [c.layout() for c in run_together(work, [1, 2])] == [run(work.sibling(seed)).layout() for seed in (1, 2)]


def test_one_particle_alone_is_as_any(blobs, folder):
    work = job(blobs, folder, iterations=4, strict=False)
    assert run_together(work, [7])[0].layout() == run(work.sibling(7)).layout()
    assert np.isfinite(run(work.sibling(7)).loss)
