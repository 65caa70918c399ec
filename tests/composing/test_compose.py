"""Composing from end to end: it reads, it is seeded, it may be steered, stopped and resumed."""

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from drawn import blob, element
from vertumnus.composing.compose import live_compose, run
from vertumnus.composing.options import ComposeKeywords
from vertumnus.composing.presets import PRESETS
from vertumnus.guidance.options import DistillationOptions
from vertumnus.guidance.pictogram import PictogramSource
from vertumnus.guidance.registry import KINDS, options_of
from vertumnus.live.commands import Add, Move, Pin, Release, Remove, Replace, Rotate, SetOption, Undo

PIECES = [element(blob(n, 60 + 3 * n, 66 - 2 * n), f"blob{n}") for n in range(8)]
QUICK = {"iterations": 120}


def live(prompt="a heart", count=12, size=(240, 240), seed=0, **options):
    return live_compose(
        PIECES, prompt, guidance=PictogramSource(), size=size, seed=seed, count=count, **(QUICK | options)
    )


def test_the_whole_comes_to_look_like_the_prompt():
    composition = live(iterations=500)
    likeness = [step.likeness for step in composition]
    assert np.mean(likeness[-20:]) > 0.7 > 0.5 > np.mean(likeness[:10])
    collage = composition.document()
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
    assert max(shift) > 0.36


def test_same_seed_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        vt.compose(PIECES, "a star", size=(200, 160), seed=seed, **QUICK).save(tmp_path / f"{name}.collage")
    a, b, c = ((tmp_path / f"{name}.collage").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_the_start_is_the_paper_s():
    composition = live(count=25)
    p = composition.optimiser.placements
    longer = np.exp(p.log_scale) * composition.scene.longer[p.which]
    np.testing.assert_allclose(longer, 0.21 * 240)
    assert np.abs(p.rotation).max() <= 0.1
    assert p.x.min() < 60 < 180 < p.x.max()


def test_a_person_may_steer():
    composition = live()
    for step in composition:
        if step.phase != "arrange":
            break
        if step.step == 20:
            for command in (
                Move(piece=3, x=200.0, y=30.0),
                Rotate(piece=3, rotation=40.0),
                Pin(piece=3),
                Remove(piece=5),
            ):
                step.send(command)
        if step.step == 60:
            at = dict(zip(step.numbers.tolist(), step.layout(), strict=True))[3]
            assert (at.x, at.y, round(at.rotation, 6)) == (200, 30, 40)
            step.send(Release(piece=3))
    composition.run()
    found = dict(zip(composition.numbers.tolist(), composition.layout(), strict=True))
    assert 5 not in found
    assert len(found) == 11
    assert found[3] is None or found[3].x != 200
    for command in (Move(piece=5, x=1.0), Pin(piece=40)):
        with pytest.raises(vt.VertumnusError, match="there is no piece"):
            composition.send(command)
    for name, value in (("scale", 0), ("scale", -1), ("x", float("nan"))):
        with pytest.raises(vt.VertumnusError, match=name):
            (vt.Scale if name == "scale" else Move)(piece=0, **{name: value})


def test_a_finished_run_goes_on_and_is_taken_back():
    composition = live().run()
    before = composition.document()
    assert composition.finished
    for command in (
        Pin(piece=0), Move(piece=0, x=40.0, y=50.0), Replace(piece=1, element=PIECES[7]),
        Add(element=element(blob(9, 50, 50), "more")), SetOption(name="gap", value=2.0),
    ):  # fmt: skip
        composition.send(command)
    after = composition.run().document()
    assert [round(after.layers[0].x), round(after.layers[0].y)] == [40, 50]
    assert after.layers[0].locked
    assert after.layers[1].image == PIECES[7].image
    assert "more" in [layer.name for layer in after.layers] + [
        each["name"] for each in after.made_by.report["unplaced"]
    ]
    assert after.made_by.report["overlap"] == 0
    for _ in range(5):
        composition.send(Undo())
    again = composition.run().document()
    assert [layer.model_dump() for layer in again.layers] == [layer.model_dump() for layer in before.layers]


def test_what_a_document_brought_comes_back():
    """A piece that only the document to start from has is taken out, and back in."""
    brought = live_compose([PIECES[0]], "a fish", size=(200, 160), seed=3, count=2, **QUICK).document()
    composition = live_compose(PIECES[1:4], "a fish", size=(200, 160), seed=3, start=brought, **QUICK)
    before = composition.snapshot()
    assert PIECES[0].image in before.images
    for number, image in zip(before.pieces.tolist(), before.images, strict=True):
        if image == PIECES[0].image:
            composition.send(Remove(piece=number))
            composition.heed()
    assert PIECES[0].image not in composition.snapshot().images
    composition.send(Undo())
    composition.send(Undo())
    composition.heed()
    assert composition.snapshot().images == before.images


def test_a_collage_is_made_again_from_its_document_alone(tmp_path):
    composition = live_compose(PIECES, "a fish", size=(200, 160), seed=3, count=10, container="circle", **QUICK)
    for step in composition:
        if step.step == 30:
            step.send(Move(piece=2, x=50.0))
            step.send(Add(element=element(blob(9, 50, 50), "more"), x=90.0, y=80.0))
    composition.document().save(tmp_path / "a.collage")
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


@pytest.mark.parametrize("guidance", [["photo:{}", "pictogram=2"], ["shape:{}"]])
def test_a_file_that_judges_is_kept_in_the_document(tmp_path, guidance):
    path = tmp_path / "ref.png"
    Image.fromarray(blob(4, 90, 70)).convert("RGB").save(path)
    named = [one.format(path) for one in guidance]
    made = vt.compose(PIECES, "a heart", guidance=named, size=(90, 70), resolution=48, iterations=20)
    made.save(tmp_path / "a.collage")
    path.unlink()
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


def test_a_start_is_kept_for_making_it_again(tmp_path):
    first = vt.compose(PIECES[:4], "a heart", size=160, **QUICK)
    first.layers[1].locked = True
    second = vt.compose(PIECES[4:], "a star", start=first, size=160, seed=1, **QUICK)
    second.save(tmp_path / "a.collage")
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


def test_a_state_goes_on_as_if_it_had_never_stopped():
    for when in (60, 10_000):
        whole, broken = live(seed=5), live(seed=5)
        for step in broken:
            if step.step == when:
                break
        resumed = live(seed=5)
        resumed.restore(broken.state())
        assert resumed.run().layout() == whole.run().layout()
        assert resumed.score == whole.score


def test_another_container_is_another_run(tmp_path):
    def stop(composition):
        if composition.done >= 20:
            composition.request_stop()

    run(live_compose(PIECES, "a heart", size=120, container="circle", **QUICK), stop, tmp_path / "state.npz")
    for change in ({"container": "heart"}, {"container": "circle", "method": "sds"}, {"container": None}):
        with pytest.raises(vt.VertumnusError, match=r"state\.npz"):
            vt.compose(
                PIECES, "a heart", size=120, checkpoint=tmp_path / "state.npz", resume=True, **(QUICK | change)
            )


def test_the_papers_settings_are_a_preset():
    made = live_compose(PIECES, "a heart", size=80, preset="score-paper", iterations=3)
    assert (made.options.relocate, made.options.strict, made.options.gradient_blur) == (False, False, (0, 0))
    assert made.options.iterations == 3  # what is given beside it wins
    assert made.options.kernel_sigma > 0
    assert made.spec.options["guidance"][0]["method"] == "vsd"
    assert made.spec.options["guidance"][0]["annealing"] == "none"
    assert set(PRESETS["score-paper"]) <= set(ComposeKeywords.__annotations__)
    with pytest.raises(vt.VertumnusError, match=r"preset.*did you mean score-paper"):
        live_compose(PIECES, "a heart", preset="score-papr")


def test_our_settings_are_a_preset_and_what_is_so_by_default():
    named, plain = (live_compose(PIECES, "a heart", size=80, preset=preset) for preset in ("vertumnus", None))
    assert named.spec.options == plain.spec.options
    ours, theirs = (DistillationOptions(**_of_network(PRESETS[name])) for name in ("vertumnus", "score-paper"))
    assert ours == DistillationOptions() != theirs


def _of_network(preset):
    return {name: value for name, value in preset.items() if name in DistillationOptions.model_fields}


def test_keywords_are_the_models_fields():
    fields = {name for kind in KINDS for name in options_of(kind).model_fields} - {"weight"}
    assert set(ComposeKeywords.__annotations__) == fields | set(vt.ComposeOptions.model_fields)
    with pytest.raises(vt.VertumnusError, match="rotatoin: there is no such option"):
        live_compose(PIECES, "a heart", rotatoin=3)


def test_a_run_that_is_stopped_keeps_the_best_there_was():
    def best_then_spoilt(composition):
        if composition.phase == "arrange" and composition.done == 100:
            best.append(composition.optimiser.placements.copy())
        if composition.phase == "arrange" and composition.done > 100:
            composition.optimiser.placements.x[:] = 5.0  # all in a heap
            if composition.done == 112:
                composition.request_stop()

    best = []
    composition = run(live(strict=False, iterations=130, seed=2), best_then_spoilt)
    np.testing.assert_array_equal(composition.optimiser.placements.x, best[0].x)

    def moved_by_hand(composition):
        if composition.done == 112 and composition.phase == "arrange":
            composition.send(Move(piece=0, x=9.0))
        best_then_spoilt(composition)

    spoilt = run(live(strict=False, iterations=130, seed=2, noise=0.0), moved_by_hand)
    assert spoilt.layout()[0].x == 9
    assert spoilt.layout()[1].x == 5


def test_resuming_gives_the_same_collage(tmp_path):
    whole = run(live(seed=4))

    def stop(composition):
        if composition.done >= 50:
            composition.request_stop()

    run(live(seed=4), stop, tmp_path / "state.npz")
    resumed = run(live(seed=4), None, tmp_path / "state.npz", resume=True)
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


@pytest.mark.slow
def test_former_keywords_and_those_of_guidances_are_understood():
    now = {"guidance": "pictogram", "container": "circle", "gradient_blur": (3, 1), "kernel_sigma": 1.0}
    then = {"prior": "pictogram", "within": "circle", "reach": (3, 1), "splat": 1.0}
    made = [vt.compose(PIECES, "a heart", size=80, iterations=5, method="sds", **names) for names in (now, then)]
    assert made[0].layers == made[1].layers
    assert made[0].made_by.options == made[1].made_by.options
    assert made[0].made_by.options["guidance"][0]["method"] == "sds"


@pytest.mark.slow
def test_splatting_composes_too():
    """It comes nearer to a heart, the guidance's own measure says, and is another way of drawing."""
    likeness = {}
    for sigma in (0.0, 1.5):
        composition = live(kernel_sigma=sigma, iterations=300, strict=False)
        found = [step.likeness for step in composition]
        assert np.mean(found[-20:]) > np.mean(found[:10]) + 0.15
        likeness[sigma] = found
    assert likeness[0.0] != likeness[1.5]


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
    alone = vt.compose(PIECES[:1], "a heart", size=100, iterations=60)
    (layer,) = alone.layers
    assert 0 < layer.x < 100
    assert 0 < layer.y < 100
    # Eq. (5): one piece alone is as long as the canvas; what the finish leaves of it is no speck.
    assert layer.scale * max(PIECES[0].width, PIECES[0].height) > 20
    huge = [element(blob(3, 900, 700), "huge")]
    small = vt.compose(huge, "a heart", size=50, count=3, iterations=20)
    assert len(small.layers) + len(small.made_by.report["unplaced"]) == 3
    for layer in small.layers:
        assert layer.scale * 900 < 60
    assert small.made_by.report["overlap"] == 0
    many = vt.compose(PIECES, "a heart", size=300, count=600, iterations=3, strict=False)
    assert [sum(layer.image == piece.image for layer in many.layers) for piece in PIECES] == [75] * 8
    longer = [
        layer.scale * max(piece.width, piece.height) for layer, piece in zip(many.layers, PIECES * 75, strict=True)
    ]
    assert np.median(longer) == pytest.approx(300 * (600**-0.5 + 0.01), rel=0.2)
