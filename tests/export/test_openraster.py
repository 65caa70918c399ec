"""OpenRaster, read back by a reader of its own: layers laid over each other are the picture."""

import io
import xml.etree.ElementTree as ET
import zipfile

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.export.openraster import save_openraster
from vertumnus.render.picture import render


def make_collage():
    collage = Collage(width=90, height=70, background="#fed")
    for n in range(4):
        collage.layers.append(
            Layer(
                name=f'blob "{n}" <é>', image=collage.pictures.add(png(blob(n, 40, 30))), x=15 + 20 * n, y=35 + 4 * n,
                scale=1.1, rotation=40.0 * n, opacity=1 - 0.2 * n, locked=n == 2, visible=n != 1, gain=(1, 0.8, 0.5),
            )
        )  # fmt: skip
    return collage


def read(path):
    """The layers from the bottom up, and what each says of itself."""
    with zipfile.ZipFile(path) as bundle:
        first = bundle.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert bundle.read("mimetype") == b"image/openraster"
        root = ET.fromstring(bundle.read("stack.xml"))
        layers = [(one.attrib, Image.open(io.BytesIO(bundle.read(one.attrib["src"])))) for one in root.iter("layer")]
        merged = Image.open(io.BytesIO(bundle.read("mergedimage.png"))).copy()
        small = Image.open(io.BytesIO(bundle.read("Thumbnails/thumbnail.png"))).size
    assert max(small) <= 256
    return (int(root.attrib["w"]), int(root.attrib["h"])), layers[::-1], merged


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_layers_laid_over_each_other_are_the_picture(tmp_path, scale):
    collage = make_collage()
    save_openraster(collage, tmp_path / "a.ora", scale)
    size, layers, merged = read(tmp_path / "a.ora")
    assert size == (round(90 * scale), round(70 * scale))
    canvas = Image.new("RGBA", size)
    for said, picture in layers:
        if said.get("visibility", "visible") == "hidden":
            continue
        picture = picture.convert("RGBA")
        pixels = np.array(picture, float) * [1, 1, 1, float(said.get("opacity", 1))]
        picture = Image.fromarray(np.round(pixels).astype(np.uint8))
        canvas.alpha_composite(picture, (int(said["x"]), int(said["y"])))
    expected = np.asarray(render(collage, scale), float)
    assert np.abs(np.asarray(canvas, float) - expected).max() <= 3
    assert np.array_equal(np.asarray(merged), np.asarray(render(collage, scale)))


def test_names_ids_locks_and_order_are_kept(tmp_path):
    collage = make_collage()
    save_openraster(collage, tmp_path / "a.ora")
    _, layers, _ = read(tmp_path / "a.ora")
    assert [said["name"] for said, _ in layers] == ["background", *(f'blob "{n}" <é> [k{n + 1}]' for n in range(4))]
    assert [said.get("edit-locked") for said, _ in layers] == [None, None, None, "true", None]
    assert [said.get("visibility") for said, _ in layers[1:]] == ["visible", "hidden", "visible", "visible"]
    save_openraster(collage, tmp_path / "b.ora")
    assert (tmp_path / "a.ora").read_bytes() == (tmp_path / "b.ora").read_bytes()


def test_what_is_too_large_is_refused_and_what_lies_outside_is_empty(tmp_path):
    collage = make_collage()
    with pytest.raises(VertumnusError, match="pixels are too many for OpenRaster's layers"):
        save_openraster(collage, tmp_path / "a.ora", 200)
    assert not (tmp_path / "a.ora").exists()
    collage.layers[0].x = -500
    save_openraster(collage, tmp_path / "a.ora")
    _, layers, _ = read(tmp_path / "a.ora")
    assert layers[1][1].getextrema()[3] == (0, 0)
