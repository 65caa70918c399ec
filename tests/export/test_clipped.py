"""What lies outside a collage's clip is not seen by those who read a PDF, PSD, OpenRaster or SVG: read by others."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw

from drawn import png
from vertumnus.document.collage import Collage, Layer
from vertumnus.export.openraster import save_openraster
from vertumnus.export.pdf import PrintOptions, save_pdf
from vertumnus.export.psd import save_psd

SIZE = 40
CORNERS = [(20, 4), (36, 34), (4, 34)]
GROUND, RED = (250, 240, 200), (200, 20, 30)


@pytest.fixture
def collage():
    """A red picture all over the canvas and beyond, a blue one in a corner, within a triangle."""
    made = Collage(width=SIZE, height=SIZE, background="#faf0c8")
    made.clip = "M" + " ".join(f"{x},{y}" for x, y in CORNERS) + "Z"
    for colour, x in ((RED, 20), ((0, 0, 255), 2)):
        pixels = np.broadcast_to(np.array([*colour, 255], np.uint8), (10, 10, 4)).copy()
        made.layers.append(
            Layer(name="a", image=made.pictures.add(png(pixels)), x=x, y=x, scale=6 if x == 20 else 0.5)
        )
    return made


def check(picture):
    """Red inside, the background outside; nothing is said of the pixels on the edge."""
    shown = np.asarray(picture.convert("RGB"), int)
    fine = Image.new("L", (8 * SIZE, 8 * SIZE))
    ImageDraw.Draw(fine).polygon([(8 * x, 8 * y) for x, y in CORNERS], fill=255)
    wide = np.asarray(fine.resize((SIZE, SIZE), Image.Resampling.BOX).resize(picture.size, Image.Resampling.BILINEAR))
    inside, outside = wide == 255, wide == 0
    assert inside.sum() > 0.2 * inside.size
    assert outside.sum() > 0.4 * outside.size
    assert np.abs(shown[inside] - RED).max() <= 8  # of the edge a sliver may be in
    assert np.abs(shown[outside] - GROUND).max() <= 3


def laid(parts):
    """Layers laid over each other by Pillow: (picture, left, top)."""
    canvas = Image.new("RGBA", (SIZE, SIZE))
    for picture, left, top in parts:
        canvas.alpha_composite(picture.convert("RGBA"), (left, top))
    return canvas


def test_in_a_pdf_by_poppler(collage, tmp_path):
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed")
    save_pdf(collage, tmp_path / "a.pdf", options=PrintOptions(bleed="1mm", dpi=96))
    command = ["pdftoppm", "-r", "192", "-cropbox", "-singlefile", "-png", tmp_path / "a.pdf", tmp_path / "a"]
    subprocess.run(command, check=True, timeout=60)
    whole = Image.open(tmp_path / "a.png")
    bleed = (whole.width - 2 * SIZE) / 2
    check(whole.resize((2 * SIZE, 2 * SIZE), Image.Resampling.BOX, (bleed, bleed, bleed + 80, bleed + 80)))
    rim = np.asarray(whole.convert("RGB"), int)[0, :-1]
    assert np.abs(rim - GROUND).max() <= 3  # the bleed holds nothing of what is cut away


def test_in_a_psd_by_psd_tools_and_pillow(collage, tmp_path):
    psd_tools = pytest.importorskip("psd_tools")
    save_psd(collage, tmp_path / "a.psd")
    with Image.open(tmp_path / "a.psd") as merged:
        check(merged)
    layers = list(psd_tools.PSDImage.open(tmp_path / "a.psd"))
    assert len(layers) == 3
    check(laid([(layer.topil(), *layer.offset) for layer in layers]))


def test_in_an_openraster_by_pillow(collage, tmp_path):
    save_openraster(collage, tmp_path / "a.ora")
    with zipfile.ZipFile(tmp_path / "a.ora") as bundle:
        check(Image.open(bundle.open("mergedimage.png")))
        layers = ET.fromstring(bundle.read("stack.xml")).findall("stack/layer")
        assert len(layers) == 3
        check(laid([(Image.open(bundle.open(one.get("src"))), *map(int, (one.get("x"), one.get("y"))))
                    for one in reversed(layers)]))  # fmt: skip
