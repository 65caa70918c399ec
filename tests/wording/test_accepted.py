"""What a word cloud may be made of: every kind of input that the package wordcloud is tested with, and more."""

import io

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

import vertumnus as vt
from vertumnus.cli.app import run
from vertumnus.wording.source import read_words

TEXT = """The Garden of Words, a Lesson

Pears are better than plums. Pears are better than quinces.
A garden is better than a market; two gardens are better than one garden.
Figs aren't special -- 3 figs, 14 figs, 159 figs -- and FIGS are never late.
Although a fig may ripen late, late is often better than never!
"""
WORDS = {"fig": 4, "pear": 3, "plum": 2, "sloe": 1}


def names(text=TEXT, **counting):
    return {word.text: word.weight for word in read_words(text, **counting).words}


def cloud(given=WORDS, shape="canvas", size=(90, 60), **how):
    return vt.word_cloud(given, shape, size=size, quality="fast", **how)


def drawn(collage):
    return np.asarray(collage.render(background="black").convert("RGB")).any(-1)


def test_text_becomes_a_picture_of_the_size_asked_for():
    made = cloud(TEXT, max_words=8, background="black", colors="white")
    assert len(made.layers) == 8
    assert made.render().size == (90, 60)
    assert len({layer.name for layer in made.layers}) == 8


def test_phrases_or_single_words():
    assert "better than" not in names("better than never. " * 20, phrases=1, language="none")
    together = names("better than never. Better late than sorry, says better than. " * 20, language="none")
    assert "better than" in together
    # A phrase never begins or ends with a stop word, nor holds one.
    left = names("better than never. Better never. " * 20, leave_out=["than"], language="none")
    assert not any("than" in name.split() for name in left)


def test_stop_words_in_any_case_and_script():
    assert "Garden" not in names(leave_out=["GARDEN"])
    assert "garden" not in names(leave_out=["Garden"])
    assert "きのこ" not in names("きのこ たけのこ きのこ", leave_out=["きのこ"], language="none")
    assert names(leave_out=("late",)) == names(leave_out={"late"})


def test_plurals_and_capitals():
    found = names(language="none", phrases=1)
    assert "figs" not in found
    assert "Figs" not in found
    assert "garden" in found
    assert set(names("flo flos floss flosss", language="none", phrases=1)) == {"flo", "floss", "flosss"}
    kept = names("flo flos floss flosss", language="none", phrases=1, plurals=False)
    assert set(kept) == {"flo", "flos", "floss", "flosss"}
    # The stop word "was" is no plural of another word.
    assert names("was " * 14 + "wa hello hello", language="en", phrases=1)["wa"] == 1


def test_numbers_lengths_and_patterns():
    assert "14" not in names()
    assert names(numbers=True)["14"] == 1
    assert min(map(len, names(least_letters=5, phrases=1))) == 5
    assert {len(name) for name in names(pattern=r"\b\w{5}\b", language="none", phrases=1, plurals=False)} == {5}
    assert "a" in names(language="none", phrases=1)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"test": 1, "none": 0, "nothing": 0.0}, ["test"]),
        ([("fig", 2), ("pear", 1.5)], ["fig", "pear"]),
        (["fig", "pear"], ["fig", "pear"]),
        ({"fig": np.int64(3), "pear": np.float32(1.0)}, ["fig", "pear"]),
        ("single", ["single"]),
        ("two words", ["two", "words"]),
        ("Ünïcödé Ελλάδα", ["Ελλάδα", "Ünïcödé"]),
    ],
)
def test_weights_and_few_words(given, wanted):
    counting = {"language": "none", "phrases": 1} if isinstance(given, str) else None
    made = cloud(given, counting=counting)
    assert sorted(layer.name for layer in made.layers) == sorted(wanted)
    assert made.made_by.report["unplaced"] == []


@pytest.mark.parametrize("given", [{"fig": 0}, {}, [], "", " \n", "the and of"])
def test_nothing_to_draw_is_said(given):
    with pytest.raises(vt.VertumnusError, match="no word"):
        cloud(given, counting={"language": "en"} if isinstance(given, str) else None)


def test_repeated_words_fill_what_is_asked_for():
    made = cloud("some short text with text", repeat=True, max_words=13, counting={"language": "none"})
    assert len(made.layers) == 13
    assert sum(layer.name == "text" for layer in made.layers) >= 3


def test_masks_are_files_pictures_and_arrays(tmp_path):
    inside = np.zeros((60, 90), bool)
    inside[10:50, 20:80] = True
    dark = np.where(inside, 0, 255)
    Image.fromarray(dark.astype(np.uint8)).save(tmp_path / "mask.png")
    masks = [
        inside,
        dark,
        np.dstack([dark] * 3).astype(np.uint8),
        Image.open(tmp_path / "mask.png"),
        tmp_path / "mask.png",
    ]
    made = [cloud(shape=mask) for mask in masks]
    places = [[(layer.x, layer.y, layer.rotation) for layer in one.layers] for one in made]
    assert all(place == places[0] for place in places)
    assert drawn(made[0])[inside].any()
    assert not drawn(made[0])[~inside].any()
    assert not drawn(cloud(shape=dark, invert=True))[inside].any()
    # Dark all over is all of the canvas, as if none were given.
    whole = [
        [(layer.x, layer.y) for layer in cloud(shape=mask).layers] for mask in (np.zeros((60, 90), int), "canvas")
    ]
    assert whole[0] == whole[1]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((3,)), "3 numbers is no picture"),
        (np.zeros((4, 4, 2)), "4 x 4 x 2 numbers is no picture"),
        (np.full((4, 4), 300), "from 0 to 255"),
        (np.full((4, 4), np.nan), "from 0 to 255"),
        (np.full((40, 40), 255), "one flat colour"),
        (np.array([["a"]]), "from 0 to 255"),
    ],
)
def test_arrays_that_are_no_masks(mask, said):
    with pytest.raises(vt.VertumnusError, match=said):
        cloud(shape=mask)


def test_contours_are_as_wide_and_of_the_colour_asked_for():
    def contour(width, **how):
        made = cloud(shape="circle", contour=width, contour_color="blue", **how)
        pixels = np.asarray(made.render().convert("RGB"))
        return np.count_nonzero((pixels == (0, 0, 255)).all(-1))

    assert 0 < contour(2) < contour(8)
    assert contour(2) < contour(2 * 2, size=(180, 120))


def test_other_colours_leave_every_word_in_its_place():
    first, other = cloud(colors="white"), cloud(colors="tomato")
    assert [(a.x, a.y, a.rotation) for a in first.layers] == [(b.x, b.y, b.rotation) for b in other.layers]
    for color in ("red", "#00b4d2", "rgb(0,255,0)", "rgb(80%,60%,40%)", "hsl(0,100%,50%)", "darkgrey", "black"):
        picture = np.asarray(cloud(color=lambda *_, color=color: color, background=None).render())
        assert len({tuple(pixel) for pixel in picture[picture[..., 3] == 255][:, :3]}) == 1
    small = np.zeros((5, 5, 3), np.uint8)  # smaller than the canvas, and black
    assert (np.asarray(cloud(color_from=small, background=None).render())[..., :3] < 3).all()


def test_the_same_seed_is_the_same_cloud():
    clouds = [cloud(seed=seed).render().tobytes() for seed in (0, 0, 1)]
    assert clouds[0] == clouds[1] != clouds[2]


@pytest.mark.parametrize("size", [1, 3, 21])
def test_small_canvases(size):
    assert len(cloud("better late than never", size=size, counting={"language": "none"}).layers) == 4


def test_text_from_standard_input_and_files(tmp_path, monkeypatch, capsys):
    (tmp_path / "stop.txt").write_text("きのこ\nlate\n", encoding="utf-8")
    (tmp_path / "text.txt").write_text("きのこ たけのこ late never", encoding="utf-8")

    def made(*arguments):
        code = run(["words", *arguments, "-o", str(tmp_path / "out.svg"), "--size", "60", "--quality", "fast"])
        assert code == 0, capsys.readouterr()
        return (tmp_path / "out.svg").read_text(encoding="utf-8")

    counted = made(str(tmp_path / "text.txt"), "--stop-words", str(tmp_path / "stop.txt"))
    assert "<title>never: 1</title>" in counted
    assert "<title>late" not in counted
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"some text")))
    assert "<title>text: 1</title>" in made("-")


# What cannot be used is said in one sentence that names it; see also test_table.py, test_count.py, test_cloud.py.


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fig": 3, "pear": float("nan")}, "pear: weight: must be a number of 0 or more, not nan"),
        ({"fig": 3, "pear": -2}, "pear: weight: must be a number of 0 or more, not -2"),
        ({"fig": 3, "pear": "much"}, "pear: weight: 'much' is not a number"),
        ({"\ue0f0": 2, "\ue0f1\ue0f2": 1}, "no word can be drawn: .* no font at hand has this sign"),
    ],
)
def test_words_that_cannot_be_used(given, said):
    with pytest.raises(vt.VertumnusError, match=said):
        cloud(given)


def test_a_font_without_any_of_the_letters(tmp_path):
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "z"])
    builder.setupCharacterMap({0x17E: "z"})  # of one letter that no word has
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 500))
    pen.lineTo((500, 0))
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "z": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "z": (600, 0)})
    builder.setupHorizontalHeader()
    builder.setupOS2()
    builder.setupNameTable({"familyName": "One", "styleName": "Regular"})
    builder.setupPost()
    builder.save(tmp_path / "one.ttf")
    made = cloud(WORDS, font=tmp_path / "one.ttf")
    assert {layer.name for layer in made.layers} == set(WORDS)  # from another font
    usual = cloud(WORDS)
    assert [made.pictures.drawing(layer.image) for layer in made.layers] == [
        usual.pictures.drawing(layer.image) for layer in usual.layers
    ]


def test_a_word_too_wide_makes_all_smaller_and_is_named():
    wide = "incomprehensibilities" * 3
    made = cloud({wide: 50, "fig": 3, "pear": 2}, size=(60, 120), horizontal=1.0)
    assert [layer.name for layer in made.layers] == [wide, "fig", "pear"]
    assert made.made_by.report["limited_by"] == [wide]
    assert made.made_by.report["coverage"] < 0.05


@pytest.mark.slow
def test_more_words_than_are_placed_are_named_and_counted():
    made = cloud({f"w{n}": 1 + n % 9 for n in range(100_000)}, max_words=5)
    assert len(made.layers) == 5
    assert len(made.made_by.report["unplaced"]) == 99_995
    with pytest.raises(vt.VertumnusError, match=r"max_words.: input should be less than or equal to 20000"):
        cloud(max_words=100_000)
