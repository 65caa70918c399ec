"""SVG: drawn by another program it is the picture we draw."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import resvg_py
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.element import make_element
from vertumnus.export.svg import save_svg

INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"


def collage() -> Collage:
    made = Collage(width=160, height=120, background="#fdf6e3", prompt='<tags> & "quotes"')
    names = [made.pictures.add(png(blob(n, 60, 50))) for n in range(3)]
    webp = io.BytesIO()
    Image.fromarray(blob(9, 40, 40)).save(webp, "WEBP", lossless=True)
    names.append(made.pictures.add(webp.getvalue()))
    rng = np.random.default_rng(1)
    for n in range(9):
        made.layers.append(
            Layer(
                name=f"layer <{n}> & 'co'",
                image=names[n % 4],
                x=rng.uniform(20, 140),
                y=rng.uniform(20, 100),
                scale=rng.uniform(0.7, 1.2),
                rotation=rng.uniform(-180, 180),
                flip=bool(n % 2),
                opacity=0.6 if n == 3 else 1.0,
                gain=(0.5, 1.0, 0.25) if n in (4, 7) else (1, 1, 1),
                offset=(0.0, -0.02, 0.1) if n == 7 else (0, 0, 0),
                light="srgb" if n == 4 else "linear",
                squeeze=0.6 if n == 0 else 1.3 if n == 7 else 1.0,
                shear=25.0 if n == 1 else -15.0 if n == 7 else 0.0,
                crop=(7, 5, 30, 24) if n in (2, 7) else None,
                outline="hexagon" if n == 8 else "rectangle",
                visible=n != 5,
                locked=n == 6,
            )
        )
    return made


def test_resvg_draws_what_we_draw(tmp_path):
    made = collage()
    save_svg(made, tmp_path / "a.svg")
    drawn = resvg_py.svg_to_bytes(svg_path=str(tmp_path / "a.svg"), width=480)
    theirs = np.asarray(Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")).astype(int)
    ours = np.asarray(made.render(scale=3)).astype(int)
    assert theirs.shape == ours.shape
    difference = np.abs(theirs - ours)
    # Enlarged threefold, resvg's bicubic and our bilinear sampling differ at edges, and nowhere by much.
    assert difference.mean() < 1.5
    assert (difference.max(2) > 40).mean() < 0.01


def test_layers_are_named_groups_and_pictures_stored_once(tmp_path):
    made = collage()
    save_svg(made, tmp_path / "a.svg")
    root = ET.parse(tmp_path / "a.svg").getroot()
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("160", "120", "0 0 160 120")
    layers = [g for g in root if g.get(f"{INKSCAPE}groupmode") == "layer"]
    assert [g.get(f"{INKSCAPE}label") for g in layers] == [layer.name for layer in made.layers]
    assert layers[5].get("style") == "display:none"
    images = list(root.iter("{http://www.w3.org/2000/svg}image"))
    assert len(images) == 4
    assert all(image.get("{http://www.w3.org/1999/xlink}href").startswith("data:image/png") for image in images)
    assert root.find("{http://www.w3.org/2000/svg}title").text == made.prompt


def test_photographs_stay_jpeg(tmp_path):
    made = Collage(width=60, height=40)
    jpeg = io.BytesIO()
    Image.fromarray(blob(1, 60, 40)[..., :3]).save(jpeg, "JPEG")
    name = made.pictures.add(jpeg.getvalue())
    made.layers.append(Layer(name="photo", image=name, x=30, y=20, scale=1))
    save_svg(made, tmp_path / "a.svg")
    assert "data:image/jpeg" in (tmp_path / "a.svg").read_text()


def test_light_that_adds_up_adds_up_in_browsers(tmp_path):
    made = collage()
    made.rendering = "transparency"
    save_svg(made, tmp_path / "a.svg")
    layers = [g for g in ET.parse(tmp_path / "a.svg").getroot() if g.get(f"{INKSCAPE}groupmode") == "layer"]
    assert {layer.get("style") for layer in layers if layer is not layers[5]} == {"mix-blend-mode:plus-lighter"}
    assert layers[5].get("style") == "display:none;mix-blend-mode:plus-lighter"


def test_what_svg_cannot_draw_is_said(vertumnus, tmp_path):
    made = collage()
    for method, words in (("masked-transparency", "SVG knows no masked-transparency"), ("alpha", "160 x 120\n")):
        made.rendering = method
        made.save(tmp_path / "a.collage")
        code, out, _ = vertumnus("render", tmp_path / "a.collage", "-o", tmp_path / "b.svg")
        assert code == 0
        assert words in out


def test_drawings_stay_drawings_with_ids_of_their_own(tmp_path):
    faded = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="40"><defs><linearGradient id="a">'
        '<stop stop-color="{}"/><stop offset="1" stop-color="#fff"/></linearGradient></defs>'
        '<rect id="b" x="4" y="4" width="42" height="32" rx="9" fill="url(#a)"/><script>1</script></svg>'
    )
    made = Collage(width=160, height=120, background="white")
    for n, colour in enumerate(("#c00", "#00c")):
        element = make_element(faded.format(colour).encode(), None, "a.svg", colour)
        element.give_to(made.pictures)
        for k in range(2):
            at = {"x": 40.0 + 70 * k, "y": 30.0 + 50 * n, "scale": 0.12, "rotation": 20.0 * k}
            made.layers.append(Layer(name=colour, image=element.image, **at))
    save_svg(made, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<image" not in text
    assert "script" not in text
    assert text.count("<rect id=") == 2
    drawn = resvg_py.svg_to_bytes(svg_path=str(tmp_path / "a.svg"), width=640)
    theirs = np.asarray(Image.open(io.BytesIO(bytes(drawn))).convert("RGB")).astype(int)
    ours = np.asarray(made.render(scale=4).convert("RGB")).astype(int)
    assert np.abs(theirs - ours).mean() < 1
    assert ours[120, 120, 0] > ours[120, 120, 2]  # each in its own gradient
    assert ours[320, 120, 0] < ours[320, 120, 2]
