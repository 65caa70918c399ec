"""The world of icons: seeded, recognisable, told truly."""

from dataclasses import replace

import numpy as np
import pytest

from vertumnus.models.mini.captions import Form, caption, wrong_captions
from vertumnus.models.mini.vocabulary import (
    COLOURS,
    HELD_OUT_FONT,
    SIDES,
    TRAINED_FONTS,
    glyphs_of,
    nouns,
    with_article,
)
from vertumnus.models.mini.world import SIMPLE, Ground, Scene, Thing, World, WorldOptions, held_out


@pytest.fixture(scope="module")
def world():
    return World(3, WorldOptions(nouns=24))


def test_the_vocabulary_is_large_and_drawn_in_fonts_that_are_not_held_out():
    assert len(nouns()) >= 200
    assert len(set(nouns())) == len(nouns())
    for noun in nouns():
        glyphs = glyphs_of(noun)
        assert glyphs
        assert all(glyph.font in TRAINED_FONTS for glyph in glyphs)
    assert HELD_OUT_FONT not in TRAINED_FONTS
    assert sum(bool(glyphs_of(noun, (HELD_OUT_FONT,))) for noun in nouns(48)) >= 40
    assert sum(len(glyphs_of(noun)) > 1 for noun in nouns()) > 100


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
    scenes = [world.scene(number) for number in range(400)]
    counts = np.bincount([len(scene.things) for scene in scenes], minlength=5)
    assert (counts[1:5] > 0).all()
    assert counts[0] == 0
    assert {thing.colour for scene in scenes for thing in scene.things} == set(COLOURS)
    assert {scene.side for scene in scenes} >= set(SIDES)
    assert {scene.ground.kind for scene in scenes} == {"plain", "gradient", "dots", "stripes", "checks"}
    assert {thing.fill for scene in scenes for thing in scene.things} == {0, 1, 2, 3}
    assert any(scene.caption == "" for scene in scenes)
    for scene in scenes:
        for thing in scene.things:
            assert not held_out(thing.noun, thing.colour)
            assert thing.colour != scene.ground.colour
            assert abs(thing.rotation) <= world.options.turn
            reach = thing.extent / 2
            assert reach - 0.01 <= thing.x <= 1.01 - reach
            assert reach - 0.01 <= thing.y <= 1.01 - reach


def test_held_out_combinations_are_the_others():
    world = World(0, replace(SIMPLE, nouns=48, combinations="held out"))
    for number in range(40):
        (thing,) = world.scene(number).things
        assert held_out(thing.noun, thing.colour)
    share = np.mean([held_out(noun, colour) for noun in nouns(48) for colour in COLOURS])
    assert 0.03 < share < 0.2


def scene_of(*things, layout="single", side="", alike=False, form=None):
    made = tuple(
        Thing(noun, colour, size, (0.0, 0.0, 0.0), 0, 0, 0.5, 0.5, 0.5, 0.0, False) for size, colour, noun in things
    )
    ground = Ground("green", "plain", (0.0, 1.0, 0.0), (0.0, 1.0, 0.0))
    return Scene(made, ground, layout, side, alike, form or Form())


FISH, STAR = ("small", "red", "fish"), ("", "yellow", "star")


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (scene_of(FISH), "a red fish"),
        (scene_of(FISH, form=Form(colour=False, bare=True)), "fish"),
        (scene_of(FISH, side="left", form=Form(size=True, side=True)), "a small red fish on the left"),
        (
            scene_of(FISH, STAR, layout="row", form=Form(size=True, side=True, ground=True)),
            "a small red fish left of a yellow star, on green",
        ),
        (scene_of(FISH, STAR, layout="row", form=Form(side=True, turned=True)), "a yellow star right of a red fish"),
        (scene_of(FISH, STAR, layout="column", form=Form(side=True)), "a red fish above a yellow star"),
        (
            scene_of(
                ("", "red", "apple"), ("", "red", "apple"), alike=True, form=Form(False, opening="a picture of ")
            ),
            "a picture of two apples",
        ),
        (scene_of(("", "orange", "key")), "an orange key"),
    ],
)
def test_captions_say_what_the_scene_shows(scene, text):
    assert caption(scene) == text


def test_wrong_captions_are_wrong_in_one_respect():
    rng = np.random.default_rng(0)
    scene = scene_of(FISH, STAR, layout="row", form=Form(side=True, ground=True))
    right, wrong = caption(scene), wrong_captions(scene, nouns(24), rng)
    assert set(wrong) == {"noun", "colour", "side", "swap", "ground"}
    assert wrong["side"] == "a yellow star left of a red fish, on green"
    assert wrong["swap"] == "a yellow fish left of a red star, on green"
    assert wrong["ground"].startswith(right.split(",")[0])
    for text in wrong.values():
        assert text != right
    changed = [a != b for a, b in zip(right.split(), wrong["noun"].split(), strict=True)]
    assert 1 <= sum(changed) <= 2  # the noun, and perhaps its article


def test_nothing_told_can_be_wrong():
    assert set(wrong_captions(scene_of(FISH, form=Form(colour=False)), nouns(24), np.random.default_rng(0))) == {
        "noun"
    }


def test_colours_are_what_the_caption_says():
    world = World(1, SIMPLE)
    for number in range(30):
        scene = world.scene(number)
        picture = world.draw(scene).astype(float) / 255
        (thing,) = scene.things
        alone = world.layers(scene)[1][0]
        inside = picture[alone[..., 3] == 255].mean(0)
        assert np.abs(inside - np.array(thing.rgb)).max() < 0.02
        assert np.linalg.norm(inside - np.array(COLOURS[thing.colour]) / 255) < 0.15
        assert np.linalg.norm(picture[0, 0] - np.array(COLOURS[scene.ground.colour]) / 255) < 0.15


def test_layers_laid_over_each_other_are_the_scene(world):
    for number in range(12):
        scene = world.scene(number)
        layers = world.layers(scene)
        assert len(layers) == len(scene.things) + 1
        canvas = np.zeros((world.side, world.side, 3))
        for rgba, text in layers:
            alpha = rgba[..., 3:] / 255.0
            canvas = rgba[..., :3] / 255.0 * alpha + canvas * (1 - alpha)
            assert text
        assert np.abs(canvas - world.draw(scene) / 255.0).max() < 0.02
        for (_, text), thing in zip(layers[1:], scene.things, strict=True):
            assert text == with_article(f"{thing.colour} {thing.noun}")


def test_silhouettes_are_the_glyphs_ink(world):
    ink = world.silhouette("heart")
    assert ink.shape == (world.side, world.side)
    assert ink.min() >= 0
    assert ink.max() == pytest.approx(1, abs=1e-3)
    rows = np.nonzero(ink.max(1) > 0.5)[0]
    assert abs((rows[0] + rows[-1]) / 2 - world.side / 2) < 2
    assert not np.array_equal(ink, world.silhouette("star"))


def test_a_held_out_style_can_be_drawn():
    world = World(0, replace(SIMPLE, fonts=(HELD_OUT_FONT,), nouns=24))
    assert {glyph.font for glyph in world.glyphs} == {HELD_OUT_FONT}
    assert world.draw(world.scene(0)).std() > 5
