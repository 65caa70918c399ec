"""Wide pictures: windows with a prompt each, finished neighbours seen and left alone, nothing cut."""

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from vertumnus.composing.choose import _judge
from vertumnus.composing.compose import run
from vertumnus.composing.wide import wide_runs
from vertumnus.errors import VertumnusError

ICONS = ["icon:leaf,lemon,star"]


def small(seed=3, **more):
    given = {"guidance": "pictogram", "size": 96, "count": 10, "iterations": 40, "seed": seed, "colour": "own"}
    return vt.compose_wide(ICONS, ["a heart|a star"], **given | more)


def test_windows_see_their_neighbours_and_leave_them_alone():
    windows, before = [], None
    for wide, live in wide_runs(
        ICONS, ["a heart|a star", "a star|a heart"], size=96, overlap=0.5, count=8, iterations=20, seed=1
    ):
        number = len(windows)
        known = sum(live.pinned)
        assert [layer.locked for layer in live.inputs.start.layers] == [True] * known if number else known == 0
        before = [layer.model_copy() for layer in wide.collage.layers]
        windows.append((wide.corner(number), known, run(live).document()))
    assert [corner for corner, _, _ in windows] == [(0, 0), (48, 0), (0, 48), (48, 48)]
    assert windows[3][1] > 8  # of three neighbours
    collage = wide.collage
    assert (collage.width, collage.height, len(collage.layers)) == (144, 144, 32)
    assert collage.layers[:24] == before
    told = [report["prompt"] for report in collage.made_by.report["windows"]]
    assert told == ["a heart", "a star", "a star", "a heart"]
    # What was arranged in the last window is what the picture shows there: nothing is cut or covered.
    left, top = windows[3][0]
    part = np.asarray(collage.render(background="white"), int)[top : top + 96, left : left + 96]
    assert np.abs(part - np.asarray(windows[3][2].render(background="white"), int)).max() <= 1


def test_pieces_of_each_window_are_of_the_whole_library():
    collage = small()
    assert {layer.image for layer in collage.layers[:10]} == {layer.image for layer in collage.layers[10:]}


def test_the_same_seed_the_same_bytes(tmp_path):
    for name in "ab":
        small().save(tmp_path / f"{name}.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()
    assert vt.Collage.load(tmp_path / "a.collage").prompt == "a heart | a star"


@pytest.mark.parametrize(
    ("rows", "words"),
    [(["a|b", "c"], "every row must have as many prompts"), (["a||c"], "none of them empty"), ([], "every row")],
)
def test_rows_that_do_not_fit(rows, words):
    with pytest.raises(VertumnusError, match=words):
        vt.compose_wide(ICONS, rows, iterations=1)
    with pytest.raises(VertumnusError, match="`overlap`: must be"):
        vt.compose_wide(ICONS, ["a heart|a star"], overlap=1.0)


def test_from_the_command_line(vertumnus, tmp_path):
    out = tmp_path / "w.png"
    code, said, err = vertumnus(
        "compose", "icon:leaf,lemon", "--wide", "a heart|a star", "--size", "60", "--count", 4, "--iterations", 4,
        "-o", out,
    )  # fmt: skip
    assert code == 0, err
    assert "8 pieces in 2 windows, 100 x 60 pixels" in said
    with Image.open(out) as picture:
        assert picture.size == (100, 60)
    code, _, err = vertumnus("compose", "icon:leaf", "--wide", "a|b", "--prompt", "c", "-o", out)
    assert code == 2
    assert "--wide: has prompts and windows of its own; leave out --prompt" in err


@pytest.mark.slow
def test_the_right_noun_is_in_the_right_window():
    """By the judge of silhouettes, which knows the drawings of a font that does not guide."""
    nouns = ("heart", "house", "crown")
    collage = vt.compose_wide(
        ["icon:circle,leaf"],
        ["|".join(f"a {n}" for n in nouns)],
        size=240,
        overlap=0.1,
        count=40,
        iterations=400,
        drawing="fitting",
    )
    ink = np.asarray(collage.render(background="#ffffff00").getchannel("A"), np.float32) / 255
    judge = _judge()
    for n, noun in enumerate(nouns):
        order = [word for word, _ in judge.rank(np.pad(ink[:, 216 * n : 216 * n + 240], 8))]
        assert min(nouns, key=order.index) == noun
