"""Justified rows and treemaps: nothing is left free but the gaps, aspects are kept, documents say what is cropped."""

import numpy as np
import pytest

import vertumnus as vt
from drawn import element
from vertumnus.packing.arrange import justified, treemap

BOX = (10.0, 20.0, 330.0, 240.0)


def photographs(count):
    found = []
    for n in range(count):
        width, height = [(60, 40), (40, 60), (64, 48), (48, 64), (80, 45)][n % 5]
        pixels = np.full((height, width, 4), 255, np.uint8)
        pixels[..., :3] = 40 + 20 * n % 200
        pixels[:, : width // 2, 0] = n * 7 % 256
        found.append(element(pixels, f"p{n}"))
    return found


def cells(way, aspects, gap, crop):
    if way == "justified":
        return justified(aspects, BOX, gap, crop)
    return treemap(aspects, np.ones(len(aspects)), BOX, gap, crop, np.random.default_rng(0))


@pytest.mark.parametrize("way", ["justified", "treemap"])
@pytest.mark.parametrize(("count", "gap"), [(30, 0.0), (30, 3.0), (1, 0.0), (2, 1.0)])
def test_cells_do_not_overlap_and_keep_aspects(way, count, gap, monkeypatch):
    monkeypatch.setattr("vertumnus.packing.arrange.STEPS", 400_000)  # of the tree's search, a tenth
    rng = np.random.default_rng(count)
    aspects = rng.choice([4 / 3, 3 / 4, 1.5, 16 / 9], count)
    found = cells(way, aspects, gap, 0.15)
    left, top, right, bottom = found
    wide, tall = right - left, bottom - top
    assert left.min() >= BOX[0] - 1e-6
    assert top.min() >= BOX[1] - 1e-6
    assert right.max() <= BOX[2] + 1e-6
    assert bottom.max() <= BOX[3] + 1e-6
    for i in range(count):
        for j in range(i):
            across = max(left[i], left[j]) - min(right[i], right[j])
            down = max(top[i], top[j]) - min(bottom[i], bottom[j])
            assert max(across, down) >= gap - 1e-6
    factor = wide / tall / aspects
    assert np.minimum(factor, 1 / factor).min() >= 1 - (0.15 if not gap else 0.25) - 1e-9
    if count == 30 and not gap:
        assert (wide * tall).sum() == pytest.approx(320 * 220, rel=1e-6)


def test_rows_are_in_order_and_areas_follow_weights():
    found = cells("justified", np.full(12, 1.5), 0.0, 0.15)
    assert sorted(range(12), key=lambda i: (round(found.top[i]), found.left[i])) == list(range(12))
    weights = np.array([8.0] + [1.0] * 9)
    tree = treemap(np.full(10, 1.5), weights, BOX, 0.0, 0.15, np.random.default_rng(0))
    area = (tree.right - tree.left) * (tree.bottom - tree.top)
    assert area.argmax() == 0
    assert area[0] > 3 * np.median(area)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["justified", "treemap"])
def test_a_wall_of_photographs_is_full_and_can_be_made_again(way, tmp_path):
    collage = vt.pack(photographs(24), "canvas", size=(300, 200), arrange=way, gap=2.0)
    report = collage.made_by.report
    assert report["overlap"] == report["spill"] == 0
    image = np.asarray(collage.render(scale=2))
    covered = image[..., 3] == 255
    assert covered.mean() == pytest.approx(report["coverage"], abs=0.02)
    assert report["coverage"] > 0.85
    for layer in collage.layers:
        width, height = collage.pictures.image(layer.image).size
        _, _, w, h = layer.crop or (0, 0, width, height)
        assert w >= 0.7 * width
        assert h >= 0.7 * height
        assert 0.9 < layer.squeeze < 1.1
    collage.save(tmp_path / "a.collage")
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


@pytest.mark.slow
def test_rows_fill_a_shape_and_can_be_made_again(tmp_path):
    collage = vt.pack(photographs(5), "heart", size=150, count=30, arrange="justified", apart=False)
    report = collage.made_by.report
    assert len(collage.layers) == 30
    assert report["overlap"] == report["spill"] == 0
    assert report["coverage"] > 0.8
    covered = np.asarray(collage.render(scale=2))[..., 3] == 255
    inside = vt.parse_shape("heart").mask(300, 300)
    assert (covered & inside).sum() / inside.sum() == pytest.approx(report["coverage"], abs=0.02)
    collage.save(tmp_path / "a.collage")
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


def test_bad_arrangements_are_one_sentence(blobs):
    for elements, shape, options, words in (
        (blobs, "canvas", {}, "is no rectangle"),
        (photographs(4), "circle", {"arrange": "treemap"}, "treemaps fill rectangles, and this shape is none"),
        (photographs(4), "circle", {"border": 80.0}, "leaves nothing"),
        (photographs(4), "circle", {"count": 4000, "gap": 9.0}, "too small for 4,000 pictures"),
        (photographs(4), "circle", {"count": 6000}, "is more than rows in a shape are made of"),
        (photographs(4), "canvas", {"border": 80.0}, "leaves nothing"),
        (photographs(4), "canvas", {"sizes": "fixed"}, "arrange goes without"),
    ):
        with pytest.raises(vt.VertumnusError, match=words):
            vt.pack(elements, shape, size=100, **{"arrange": "justified"} | options)
