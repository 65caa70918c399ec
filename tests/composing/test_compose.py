"""Composing from end to end: it reads, it is seeded, it may be steered, stopped and resumed."""

import numpy as np
import pytest

import vertumnus as vt
from drawn import blob, element
from vertumnus.composing.compose import ComposeJob, run
from vertumnus.guidance.pictogram import PictogramSource

PIECES = [element(blob(n, 60 + 3 * n, 66 - 2 * n), f"blob{n}") for n in range(8)]
QUICK = {"iterations": 120}


def job(prompt="a heart", count=12, size=(240, 240), **options):
    return ComposeJob(PIECES, prompt, PictogramSource(), size, vt.ComposeOptions(**(QUICK | options)), count)


def test_the_whole_comes_to_look_like_the_prompt():
    work = job(iterations=500)
    composition = work.composition(0)
    likeness = [step.likeness for step in composition]
    assert np.mean(likeness[-20:]) > 0.7 > 0.5 > np.mean(likeness[:10])
    collage = work.collage(composition, {})
    assert collage.prompt == "a heart"
    assert collage.made_by.tool == "compose"
    assert collage.made_by.report["overlap"] == 0
    assert len(collage.layers) + len(collage.made_by.report["unplaced"]) == 12
    # What is drawn lies where a heart has its ink, as an icon that the prior does not know has it.
    heart = vt.parse_shape("heart").mask(240, 240)
    ink = np.asarray(collage.render())[..., 3] > 127
    shift = [
        (np.roll(np.roll(ink, a, 0), b, 1) & heart).sum() / (np.roll(np.roll(ink, a, 0), b, 1) | heart).sum()
        for a in range(-30, 31, 10)
        for b in range(-30, 31, 10)
    ]
    assert max(shift) > 0.4


def test_same_seed_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        vt.compose(PIECES, "a star", size=(200, 160), seed=seed, **QUICK).save(tmp_path / f"{name}.collage")
    a, b, c = ((tmp_path / f"{name}.collage").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_the_start_is_the_paper_s():
    work = job(count=25)
    p = work.composition(0).optimiser.placements
    longer = np.exp(p.log_scale) * work.scene.longer[p.which]
    np.testing.assert_allclose(longer, 0.21 * 240)
    assert np.abs(p.rotation).max() <= 0.1
    assert p.x.min() < 60 < 180 < p.x.max()


def test_a_person_may_steer():
    composition = job().composition(0)
    for step in composition:
        if step.phase != "arrange":
            break
        if step.done == 20:
            step.move(3, x=200.0, y=30.0, rotation=40.0)
            step.pin(3)
            step.remove(5)
        if step.done == 60:
            assert step.layout()[3].x == 200
            step.release(3)
    layout = composition.layout()
    assert 5 not in layout
    assert len(layout) == 11
    assert layout[3] is None or layout[3].x != 200
    with pytest.raises(IndexError):
        composition.move(5, x=1.0)


def test_a_run_that_is_stopped_keeps_the_best_there_was():
    def best_then_spoilt(composition):
        if composition.phase == "arrange" and composition.done == 100:
            best.append(composition.optimiser.placements.copy())
        if composition.phase == "arrange" and composition.done > 100:
            composition.optimiser.placements.x[:] = 5.0  # all in a heap
            if composition.done == 112:
                composition.request_stop()

    best = []
    composition = run(job(strict=False, iterations=130), 2, best_then_spoilt)
    np.testing.assert_array_equal(composition.optimiser.placements.x, best[0].x)

    def moved_by_hand(composition):
        best_then_spoilt(composition)
        if composition.done == 112:
            composition.move(0, x=9.0)

    spoilt = run(job(strict=False, iterations=130), 2, moved_by_hand)
    assert spoilt.layout()[0].x == 9
    assert spoilt.layout()[1].x == 5


def test_resuming_gives_the_same_collage(tmp_path):
    work = job()
    whole = run(work, 4)

    def stop(composition):
        if composition.done >= 50:
            composition.request_stop()

    run(work, 4, stop, tmp_path / "state.npz")
    resumed = run(work, 4, None, tmp_path / "state.npz", resume=True)
    assert whole.layout() == resumed.layout()


def test_a_warm_start_keeps_what_is_locked():
    first = vt.compose(PIECES, "a heart", size=200, **QUICK)
    first.layers[2].locked = True
    again = vt.compose([], "a star", start=first, size=200, seed=3, **QUICK)
    assert again.layers[2] == first.layers[2]
    assert [layer.name for layer in again.layers] == [layer.name for layer in first.layers]
    assert again.layers[0].placement != first.layers[0].placement


def test_pieces_stay_within_a_shape():
    collage = vt.compose(PIECES, "a fish", size=200, container="circle", count=14, **QUICK)
    assert vt.measure_packing(collage, vt.parse_shape("circle")).spill < 1e-3


def test_former_keywords_and_those_of_guidances_are_understood():
    now = {"guidance": "pictogram", "container": "circle", "gradient_blur": (3, 1), "kernel_sigma": 1.0}
    then = {"prior": "pictogram", "within": "circle", "reach": (3, 1), "splat": 1.0}
    made = [vt.compose(PIECES, "a heart", size=80, iterations=5, method="sds", **names) for names in (now, then)]
    assert made[0].layers == made[1].layers
    assert made[0].made_by.options == made[1].made_by.options
    assert made[0].made_by.options["guidance"][0]["method"] == "sds"


def test_splatting_composes_too():
    collage = vt.compose(PIECES, "a heart", size=200, kernel_sigma=1.5, iterations=40)
    assert len(collage.layers) == 8


def test_without_the_strict_finish_pieces_may_overlap():
    collage = vt.compose(PIECES, "a heart", size=200, count=30, strict=False, **QUICK)
    assert len(collage.layers) == 30
    assert 0 < collage.made_by.report["overlap"] < 0.3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": "  "}, "prompt: it is empty"),
        ({"prompt": "qwxzv blorptaculars"}, "names no icon"),
        ({"prompt": "a heart", "count": 0}, "`count`: must be at least 1"),
        ({"prompt": "a heart", "count": 6000}, "too many"),
        ({"prompt": "a heart", "iterations": 0}, "iterations"),
        ({"prompt": "a heart", "background": "mauvish"}, "background"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, words):
    with pytest.raises(vt.VertumnusError, match=words) as error:
        vt.compose(PIECES, **arguments)
    assert "\n" not in str(error.value)


def test_extreme_inputs():
    assert len(vt.compose(PIECES[:1], "a heart", size=100, iterations=20).layers) == 1
    huge = [element(blob(3, 900, 700), "huge")]
    assert len(vt.compose(huge, "a heart", size=50, count=3, iterations=20).layers) == 3
    many = vt.compose(PIECES, "a heart", size=300, count=600, iterations=3, strict=False)
    assert len(many.layers) == 600
