"""Features tell colour and orientation apart, and follow crops, flips and turns."""

import numpy as np
import pytest
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import decode_srgb, perceptual
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.crops import crop_boxes, oriented, variants
from vertumnus.mosaic.match.features import FeatureSpec, mean_colours, tile_features
from vertumnus.mosaic.match.grid import regular_grid


def stripes(angle, phase=0.0, size=8):
    y, x = np.mgrid[:size, :size]
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / 4 + phase)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def test_colour_is_the_mean_of_sub_cells():
    samples = np.random.default_rng(0).random((5, 8, 8, 3)).astype(np.float32)
    for space in ("oklab", "lab", "rgb"):
        values = FeatureSpec(space=space, edges=0, mean=0).of(samples)[2].reshape(4, 4, 3)[1, 2] * 4
        mean = samples[2, 2:4, 4:6].mean(axis=(0, 1))  # of sRGB values, as whatever makes a picture smaller does
        plain = mean if space == "rgb" else perceptual(decode_srgb(mean), space)
        np.testing.assert_allclose(values, plain, atol=2e-4)
    spec = FeatureSpec(edges=0, mean=0)
    features = spec.of(samples)
    # A difference of d everywhere costs d squared.
    shifted = features.reshape(5, 16, 3) + np.float32(0.1 / 4)
    assert ((shifted - features.reshape(5, 16, 3)) ** 2).sum(axis=(1, 2)) == pytest.approx(np.full(5, 0.03), rel=1e-4)
    np.testing.assert_allclose(
        mean_colours(features, spec, None)[0], features[0].reshape(16, 3).sum(axis=0) / 4, atol=1e-5
    )


def test_the_whole_counts_beside_its_parts():
    samples = np.random.default_rng(1).random((3, 8, 8, 3)).astype(np.float32)
    for colour in (0.0, 2.0):
        spec = FeatureSpec(colour=colour, edges=0.1, mean=0.7)
        features = spec.of(samples)
        assert features.shape == (3, spec.width)
        plain = perceptual(decode_srgb(samples.mean(axis=(1, 2))))
        np.testing.assert_allclose(mean_colours(features, spec, None), plain, atol=2e-4)
        other = samples[:, ::-1, ::-1]  # the same mean: what tells them apart is the parts alone
        away = ((spec.of(other) - features) ** 2).sum(axis=1)
        parts = FeatureSpec(colour=colour, edges=0.1, mean=0)
        np.testing.assert_allclose(away, ((parts.of(other) - parts.of(samples)) ** 2).sum(axis=1), rtol=1e-3)
    alone = FeatureSpec(colour=0, edges=0, mean=1).of(samples)
    np.testing.assert_allclose(alone, plain, atol=2e-4)


def test_edges_tell_orientation_and_not_phase():
    spec = FeatureSpec(side=4, colour=0, edges=1, mean=0)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    features = spec.of(np.stack([stripes(angle) for angle in angles] + [stripes(0, 1.3)]))
    away = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    assert away[0, 4] < 0.2 * away[0, 2]
    assert away[0, 1] < away[0, 2]
    assert away[1, 3] > 2 * away[0, 4]


def test_variants_show_what_the_renderer_shows(tiles):
    """Features of a flipped and turned crop are those of the picture so cropped, flipped and turned."""
    update_index(tiles)
    library = TileLibrary([tiles])
    grid = regular_grid(100, 100, 5, 10)  # cells twice as high as wide
    ways = variants(2, turns=True, flips=True)
    spec = FeatureSpec()
    found = tile_features(library, grid, spec, ways)
    assert found.shape == (60, 16, 83)
    for number in (0, 11, 35):
        with Image.open(tiles / f"{number:04d}.jpg") as image:
            values = np.asarray(image, np.float32) / 255
        for way, (crop, turn, flip) in enumerate(ways):
            aspect = 1 / grid.aspect if turn % 2 else grid.aspect
            left, top, right, bottom = crop_boxes(np.array([96 / 72]), aspect, crop)[0] * [96, 72, 96, 72]
            part = values[round(top) : round(bottom), round(left) : round(right)]
            part = oriented(part, turn, flip)
            picture = Image.fromarray((part[..., 0] * 255).astype(np.uint8))
            assert picture.width < picture.height
            samples = np.stack([
                np.asarray(Image.fromarray(part[..., c]).resize((8, 8), Image.Resampling.BOX)) for c in range(3)
            ], axis=-1)  # fmt: skip
            plain = spec.of(samples[None])[0]
            assert ((found[number, way] - plain) ** 2).sum() < 0.01


def test_crops_have_the_cells_aspect_and_stay_within():
    aspects = np.array([0.5, 1.0, 4 / 3, 3.0])
    for crop in range(10):
        boxes = crop_boxes(aspects, 0.8, crop)
        assert (boxes >= -1e-12).all()
        assert (boxes <= 1 + 1e-12).all()
        shape = (boxes[:, 2] - boxes[:, 0]) * aspects / (boxes[:, 3] - boxes[:, 1])
        np.testing.assert_allclose(shape, 0.8)


@pytest.mark.parametrize(("spec", "words"), [
    (FeatureSpec(side=9), "`subcells`: must be 1 to 8"),
    (FeatureSpec(colour=-1), "`colour`: must be"),
    (FeatureSpec(mean=np.nan), "`mean`: must be"),
    (FeatureSpec(colour=0, edges=0, mean=0), "one of the weights"),
])  # fmt: skip
def test_bad_specs(spec, words):
    with pytest.raises(VertumnusError, match=words):
        spec.check()
