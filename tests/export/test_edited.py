"""Edits come back: exported, changed as an editor changes files, and read."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.elements.element import make_element
from vertumnus.elements.icons import icon_element
from vertumnus.errors import VertumnusError
from vertumnus.export.edited import open_edited
from vertumnus.export.openraster import save_openraster
from vertumnus.export.psd import save_psd
from vertumnus.export.svg import save_svg
from vertumnus.render.picture import render

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>"
LOOKS = [
    {},
    {"rotation": 130.0, "flip": True},
    {"squeeze": 0.5, "shear": 25.0, "rotation": -70.0},
    {"crop": (5, 4, 20, 18), "flip": True, "squeeze": 1.5, "rotation": 10.0},
    {"opacity": 0.4, "gain": (0.5, 1.0, 2.0), "offset": (0.1, 0.0, 0.0)},
    {"visible": False, "prompt": "a 'pear' & <more>", "noise": 0.3},
    {"locked": True, "outline": "hexagon"},
]


@pytest.fixture
def collage():
    made = Collage(width=120, height=90, background="#fed", prompt="a bowl", seed=4)
    for n, look in enumerate(LOOKS):
        image = made.pictures.add(png(blob(n % 3, 40, 30)))
        made.layers.append(Layer(name=f'piece "{n}" é', image=image, x=10.5 + 13 * n, y=45.25, scale=0.7, **look))
    made.name_layers()
    return made


def same(a, b):
    x, y = a.model_dump(), b.model_dump()
    for name in ("x", "y", "scale", "rotation", "squeeze", "shear"):
        assert x.pop(name) == pytest.approx(y.pop(name), rel=1e-9, abs=1e-9), name
    assert x == y


def test_an_svg_comes_back_as_it_was(collage, tmp_path):
    save_svg(collage, tmp_path / "a.svg")
    opened = open_edited(tmp_path / "a.svg", collage)
    assert (opened.moved, opened.lost) == ([], [])
    for before, after in zip(collage.layers, opened.collage.layers, strict=True):
        same(before, after)
    for name in ("width", "height", "background", "prompt", "seed", "rendering"):
        assert getattr(opened.collage, name) == getattr(collage, name)
    assert np.array_equal(np.asarray(render(opened.collage)), np.asarray(render(collage)))


def test_what_making_it_again_takes_comes_along(collage, tmp_path):
    shape = collage.pictures.add(png(blob(8, 33, 22)))
    collage.made_by = MadeBy(tool="pack", pictures=[shape])
    save_svg(collage, tmp_path / "a.svg")
    open_edited(tmp_path / "a.svg", collage).collage.save(tmp_path / "b.collage")
    assert Collage.load(tmp_path / "b.collage").pictures.read(shape) == collage.pictures.read(shape)


def test_what_was_moved_grouped_copied_and_drawn_in_inkscape(collage, tmp_path):
    save_svg(collage, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    layers = re.findall(r'<g id="layer\d".*?</g>\n', text.replace("</g></g>", "</g ></g>"), re.DOTALL)
    layers = [layer.replace("</g ></g>", "</g></g>") for layer in layers]
    # Three are moved: by a transform of their own, by a group's around them; one is copied, one deleted.
    text = text.replace(layers[0], layers[0].replace('<g id="layer0"', '<g id="layer0" transform="translate(5,-3)"'))
    text = text.replace(layers[1] + layers[2], f'<g transform="matrix(0 1 -1 0 90 0)">{layers[1]}{layers[2]}</g>')
    text = text.replace(layers[4], layers[4] + layers[4].replace('id="layer4"', 'id="g99"'))
    text = text.replace(layers[5], "<rect x='3' y='19' width='20' height='5' id='hello'/><path d='M0 0L9 9'/>")
    text = text.replace('viewBox="0 0 120 90"', 'viewBox="-10 0 120 90"').replace('width="120"', 'width="31.75mm"', 1)
    (tmp_path / "b.svg").write_text(text)
    opened = open_edited(tmp_path / "b.svg", collage)
    assert [layer.id for layer in opened.collage.layers][:4] == ["k1", "k2", "k3", "k4"]
    assert len({layer.id for layer in opened.collage.layers}) == 8
    assert opened.lost == ["path: draws nothing"]
    (drawn,) = (layer for layer in opened.collage.layers if layer.name == "hello")
    assert (drawn.x, drawn.y) == pytest.approx((23, 21.5), abs=0.1)
    assert b"<rect" in opened.collage.pictures.drawing(drawn.image)
    turned = np.array([[0, -1, 90], [1, 0, 0], [0, 0, 1]])
    moves = [np.array([[1, 0, 5], [0, 1, -3], [0, 0, 1]]), turned, turned, np.eye(3)]
    page = np.array([[1, 0, 10], [0, 1, 0], [0, 0, 1]])
    for move, before, after in zip(moves, collage.layers, opened.collage.layers, strict=False):
        size = before.crop[2:] if before.crop else (30, 40)
        np.testing.assert_allclose(
            after.placement.matrix(*size), page @ move @ before.placement.matrix(*size), atol=1e-6
        )
    opened.collage.render()


STAR = """<svg xmlns="http://www.w3.org/2000/svg" width="50" height="40"><defs><linearGradient id="a">
<stop stop-color="#c00"/><stop offset="1" stop-color="#fc0"/></linearGradient></defs>
<path d="M2 38L25 2L48 38Z" fill="url(#a)"/><circle cx="25" cy="28" r="6" fill="#fff"/></svg>"""


def test_drawings_come_back_as_what_they_are_or_became(tmp_path):
    made = Collage(width=120, height=90)
    for element in (make_element(STAR.encode(), None, "a.svg", "star"), icon_element("leaf", "#080")):
        element.give_to(made.pictures)
        for n in range(2):
            at = {"x": 30.0 + 50 * n, "y": 30.0 + 20 * n, "scale": 0.09, "rotation": 30.0 * n}
            made.layers.append(Layer(name=element.name, image=element.image, prompt="a thing", **at))
    save_svg(made, tmp_path / "a.svg")
    opened = open_edited(tmp_path / "a.svg", made)
    assert (opened.moved, opened.lost) == ([], [])
    for before, after in zip(made.layers, opened.collage.layers, strict=True):
        same(before, after)
        assert opened.collage.pictures.drawing(after.image) == made.pictures.drawing(before.image)
    alone = open_edited(tmp_path / "a.svg").collage  # without the original the drawing is made anew
    assert np.abs(np.asarray(render(alone), int) - np.asarray(render(made), int)).mean() < 0.1
    assert all(alone.pictures.drawing(layer.image) is not None for layer in alone.layers)

    text = (tmp_path / "a.svg").read_text()
    text = text.replace("#008800", "#000088", 1)
    use = '<use xlink:href="#p0"'
    first = text.index(use)
    unlinked = '<g><path id="new" d="M0 0h300v200z" fill="url(#p0-a)"/></g>'
    text = text[:first] + unlinked + text[text.index("/>", first) + 2 :]
    at = text.index('inkscape:groupmode="layer"', text.index('id="layer3"'))
    text = text[:at] + 'mask="url(#m)" ' + text[at:]
    (tmp_path / "b.svg").write_text(text)
    opened = open_edited(tmp_path / "b.svg", made)
    assert opened.lost == ["leaf: its mask is left out"]
    layers = opened.collage.layers
    assert [layer.id for layer in layers] == ["k1", "k2", "k3", "k4"]
    assert layers[0].prompt == "a thing"
    assert (layers[0].image, layers[1].image) != (made.layers[0].image, made.layers[0].image)
    assert layers[1].image == made.layers[1].image
    assert layers[2].image == layers[3].image != made.layers[2].image
    assert b"linearGradient" in opened.collage.pictures.drawing(layers[0].image)
    assert opened.moved == ["k1"]


def rewrite(path, change, pixels=None):
    """An OpenRaster file with another stack.xml, and other pixels of one of its layers."""
    with zipfile.ZipFile(path) as bundle:
        members = {info.filename: bundle.read(info) for info in bundle.infolist()}
    members["stack.xml"] = change(members["stack.xml"].decode()).encode()
    members |= pixels or {}
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)


def test_layers_that_moved_in_krita_stay_what_they_are(collage, tmp_path):
    save_openraster(collage, tmp_path / "a.ora", 2.0)

    def change(stack):
        x = int(re.search(r'\[k2\]. src="[^"]*" x="(-?\d+)"', stack)[1])
        return re.sub(r'(\[k2\]. src="[^"]*" x=)"-?\d+"', rf'\1"{x + 14}"', stack)

    painted = io.BytesIO()
    Image.new("RGBA", (10, 6), "red").save(painted, "PNG")
    rewrite(tmp_path / "a.ora", change, {"data/layer00003.png": painted.getvalue()})
    opened = open_edited(tmp_path / "a.ora", collage)
    assert opened.moved[0] == "k2"
    assert len(opened.lost) == 1
    assert "was drawn over" in opened.lost[0]
    found = {layer.id: layer for layer in opened.collage.layers}
    assert found["k2"].x == pytest.approx(collage.layers[1].x + 7)
    assert found["k2"].image == collage.layers[1].image
    assert found["k6"].prompt == "a 'pear' & <more>"
    assert opened.collage.pictures.size(found["k4"].image) == (10, 6)
    assert found["k4"].scale == 0.5
    for n in (0, 2, 4, 5, 6):
        same(collage.layers[n], found[f"k{n + 1}"])


def test_a_canvas_of_other_proportions_is_not_the_original_s(collage, tmp_path):
    """Where layers were in the original cannot be told then, and a far larger one would need memory without end."""
    save_openraster(collage, tmp_path / "wide.ora")
    rewrite(tmp_path / "wide.ora", lambda stack: stack.replace('w="120"', 'w="90000"'), {})
    with pytest.raises(VertumnusError, match=r"wide.ora: canvas: .* proportions of the original's"):
        open_edited(tmp_path / "wide.ora", collage)


def test_what_is_opened_is_called_by_its_file(collage, tmp_path):
    save_svg(collage, tmp_path / "a.svg")
    opened = open_edited(tmp_path / "a.svg").collage
    assert opened.where == str(tmp_path / "a.svg")


def test_an_openraster_file_alone_becomes_layers_of_pixels(collage, tmp_path):
    save_openraster(collage, tmp_path / "a.ora")
    opened = open_edited(tmp_path / "a.ora")
    assert len(opened.collage.layers) == 8  # the background is one
    shown, expected = (np.asarray(render(one).convert("RGB"), float) for one in (opened.collage, collage))
    assert np.abs(shown - expected).mean() < 1


def test_layers_that_moved_in_photoshop_stay_what_they_are(collage, tmp_path):
    library = pytest.importorskip("psd_tools")
    collage.layers[0].name = "äpple 日本"
    save_psd(collage, tmp_path / "a.psd", 2.0)
    psd = library.PSDImage.open(tmp_path / "a.psd")
    assert psd.size == (240, 180)
    assert [layer.name for layer in psd] == ["background"] + [f"{one.name} [{one.id}]" for one in collage.layers]
    assert [layer.opacity for layer in psd][1:] == [round(255 * one.opacity) for one in collage.layers]
    assert [layer.visible for layer in psd][1:] == [one.visible for one in collage.layers]
    assert np.array_equal(np.asarray(psd.topil()), np.asarray(render(collage, 2.0)))
    unmoved = open_edited(tmp_path / "a.psd", collage)
    assert (unmoved.moved, unmoved.lost) == ([], [])
    for before, after in zip(collage.layers, unmoved.collage.layers, strict=True):
        same(before, after)
    psd[2].left += 14
    psd[5].blend_mode = library.constants.BlendMode.MULTIPLY
    psd.create_pixel_layer(Image.new("RGBA", (10, 6), "red"), name="new", left=20, top=30)
    with (tmp_path / "b.psd").open("wb") as stream:
        psd._record.write(stream)
    opened = open_edited(tmp_path / "b.psd", collage)
    assert opened.moved == ["k2"]
    assert opened.lost == ['piece "4" é [k5]: its blend mode multiply is left out']
    assert opened.collage.layers[1].x == pytest.approx(collage.layers[1].x + 7)
    assert opened.collage.layers[5].prompt == "a 'pear' & <more>"
    assert opened.collage.layers[7].name == "new"
    assert (opened.collage.layers[7].x, opened.collage.layers[7].y) == (12.5, 16.5)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.psd", b"8BPS", "not a readable PSD file"),
        ("a.xcf", b"gimp", "what comes back is"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "viewBox: missing"),
        ("a.svg", b"<svg", "not a well-formed SVG"),
        (
            "a.svg",
            SVG + b"<image href='data:image/png;base64,AA=='/></svg>",
            "a.svg: .*not a PNG",
        ),
        (
            "a.svg",
            SVG + b"<g transform='rotate(x)'><image/></g></svg>",
            "transform: rotate",
        ),
        (
            "a.svg",
            SVG[:-1] + b" xmlns:v='urn:vertumnus:collage' v:document='{&quot;background&quot;:3}'/>",
            "a.svg: .*background",
        ),
        ("a.ora", b"PK", "not a readable OpenRaster"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(VertumnusError, match=said):
        open_edited(tmp_path / name)
