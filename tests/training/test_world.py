"""The world of icons: seeded, recognisable, told truly."""

import json
from dataclasses import replace

import numpy as np
import pytest
from captions import Form, caption, relation, wrong_captions
from drawings import CHOOSING, COLOURED, EMOJI, FAMILIES, HERE, JUDGED_EMOJI, JUDGING, TRAINED, drawings_of, render
from fills import FILLS, HELD_OUT_FILLS, fill_ink
from grounds import PHOTOGRAPHS, TESTED_PHOTOGRAPHS, Ground, backdrop
from world import MOST, PAIRS, SIMPLE, Scene, Thing, World, WorldOptions, held_out

from vertumnus.models.mini.vocabulary import COLOURS, SIDES, nouns

KNOWN = nouns(64)


@pytest.fixture(scope="module")
def world():
    return World(3, WorldOptions(nouns=24))


def test_families_are_kept_apart():
    groups = (TRAINED, CHOOSING, JUDGING, EMOJI, JUDGED_EMOJI)
    assert sorted(family for group in groups for family in group) == sorted(set(FAMILIES))
    assert not set(PHOTOGRAPHS) & set(TESTED_PHOTOGRAPHS)
    assert not set(FILLS) & set(HELD_OUT_FILLS)


def test_every_noun_is_drawn_by_several_hands_and_by_the_judges_own():
    counts = [len(drawings_of(noun)) for noun in KNOWN]
    assert min(counts) >= 3
    assert np.mean(np.array(counts) >= 4) > 0.95
    for noun in KNOWN:
        assert len({drawing.family for drawing in drawings_of(noun)}) >= 2
        assert drawings_of(noun, JUDGING), noun
    assert sum(bool(drawings_of(noun, CHOOSING)) for noun in KNOWN) >= 60
    assert sum(bool(drawings_of(noun, EMOJI)) for noun in KNOWN) >= 60


def test_all_drawings_may_be_passed_on():
    stored = json.loads((HERE / "drawings.json").read_text())
    assert set(stored["licences"]) == set(FAMILIES)
    assert {licence["spdx"] for licence in stored["licences"].values()} <= {
        "Apache-2.0",
        "MIT",
        "CC0-1.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "OFL-1.1",
    }
    assert {name.partition(":")[0] for name in stored["drawings"]} == set(FAMILIES)


def test_a_drawing_is_its_ink():
    for drawing in (drawings_of("heart")[0], drawings_of("fish", EMOJI)[0]):
        ink = render(drawing, 60)
        assert max(ink.shape[:2]) == 60
        assert all(ink[..., 3].max(axis).min() > 0 for axis in (0, 1))  # cut out closely, and whole
        assert drawing.coloured == (drawing.family in COLOURED) == bool(ink[ink[..., 3] > 250][:, :3].std() > 5)


def test_fills_keep_the_ink_and_differ():
    ink = render(drawings_of("heart")[0], 60)[..., 3]
    filled = [fill_ink(ink, fill) for fill in (*FILLS, *HELD_OUT_FILLS)]
    for fill, picture in zip((*FILLS, *HELD_OUT_FILLS), filled, strict=True):
        assert (picture[..., :3] <= picture[..., 3:]).all()
        inner = picture[3:-3, 3:-3, 3]
        assert np.array_equal(inner, ink) or fill == "outlined"
    assert len({picture[..., 0].tobytes() for picture in filled}) == len(filled)


@pytest.mark.slow
def test_the_same_number_is_the_same_scene_and_another_is_another(world):
    again = World(3, WorldOptions(nouns=24))
    first, captions = world.batch(10, 6)
    second, same = again.batch(10, 6)
    assert np.array_equal(first, second)
    assert captions == same
    other, _ = World(4, WorldOptions(nouns=24)).batch(10, 6)
    assert not np.array_equal(first, other)
    assert len(set(captions)) > 3


def test_a_long_run_of_scenes_keeps_to_its_options(world):
    scenes = [world.scene(number) for number in range(600)]
    shares = np.bincount([len(scene.things) for scene in scenes], minlength=4)[1:] / len(scenes)
    assert shares == pytest.approx(world.options.counts, abs=0.07)
    things = [thing for scene in scenes for thing in scene.things]
    assert {thing.colour for thing in things} == {*COLOURS, ""}
    assert {scene.side for scene in scenes} == {*SIDES, ""}
    kinds = {scene.ground.kind for scene in scenes}
    assert kinds == {"plain", "gradient", "dots", "stripes", "checks", "texture", "photo"}
    assert {thing.fill for thing in things} == set(FILLS)
    assert any(scene.caption == "" for scene in scenes)
    single = [scene.things[0].extent for scene in scenes if len(scene.things) == 1]
    assert 0.25 <= min(single) < 0.32
    assert 0.72 < max(single) <= 0.8
    for scene in scenes:
        for thing in scene.things:
            assert not thing.colour or not held_out(thing.noun, thing.colour)
            assert thing.colour != scene.ground.colour or not thing.colour
            assert abs(thing.rotation) <= world.options.turn
            reach = thing.extent / 2
            assert reach - 0.03 <= thing.x <= 1.03 - reach
            assert reach - 0.03 <= thing.y <= 1.03 - reach


def test_every_drawing_of_a_noun_turns_up():
    world = World(0, replace(SIMPLE, nouns=("star", "cat")))
    met = {world.drawings[world.scene(number).things[0].drawing] for number in range(120)}
    assert met == {*drawings_of("star"), *drawings_of("cat")}


def test_a_canvas_need_not_be_square():
    world = World(0, WorldOptions(nouns=8), aspect=(1.5, 1.0), side=64)
    scenes = [world.scene(number) for number in range(80)]
    picture, masks = world.draw_with_masks(scenes[0])
    assert picture.shape == (64, 96, 3)
    assert masks.shape == (MOST, 64, 96)
    across = [thing.x for scene in scenes for thing in scene.things]
    assert min(across) < 0.4
    assert max(across) > 1.1


@pytest.mark.slow
def test_held_out_combinations_are_the_others():
    world = World(0, replace(SIMPLE, nouns=48, combinations="held out"))
    for number in range(40):
        (thing,) = world.scene(number).things
        assert held_out(thing.noun, thing.colour)
    share = np.mean([held_out(noun, colour) for noun in nouns(48) for colour in COLOURS])
    assert 0.03 < share < 0.2


def scene_of(*things, side="", alike=False, form=None, ground="green"):
    made = tuple(
        Thing(noun, colour, size, (0.0, 0.0, 0.0), 0, "flat", x, y, 0.3, 0.0, False)
        for size, colour, noun, x, y in things
    )
    kind = "plain" if ground else "photo"
    return Scene(made, Ground(ground, kind, (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)), side, alike, form or Form())


FISH, STAR = ("small", "red", "fish", 0.2, 0.5), ("", "yellow", "star", 0.8, 0.6)
CAR = ("", "blue", "car", 0.3, 0.9)


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (scene_of(FISH), "a red fish"),
        (scene_of(FISH, form=Form(colour=False, bare=True)), "fish"),
        (scene_of(FISH, side="left", form=Form(size=True, side=True)), "a small red fish on the left"),
        (
            scene_of(FISH, STAR, form=Form(size=True, side=True, ground=True)),
            "a small red fish left of a yellow star, on green",
        ),
        (scene_of(FISH, STAR, form=Form(side=True, turned=True)), "a yellow star right of a red fish"),
        (scene_of(FISH, CAR, form=Form(side=True)), "a red fish above a blue car"),
        (scene_of(FISH, STAR, CAR), "a red fish, a yellow star and a blue car"),
        (
            scene_of(FISH, STAR, CAR, form=Form(side=True)),
            "a red fish left of a yellow star and above a blue car",
        ),
        (
            scene_of(
                ("", "red", "apple", 0.2, 0.2),
                ("", "red", "apple", 0.7, 0.7),
                alike=True,
                form=Form(False, opening="a picture of "),
            ),
            "a picture of two apples",
        ),
        (scene_of(("", "orange", "key", 0.5, 0.5)), "an orange key"),
        (scene_of(FISH, ground="", form=Form(ground=True)), "a red fish, on a photo"),
    ],
)
def test_captions_say_what_the_scene_shows(scene, text):
    assert caption(scene) == text


def test_relations_are_those_of_the_places(world):
    told = 0
    for scene in map(world.scene, range(300)):
        if len(scene.things) != 2 or scene.alike or not scene.form.side or not scene.caption:
            continue
        one, two = scene.things[::-1] if scene.form.turned else scene.things
        found = [words for words in ("left of", "right of", "above", "below") if words in scene.caption]
        across, down = one.x - two.x, one.y - two.y
        true = {"left of": across < 0, "right of": across > 0, "above": down < 0, "below": down > 0}
        assert len(found) == 1
        assert true[found[0]]
        assert scene.caption.index(one.noun) < scene.caption.index(found[0])
        assert relation(two, one) != relation(one, two)
        told += 1
    assert told > 40


def test_wrong_captions_are_wrong_in_one_respect():
    rng = np.random.default_rng(0)
    scene = scene_of(FISH, STAR, form=Form(side=True, ground=True))
    right, wrong = caption(scene), wrong_captions(scene, nouns(24), rng)
    assert set(wrong) == {"noun", "colour", "side", "swap", "ground"}
    assert wrong["side"] == "a red fish right of a yellow star, on green"
    assert wrong["swap"] == "a yellow fish left of a red star, on green"
    assert wrong["ground"].startswith(right.split(",")[0])
    for text in wrong.values():
        assert text != right
    changed = [a != b for a, b in zip(right.split(), wrong["noun"].split(), strict=True)]
    assert 1 <= sum(changed) <= 2  # the noun, and perhaps its article


def test_nothing_told_can_be_wrong():
    wrong = wrong_captions(scene_of(FISH, form=Form(colour=False)), nouns(24), np.random.default_rng(0))
    assert set(wrong) == {"noun"}


@pytest.mark.slow
def test_colours_are_what_the_caption_says():
    world = World(1, SIMPLE)
    for number in range(30):
        scene = world.scene(number)
        picture, masks = world.draw_with_masks(scene)
        (thing,) = scene.things
        inside = picture[masks[0] == 255].mean(0) / 255
        assert np.abs(inside - np.array(thing.rgb)).max() < 0.02
        assert np.linalg.norm(inside - np.array(COLOURS[thing.colour]) / 255) < 0.15
        assert np.linalg.norm(picture[0, 0] / 255 - np.array(COLOURS[scene.ground.colour]) / 255) < 0.15


def test_masks_tell_what_is_seen_of_each_thing(world):
    hidden = 0
    for scene in map(world.scene, range(60)):
        picture, masks = world.draw_with_masks(scene)
        seen = masks / 255
        alone = [world.layer(thing)[..., 3] for thing in scene.things]
        through = np.prod([1 - cover for cover in alone], axis=0)
        assert np.abs(seen.sum(0) - (1 - through)).max() < 0.02
        assert np.abs(seen[len(alone) - 1] - alone[-1]).max() < 0.01  # nothing lies on the last
        assert not seen[len(alone) :].any()
        ground = backdrop(scene.ground, world.width, world.height)
        assert np.abs(picture / 255 - ground)[through > 0.999].max() < 0.01
        hidden += int((alone[0] - seen[0]).max() > 0.5)
    assert hidden <= 12  # things seldom cover one another


def test_pairs_lie_side_by_side_or_one_above_the_other():
    world = World(0, replace(PAIRS, nouns=12))
    for scene in map(world.scene, range(40)):
        one, two = scene.things
        assert max(abs(one.x - two.x), abs(one.y - two.y)) == pytest.approx(0.48)
        assert min(abs(one.x - two.x), abs(one.y - two.y)) == pytest.approx(0)
        assert one.noun != two.noun


def test_silhouettes_are_the_drawings_ink(world):
    ink = world.silhouette("heart")
    assert ink.shape == (world.side, world.side)
    assert ink.min() >= 0
    assert ink.max() == pytest.approx(1, abs=1e-3)
    rows = np.nonzero(ink.max(1) > 0.5)[0]
    assert abs((rows[0] + rows[-1]) / 2 - world.side / 2) < 2
    assert not np.array_equal(ink, world.silhouette("heart", 1))
    assert not np.array_equal(ink, world.silhouette("star"))


def test_a_held_out_style_can_be_drawn():
    world = World(0, replace(SIMPLE, families=JUDGING, nouns=24))
    assert {drawing.family for drawing in world.drawings} <= set(JUDGING)
    assert world.draw(world.scene(0)).std() > 5
    personal = World(0, replace(SIMPLE, nouns=("star",), flat=0.0, fills=HELD_OUT_FILLS))
    assert {personal.scene(n).things[0].fill for n in range(20)} == set(HELD_OUT_FILLS)
