"""The judge of silhouettes, on icons of one font that it knows and of others that it does not."""

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from vertumnus.elements.icons import draw_icon, find_icon
from vertumnus.errors import VertumnusError
from vertumnus.metrics.contour import joined_silhouette
from vertumnus.metrics.silhouette import SilhouetteJudge, fitted_silhouette, silhouette_features
from vertumnus.render.picture import render

NOUNS = [
    "anchor", "bell", "bicycle", "bug", "bus", "camera", "cat", "cloud", "crown", "dog", "dove", "fire", "fish",
    "flag", "gift", "hammer", "heart", "house", "key", "leaf", "mountain", "paw", "pen", "plane", "rocket",
    "scissors", "skull", "snowflake", "star", "sun", "tree", "trophy", "truck", "umbrella",
]  # fmt: skip


def ink(name, side=96):
    return np.pad(draw_icon(find_icon(name), side, side).astype(np.float32) / 255, 10)


@pytest.fixture(scope="module")
def judge():
    return SilhouetteJudge((noun, ink(f"fa6.{noun}")) for noun in NOUNS)


def test_it_names_what_it_knows(judge):
    assert judge.nouns == tuple(NOUNS)
    for noun in NOUNS[:10]:
        ranked = judge.rank(ink(f"fa6.{noun}"))
        assert ranked[0][0] == noun
        assert sorted(name for name, _ in ranked) == sorted(NOUNS)
        assert [distance for _, distance in ranked] == sorted(distance for _, distance in ranked)


@pytest.mark.parametrize(
    "change",
    [
        lambda ink: ink[:, ::-1],
        lambda ink: np.pad(ink, ((80, 0), (3, 40))),
        lambda ink: np.kron(ink, np.ones((3, 3), np.float32)),
        lambda ink: ink > 0.5,
        lambda ink: np.asarray(Image.fromarray(ink).resize((70, 70))),
        lambda ink: np.asarray(Image.fromarray(ink).rotate(9, Image.Resampling.BILINEAR, expand=True)),
    ],
    ids=["mirrored", "moved", "larger", "hard", "smaller", "turned"],
)
def test_place_size_and_a_small_turn_do_not_matter(judge, change):
    for noun in ("key", "cat", "scissors", "plane"):
        before, after = dict(judge.rank(ink(f"fa6.{noun}"))), dict(judge.rank(change(ink(f"fa6.{noun}"))))
        assert min(after, key=after.get) == noun
        assert after[noun] - before[noun] < 0.15
        assert judge.margin(change(ink(f"fa6.{noun}")), noun) > 0.2


def test_the_distance_against_a_plain_computation():
    drawings = [
        ("fish", ink("fa6.fish")),
        ("bird", ink("fa6.dove")),
        ("bird", ink("fa6.crow")),
        ("key", ink("fa6.key")),
    ]
    features = [silhouette_features(drawing) for _, drawing in drawings]
    asked = ink("fa6.bug")
    turned = [Image.fromarray(asked).rotate(turn, Image.Resampling.BILINEAR, expand=True) for turn in (10, -10)]
    views = [silhouette_features(flip(view)) for view in (asked, *turned) for flip in (np.array, np.fliplr)]
    expected = {}
    for (noun, _), own in zip(drawings, features, strict=True):
        around = [sum((own - far) ** 2) for (other, _), far in zip(drawings, features, strict=True) if other != noun]
        distance = min(sum((view - own) ** 2) for view in views) - 0.5 * np.mean(around)
        expected[noun] = min(distance, expected.get(noun, np.inf))
    assert dict(SilhouetteJudge(drawings).rank(asked)) == pytest.approx(expected, abs=1e-4)
    assert np.linalg.norm(features[0]) == pytest.approx(1, abs=1e-5)


def test_one_noun_alone():
    alone = SilhouetteJudge([("fish", ink("fa6.fish"))])
    assert alone.rank(ink("fa6.fish"))[0] == ("fish", pytest.approx(0, abs=1e-5))


def test_the_nearest_of_several_drawings_counts():
    both = SilhouetteJudge([("pet", ink("fa6.cat")), ("key", ink("fa6.key")), ("pet", ink("fa6.dog"))])
    assert both.nouns == ("pet", "key")
    assert [name for name, _ in both.rank(ink("fa6.dog"))] == ["pet", "key"]
    assert both.margin(ink("fa6.cat"), "pet") > 0.2


def test_the_margin_says_how_clear_it_is(judge):
    ranked = judge.rank(ink("fa6.star"))
    assert judge.margin(ink("fa6.star"), "star") == pytest.approx(ranked[1][1] - ranked[0][1])
    second, distance = ranked[1]
    assert judge.margin(ink("fa6.star"), second) == pytest.approx(ranked[0][1] - distance)
    with pytest.raises(VertumnusError, match="does not know 'yeti'"):
        judge.margin(ink("fa6.star"), "yeti")


def test_it_names_drawings_of_fonts_it_has_not_seen(judge):
    asked = [f"{font}.{noun}" for font in ("mdi6", "phosphor") for noun in NOUNS if _drawn(f"{font}.{noun}")]
    assert len(asked) > 45
    places = [[name for name, _ in judge.rank(ink(name))].index(name.split(".")[1]) for name in asked]
    assert np.mean(np.array(places) < 1) > 0.7
    assert np.mean(np.array(places) < 5) > 0.75


def _drawn(name):
    try:
        return bool(find_icon(name))
    except VertumnusError:
        return False


def test_it_names_a_collage(judge):
    pieces = ["icon:apple", "icon:lemon", "icon:carrot", "icon:bell", "icon:fish"]
    for noun in ("heart", "fish"):
        collage = vt.pack(pieces, f"icon:fa6.{noun}", size=200, count=40, quality="fast")
        whole = joined_silhouette(render(collage))
        assert judge.rank(whole)[0][0] == noun
        assert judge.margin(whole, noun) > 0


def test_small_gaps_and_teeth_are_smoothed_and_proportions_kept():
    bar = np.zeros((200, 100), np.float32)
    bar[20:180, 40:60] = 1
    broken = bar.copy()
    broken[98:101] = 0
    broken[60:62, 60:62] = 1
    a, b = fitted_silhouette(bar), fitted_silhouette(broken)
    assert np.abs(a - b).mean() < 0.01
    tall, wide = (np.flatnonzero((a > 0.5).any(axis)) for axis in (1, 0))
    assert len(tall) == 48
    assert len(wide) == pytest.approx(6, abs=1)


def test_lines_as_thin_as_a_pixel_count():
    frame = np.zeros((400, 400), np.float32)
    frame[50:350, 50] = frame[50:350, 349] = frame[50, 50:350] = frame[349, 50:350] = 1
    assert fitted_silhouette(frame).any()


def test_nothing_to_judge(judge):
    with pytest.raises(VertumnusError, match="ink: there is none"):
        judge.rank(np.zeros((20, 20)))
    with pytest.raises(VertumnusError, match="needs at least one drawing"):
        SilhouetteJudge([])
