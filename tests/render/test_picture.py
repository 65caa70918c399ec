"""The final picture: bands, scales, grounds, and the library's own decoder as a witness."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.render import picture
from vertumnus.render.picture import render, render_bands


def scattered(seed=0, count=25, width=120, height=90):
    rng = np.random.default_rng(seed)
    collage = Collage(width=width, height=height)
    names = [collage.pictures.add(png(blob(n, 50, 60))) for n in range(5)]
    for n in range(count):
        collage.layers.append(
            Layer(
                name=f"{n}",
                image=names[n % 5],
                x=rng.uniform(0, width),
                y=rng.uniform(0, height),
                scale=rng.uniform(0.1, 0.8),
                rotation=rng.uniform(-180, 180),
                flip=bool(n % 2),
                opacity=rng.uniform(0.3, 1),
            )
        )
    return collage


def test_bands_are_the_whole(monkeypatch):
    collage = scattered()
    monkeypatch.setattr(picture, "STRIP_PIXELS", 240 * 20)  # twenty rows at a time
    whole = np.asarray(render(collage, 2.0))
    bands = list(render_bands(collage, 2.0))
    assert len(bands) == 9
    assert np.array_equal(np.concatenate(bands), whole)
    monkeypatch.setattr(picture, "STRIP_PIXELS", 1 << 20)
    # Where a strip begins moves a sample by the rounding of single precision alone.
    alone = np.asarray(render(collage, 2.0)).astype(int)
    assert np.abs(alone[..., 3] - whole[..., 3]).max() <= 1


@pytest.mark.parametrize("cores", [2, 7, None])
def test_the_number_of_cores_changes_nothing(monkeypatch, cores):
    collage = scattered(1, 60, 300, 400)
    monkeypatch.setattr(picture, "STRIP_PIXELS", 300 * 16)
    monkeypatch.setattr(picture.os, "cpu_count", lambda: 1)
    first = np.asarray(render(collage, 1.5))
    monkeypatch.setattr(picture.os, "cpu_count", lambda: cores)
    assert np.array_equal(np.asarray(render(collage, 1.5)), first)


@pytest.mark.parametrize("scale", [0.5, 1, 3.3])
def test_size_and_mode(scale):
    image = render(scattered(2), scale)
    assert image.size == (round(120 * scale), round(90 * scale))
    assert image.mode == "RGBA"


def test_a_picture_in_its_own_place_is_itself():
    collage = Collage(width=60, height=80)
    pixels = blob(3, 50, 60)
    name = collage.pictures.add(png(pixels))
    collage.layers.append(Layer(name="a", image=name, x=30, y=40, scale=1))
    shown = np.asarray(render(collage))[10:70, 5:55]
    np.testing.assert_array_equal(shown[..., 3], pixels[..., 3])
    solid = pixels[..., 3] == 255
    np.testing.assert_array_equal(shown[solid], pixels[solid])


def test_backgrounds():
    collage = scattered(3, 1)
    collage.layers[0].visible = False
    assert render(collage).getpixel((5, 5)) == (0, 0, 0, 0)
    collage.background = "#102030"
    assert render(collage).getpixel((5, 5)) == (16, 32, 48, 255)
    assert render(collage, background="white").getpixel((5, 5)) == (255, 255, 255, 255)
    half = render(collage, background="#ff000080").getpixel((5, 5))
    assert half == (255, 0, 0, 128)


def test_opacity_and_gain_of_srgb_values_as_in_version_1():
    collage = Collage(width=20, height=20, background="black")
    name = collage.pictures.add_pixels(np.full((40, 40, 4), [200, 100, 50, 255], np.uint8))
    layer = Layer(name="a", image=name, x=10, y=10, scale=1, opacity=0.5, gain=(1.0, 0.5, 2.0), light="srgb")
    collage.layers.append(layer)
    assert render(collage).getpixel((10, 10)) == (100, 25, 50, 255)
    collage.layers[0].gain = (9.0, 1.0, 1.0)
    assert render(collage).getpixel((10, 10))[0] == 255


def test_against_pillow_on_a_turned_picture():
    """A quarter turn has no resampling: Pillow's transpose is the witness."""
    collage = Collage(width=60, height=60)
    pixels = blob(4, 50, 50)
    name = collage.pictures.add(png(pixels))
    collage.layers.append(Layer(name="a", image=name, x=30, y=30, scale=1, rotation=90))
    turned = np.asarray(Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_270))
    shown = np.asarray(render(collage))[5:55, 5:55]
    assert np.abs(shown[..., 3].astype(int) - turned[..., 3]).max() <= 1


def test_pictures_are_forgotten_after_their_last_strip(monkeypatch):
    collage = Collage(width=40, height=4000)
    for n in range(40):
        name = collage.pictures.add(png(blob(100 + n, 30, 30)))
        collage.layers.append(Layer(name="a", image=name, x=20, y=50 + 100 * n, scale=1))
    monkeypatch.setattr(picture, "STRIP_PIXELS", 40 * 100)
    monkeypatch.setattr(picture.os, "cpu_count", lambda: 2)
    held = []
    draw = picture.StripRenderer.draw

    def watch(self, number):
        result = draw(self, number)
        held.append(len(self.textures) + len(self.decoded))
        return result

    monkeypatch.setattr(picture.StripRenderer, "draw", watch)
    list(render_bands(collage))
    assert max(held) <= 5


@pytest.mark.parametrize("scale", [0, -1, float("nan"), 1e9])
def test_bad_scales(scale):
    with pytest.raises(VertumnusError, match="scale"):
        render(scattered(), scale)


def test_a_bad_background():
    with pytest.raises(VertumnusError, match="not a colour"):
        render(scattered(), background="blurple")


def test_a_layer_is_the_same_wherever_it_lies():
    """By whole pixels: rounding cuts no outermost pixel off."""
    rng = np.random.default_rng(4)
    for n in range(200):
        pose = {"scale": rng.uniform(0.05, 0.4), "rotation": rng.uniform(-180, 180) if n % 2 else rng.uniform(-2, 2)}
        x, y = rng.uniform(-6, 3, 2)
        drawn = []
        for shift in (0, 48):
            collage = Collage(width=12 + shift, height=12)
            square = collage.pictures.add_pixels(np.full((60, 40, 4), 255, np.uint8))
            collage.layers.append(Layer(name="a", image=square, x=x + shift, y=y, **pose))
            drawn.append(np.asarray(collage.render(), int)[:, shift:, 3])
        assert np.abs(drawn[1] - drawn[0]).max() <= 1
