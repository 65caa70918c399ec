"""Word clouds: proportional, apart, the same at any size, made again; what other programs accept."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from vertumnus.export.svg import save_svg
from vertumnus.wording.glyphs import find_face
from vertumnus.wording.lettering import shares, word_outlines
from vertumnus.wording.source import read_words
from vertumnus.wording.table import as_words

FRUIT = {"fig": 9, "pear": 7, "quince": 5, "apple": 5, "plum": 4, "lemon": 3, "medlar": 2, "sloe": 1, "ágave ♥": 1}


@pytest.fixture(scope="module")
def cloud():
    return vt.word_cloud(FRUIT, "heart", size=240, seed=2, contour=2)


def ink(collage, layer):
    """What of its word a layer shows, canvas pixels: the alpha of its picture added up."""
    alpha = np.asarray(collage.pictures.image(layer.image).getchannel("A"), np.float64)
    return alpha.sum() / 255 * layer.scale**2


def test_every_word_is_there_in_proportion(cloud):
    assert [layer.name for layer in cloud.layers] == ["contour", *FRUIT]
    areas = np.array([ink(cloud, layer) for layer in cloud.layers[1:]])
    np.testing.assert_allclose(areas / areas[0], np.array([*FRUIT.values()]) / 9, rtol=0.02)
    assert cloud.made_by.report["unplaced"] == []
    inside = vt.parse_shape("heart").mask(240, 240).sum()
    assert cloud.made_by.report["coverage"] == pytest.approx(areas.sum() / inside, rel=0.03)


def test_no_two_words_share_a_pixel(cloud):
    words = cloud.model_copy(deep=True)
    del words.layers[0]
    measured = vt.measure_packing(words, vt.parse_shape("heart"))
    assert measured.overlap == 0
    assert measured.spill == 0
    assert measured.coverage > 0.2


@pytest.mark.parametrize("how", ["height", "log"])
def test_other_laws_of_size(how):
    words, outlines, _ = word_outlines(as_words(FRUIT), find_face(None))
    share = shares(words, outlines, how)
    height = np.sqrt(share / [outline.area for outline in outlines])
    weights = np.array([*FRUIT.values()])
    wanted = weights if how == "height" else 1 + np.log(weights / weights.min())
    np.testing.assert_allclose(height / height[-1], wanted / wanted[-1])


def test_the_same_at_any_size(cloud):
    large = vt.word_cloud(FRUIT, "heart", size=720, seed=2, contour=6)
    for one, other in zip(cloud.layers[1:], large.layers[1:], strict=True):
        assert one.rotation == other.rotation
        # To the pixel that an upright picture is put on.
        assert abs(3 * one.x - other.x) < 4
        assert abs(3 * one.y - other.y) < 4
    small = np.asarray(cloud.render().convert("L"), np.float64)
    reduced = np.asarray(large.render().convert("L").resize((240, 240), Image.Resampling.BOX), np.float64)
    assert np.abs(small - reduced).mean() < 2.5


def test_made_again_it_is_the_same_bytes(cloud, tmp_path):
    cloud.save(tmp_path / "c.collage")
    vt.again(vt.Collage.load(tmp_path / "c.collage")).save(tmp_path / "again.collage")
    assert (tmp_path / "again.collage").read_bytes() == (tmp_path / "c.collage").read_bytes()


def test_svg_holds_paths_with_titles_and_no_text(cloud, tmp_path):
    save_svg(cloud, tmp_path / "c.svg")
    text = (tmp_path / "c.svg").read_text()
    assert "<text" not in text
    assert "<image" not in text
    for word, weight in FRUIT.items():
        assert f"<title>{word}: {weight}</title>" in text


def test_angles():
    free = vt.word_cloud(FRUIT, size=150, angles="free", horizontal=0, seed=1, quality="fast")
    assert len({layer.rotation for layer in free.layers}) == len(FRUIT)
    level = vt.word_cloud(FRUIT, size=150, horizontal=1, quality="fast")
    assert {layer.rotation for layer in level.layers} == {0.0}
    chosen = vt.word_cloud(FRUIT, size=150, horizontal=0, angles=(-30, 45), quality="fast")
    assert {layer.rotation for layer in chosen.layers} == {-30.0, 45.0}


def test_colours(tmp_path):
    def fills(**how):
        made = vt.word_cloud(FRUIT, size=120, quality="fast", **how)
        return [re.search(rb'fill="(#\w+)"', made.pictures.drawing(layer.image))[1].decode() for layer in made.layers]

    assert set(fills(colors="tomato gold")) == {"#ff6347", "#ffd700"}
    by_weight = fills(colors=vt.ColorOptions(colors="viridis", color_by="weight"))
    assert by_weight[0] != by_weight[-1]
    assert fills(color=lambda word, x, y, size, degrees: "red" if word.weight > 4 else "blue")[3:5] == [
        "#ff0000",
        "#0000ff",
    ]
    picture = tmp_path / "half.png"
    Image.fromarray(np.repeat(np.array([[[200, 0, 0], [0, 0, 200]]], np.uint8), 2, 0)).resize(
        (40, 40), Image.Resampling.NEAREST
    ).save(picture)
    made = vt.word_cloud(FRUIT, size=120, quality="fast", color_from=picture)
    for layer in made.layers:
        red, _, blue = np.asarray(made.pictures.image(layer.image))[..., :3].reshape(-1, 3)[0]
        if abs(layer.x - 60) > 30:
            assert (red > blue) == (layer.x < 60)
    groups = vt.word_cloud(
        [("fig", 2, "a"), ("pear", 1, "b"), ("plum", 1, "a")], size=99, colors=vt.ColorOptions(color_by="group")
    )
    first, second, third = (
        re.search(rb'fill="(#\w+)"', groups.pictures.drawing(layer.image))[1] for layer in groups.layers
    )
    assert first == third != second


def test_words_are_elements_like_any_other():
    elements = vt.words({"big": 3, "small": 1}, colors="navy")
    assert [element.weight for element in elements] == [1.5, 0.5]
    for element in elements:
        assert element.drawing is not None
        assert element.area == pytest.approx(np.count_nonzero(element.alpha > 127) * 4**element.level, rel=0.02)


@pytest.mark.slow
def test_words_are_packed_with_pictures():
    elements = vt.words({"big": 3, "small": 1}, colors="navy")
    packed = vt.pack([*elements, "icon:apple"], "circle", size=120, count=9, quality="fast")
    assert len(packed.layers) == 9
    assert packed.pictures.drawing(packed.layers[0].image) is not None


def test_a_page_has_links_and_counts(cloud, tmp_path):
    made = vt.word_cloud([("fig & co", 2, "fruit", "https://a.example/?a=1&b=2"), ("pear", 1)], size=90)
    words = read_words([("fig & co", 2, "fruit", "https://a.example/?a=1&b=2"), ("pear", 1)]).words
    vt.save_page(made, words, tmp_path / "p.html", "Fruit <3")
    page = (tmp_path / "p.html").read_text()
    assert '<a href="https://a.example/?a=1&amp;b=2"' in page
    assert 'data-said="fig &amp; co: 2 (fruit)"' in page
    assert "<title>Fruit &lt;3</title>" in page
    assert page.count("<path") == 2
    assert not re.search(r'(src|href)="(?!https://a\.example)', page)


def test_words_that_cannot_be_drawn_or_are_too_many_are_named():
    made = vt.word_cloud({"fig": 3, "\ue0f0": 2, "pear": 1, "plum": 1}, size=90, max_words=3)
    assert {one["name"]: one["reason"][:20] for one in made.made_by.report["unplaced"]} == {
        "\ue0f0": "'\\ue0f0': no font at",
        "plum": "not among the 3 heav",
    }


def test_counters_may_be_kept_free():
    given = {"O": 900, **{f"w{n}": 6 for n in range(70)}}

    def within(**how):
        made = vt.word_cloud(given, size=200, horizontal=1, quality="fast", **how)
        large = made.layers[0]
        return [layer for layer in made.layers[1:] if np.hypot(layer.x - large.x, layer.y - large.y) < 20]

    assert within()
    assert not within(counters=False)


def test_repeated_until_it_is_full():
    made = vt.word_cloud("some short words", size=120, repeat=True, max_words=20, counting={"language": "none"})
    assert len(made.layers) == 20


# What the tests of the package wordcloud give it, and expect of it.


def test_a_mask_is_filled_and_nothing_else(tmp_path):
    mask = np.full((117, 228), 255, np.uint8)
    mask[50:75, 150:200] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = vt.word_cloud("word cloud text", tmp_path / "mask.png", size=(228, 117), counting={"language": "none"})
    drawn = np.asarray(made.render(background="black").convert("RGB")).any(-1)
    assert drawn.any()
    assert {layer.name for layer in made.layers} == {"word", "cloud", "text"}


def test_tiny_canvases():
    made = vt.word_cloud("better late than never someone will say", size=21, counting={"language": "none"})
    assert len(made.layers) == 7
    assert len(vt.word_cloud("word", size=1).layers) == 1


def test_binary_is_no_text(tmp_path):
    path = tmp_path / "image.txt"
    Image.new("RGB", (5, 5)).save(path, "PNG")
    with pytest.raises(vt.VertumnusError, match=r"image\.txt: cannot be read as text"):
        read_words(Path(path))
    path.write_bytes(b"words\0and zeros")
    with pytest.raises(vt.VertumnusError, match="zero bytes"):
        read_words(Path(path))
