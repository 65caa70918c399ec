"""PDF: a page whose size, boxes, pictures and layers are as asked."""

import io
import math
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.icons import icon_element
from vertumnus.errors import VertumnusError
from vertumnus.export.pdf import PrintOptions, save_pdf

pikepdf = pytest.importorskip("pikepdf")
pytest.importorskip("typst")


@pytest.fixture
def collage():
    made = Collage(width=96, height=48, background="#fed", prompt="a leaf")
    leaf = icon_element("leaf", "#080")
    leaf.give_to(made.pictures)
    jpeg = io.BytesIO()
    Image.fromarray(blob(1, 90, 60)[..., :3]).save(jpeg, "JPEG")
    photo = made.pictures.add(jpeg.getvalue())
    cut = made.pictures.add(png(blob(2, 40, 30)))
    for n, (image, look) in enumerate(
        [
            (leaf.image, {"scale": 0.06, "rotation": 30.0}),
            (leaf.image, {"scale": 0.05, "opacity": 0.5, "flip": True}),
            (photo, {"scale": 0.2}),
            (cut, {"scale": 0.6, "crop": (4, 4, 20, 20), "outline": "hexagon", "gain": (1, 0.5, 1)}),
            (leaf.image, {"scale": 0.05, "visible": False}),
        ]
    ):
        made.layers.append(Layer(name=f"piece {n}", image=image, x=12.0 + 18 * n, y=24.0, **look))
    return made


def test_the_page_is_as_large_as_asked_and_trimmed_inside_its_bleed(collage, tmp_path):
    options = PrintOptions(print_size="10cm", bleed="3mm", crop_marks=True)
    width, height, _ = save_pdf(collage, tmp_path / "a.pdf", options=options)
    assert (width * 25.4, height * 25.4) == pytest.approx((100, 50))
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        (page,) = pdf.pages
        trim, bleed, media = (
            np.array([float(v) for v in page[f"/{n}Box"]]) * 25.4 / 72 for n in ("Trim", "Bleed", "Media")
        )
        np.testing.assert_allclose(trim[2:] - trim[:2], [100, 50], atol=0.01)
        np.testing.assert_allclose(bleed, trim + np.array([-3, -3, 3, 3]), atol=0.01)
        np.testing.assert_allclose(media, trim + np.array([-8, -8, 8, 8]), atol=0.01)
        assert page.Contents.read_bytes().count(b" l S") == 8  # two lines at each corner
    for options, inches in ((None, 1.0), (PrintOptions(dpi=48), 2.0), (PrintOptions(print_size="9x3cm"), 6 / 2.54)):
        assert save_pdf(collage, tmp_path / "b.pdf", options=options)[0] == pytest.approx(inches)


def test_drawings_are_paths_and_photographs_no_finer_than_needed(collage, tmp_path):
    save_pdf(collage, tmp_path / "a.pdf", options=PrintOptions(print_size="5cm", dpi=96))
    save_pdf(collage, tmp_path / "b.pdf", options=PrintOptions(print_size="5cm", dpi=96))
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        (page,) = pdf.pages
        kinds = [str(one.Subtype) for one in page.Resources.XObject.values()]
        assert sorted(kinds) == ["/Form", "/Image", "/Image"]  # each picture once
        widths = [int(one.Width) for one in page.Resources.XObject.values() if one.Subtype == "/Image"]
        photo, cut = (collage.pictures.size(collage.layers[n].image)[0] for n in (2, 3))
        assert sorted(widths) == sorted([math.ceil(photo * 0.2 * 96 * 5 / 2.54 / 96), cut])
        groups = pdf.Root.OCProperties
        assert [str(group.Name) for group in groups.OCGs] == [layer.name for layer in collage.layers]
        assert [str(group.Name) for group in groups.D.OFF] == ["piece 4"]
        assert str(pdf.docinfo["/Title"]) == "a leaf"


@pytest.mark.parametrize("field", [{"print_size": "big"}, {"bleed": "3"}, {"bleed": "9in"}, {"dpi": 1}])
def test_what_is_no_length_is_one_sentence(field):
    with pytest.raises(VertumnusError, match=next(iter(field))):
        PrintOptions(**field)


def test_it_is_drawn_by_poppler_as_by_us(collage, tmp_path):
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed")
    save_pdf(collage, tmp_path / "a.pdf")
    subprocess.run(["pdftoppm", "-r", "768", "-png", tmp_path / "a.pdf", tmp_path / "a"], check=True)
    theirs = Image.open(next(tmp_path.glob("a-*.png"))).convert("RGB").resize((192, 96), Image.Resampling.BOX)
    ours = np.asarray(collage.render(8).convert("RGB").resize((192, 96), Image.Resampling.BOX), int)
    assert np.abs(np.asarray(theirs, int) - ours).mean() < 2
