"""Layers that snap to whole pixels: no seam at any scale, each pixel in one cell, resampled well, toned exactly."""

import io

import numpy as np
import pytest
from PIL import Image

from drawn import png
from vertumnus.document.collage import Collage, Layer
from vertumnus.document.pictures import Preview
from vertumnus.errors import VertumnusError
from vertumnus.render import picture
from vertumnus.render.cell import cell_pixels, snapped
from vertumnus.render.picture import render, render_bands


def photograph(seed: int, width: int, height: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    colour = [127 + 120 * np.sin(x / rng.uniform(5, 20) + y / rng.uniform(5, 20) + k) for k in range(3)]
    return np.stack(colour, axis=-1).astype(np.uint8)


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def cells(columns: int, rows: int, width: float, height: float, **fields) -> Collage:
    """A canvas covered by cells of one white picture."""
    collage = Collage(width=round(columns * width), height=round(rows * height))
    name = collage.pictures.add(png(np.full((24, 36, 3), 255, np.uint8)))
    for row in range(rows):
        for column in range(columns):
            collage.layers.append(
                Layer(
                    name="cell", image=name, crop=(3, 2, 30, 20), x=(column + 0.5) * width, y=(row + 0.5) * height,
                    scale=width / 30, squeeze=(height / 20) / (width / 30), snap=True, **fields,
                )
            )  # fmt: skip
    return collage


@pytest.mark.parametrize("scale", [1.0, 0.77, 1.31, 2.9])
def test_cells_that_share_an_edge_leave_no_seam(scale):
    shown = np.asarray(render(cells(8, 8, 10.75, 9.125), scale))
    assert np.array_equal(np.unique(shown), [255])


@pytest.mark.parametrize("scale", [1.0, 0.77, 1.31, 2.9])
def test_every_pixel_is_in_exactly_one_hexagon(scale):
    collage = Collage(width=100, height=80)
    name = collage.pictures.add(png(np.full((40, 40, 3), 255, np.uint8)))
    across, down = 12.3, 11.1
    for row in range(-1, 9):
        for column in range(-1, 10):
            # Half transparent: a pixel in two would be brighter, one in none black.
            layer = Layer(
                name="h", image=name, x=(column + 0.5 * (row % 2)) * across, y=row * down, scale=across / 40,
                squeeze=down * 4 / 3 / across, snap=True, outline="hexagon", opacity=0.5,
            )  # fmt: skip
            collage.layers.append(layer)
    shown = np.asarray(render(collage, scale, "black"))
    assert np.array_equal(np.unique(shown[..., :3]), [128])


def test_a_cell_is_pillows_own_resampling_of_its_crop():
    pixels = photograph(1, 90, 70)
    collage = Collage(width=50, height=40)
    name = collage.pictures.add(png(pixels))
    layer = Layer(name="a", image=name, crop=(10, 5, 60, 48), x=25, y=20, scale=0.5, snap=True)
    collage.layers.append(layer)
    expected = Image.fromarray(pixels).resize((30, 24), Image.Resampling.LANCZOS, (10, 5, 70, 53), reducing_gap=2.0)
    shown = np.asarray(render(collage))[8:32, 10:40, :3]
    np.testing.assert_array_equal(shown, np.asarray(expected))
    layer.rotation, layer.flip = 90.0, True
    turned = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT).transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(np.asarray(render(collage))[5:35, 13:37, :3], np.asarray(turned))


def test_tone_of_a_cell_is_affine_in_linear_light():
    pixels = photograph(2, 40, 30)
    collage = Collage(width=40, height=30)
    name = collage.pictures.add(png(pixels))
    collage.layers.append(
        Layer(name="a", image=name, x=20, y=15, scale=1, snap=True, gain=(0.5, 1.2, 1), offset=(0.1, -0.1, 0.05))
    )
    v = pixels / 255
    light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    light = np.clip(light * [0.5, 1.2, 1] + [0.1, -0.1, 0.05], 0, 1)
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(np.asarray(render(collage))[..., :3] - expected).max() <= 0.5 + 1e-6


def test_strips_and_cores_change_nothing(monkeypatch):
    collage = cells(9, 7, 10.7, 9.1)
    photo = collage.pictures.add(jpeg(photograph(3, 200, 150)))
    for n, layer in enumerate(collage.layers):
        layer.image, layer.crop = photo, (n, n, 100, 66)
    collage.layers.append(Layer(name="over", image=photo, x=40, y=30, scale=0.2, rotation=20, opacity=0.5))
    whole = np.asarray(render(collage, 2))
    for cores, pixels in ((1, 192 * 16), (7, 192 * 16), (3, 192 * 50)):
        monkeypatch.setattr(picture.os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(picture, "STRIP_PIXELS", pixels)
        shown = np.concatenate(list(render_bands(collage, 2)))
        assert np.abs(shown.astype(int) - whole).max() <= 1  # the turned layer's rounding


def test_a_picture_shared_by_cells_is_decoded_once_and_small(monkeypatch):
    collage = cells(20, 20, 16, 16)
    photo = collage.pictures.add(jpeg(photograph(4, 800, 600)))
    for layer in collage.layers:
        layer.image, layer.crop = photo, (0, 0, 600, 600)
        layer.scale, layer.squeeze = 16 / 600, 1
    decoded = []
    real = type(collage.pictures).decoded

    def watch(self, name, halvings=0):
        image = real(self, name, halvings)
        decoded.append(image.size)
        return image

    monkeypatch.setattr(type(collage.pictures), "decoded", watch)
    monkeypatch.setattr(picture, "STRIP_PIXELS", 320 * 16)
    list(render_bands(collage, channels=3))
    assert decoded == [(100, 75)]


def test_a_preview_serves_where_it_is_large_enough():
    collage = cells(2, 2, 16, 16)
    photo = collage.pictures.add(jpeg(np.zeros((300, 300, 3), np.uint8)))
    asked = []

    def small():
        asked.append(1)
        return Image.new("RGB", (30, 30), "red")

    collage.pictures.add_preview(photo, Preview(30, 30, small))
    for layer in collage.layers:
        layer.image, layer.crop, layer.scale, layer.squeeze = photo, (0, 0, 300, 300), 16 / 300, 1
    assert render(collage).getpixel((5, 5)) == (255, 0, 0, 255)
    assert len(asked) == 4
    assert render(collage, 2.5).getpixel((5, 5)) == (0, 0, 0, 255)
    assert len(asked) == 4


def test_a_linked_picture_that_is_gone_is_named_before_anything_is_drawn(tmp_path):
    collage = cells(2, 2, 16, 16)
    (tmp_path / "a.jpg").write_bytes(jpeg(photograph(5, 60, 50)))
    collage.layers[3].image = collage.pictures.link(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(VertumnusError, match=r"a\.jpg: the picture cannot be read any more"):
        next(render_bands(collage))


def test_a_crop_beyond_its_picture_is_one_sentence():
    collage = cells(1, 1, 16, 16)
    collage.layers[0].crop = (30, 0, 20, 20)
    with pytest.raises(VertumnusError, match="reaches beyond its 36 x 24"):
        render(collage)


def test_a_cell_far_larger_than_any_canvas_is_drawn_strip_by_strip():
    """A scale of half a million: 12 million pixels a side, of which a few show."""
    collage = Collage(width=40, height=30)
    name = collage.pictures.add(png(np.full((24, 22, 3), 200, np.uint8)))
    collage.layers.append(Layer(name="a", image=name, crop=(0, 1, 22, 22), x=20, y=15, scale=545453.5, snap=True))
    assert np.asarray(render(collage))[5:25, 5:35, :3].min() == 200


def test_the_part_shown_may_end_a_rounding_beyond_the_picture():
    picture_ = Image.new("RGB", (17, 21), "red")
    cell = snapped(Layer(name="a", image="elements/0000.png", x=8, y=8, scale=1, snap=True), (16, 16), 1.0)
    pixels = cell_pixels(
        Layer(name="a", image="elements/0000.png", x=8, y=8, scale=1), cell, picture_, (0, 0, 17.000001, 21.000001)
    )
    assert pixels.shape == (16, 16, 3)
