"""Drawings stay drawings: harmless, in the document, and drawn anew where their picture is too small."""

import io

import numpy as np
import pytest
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.drawing import read_drawing, stored_drawing
from vertumnus.elements.element import make_element, stored_element
from vertumnus.elements.icons import icon_element
from vertumnus.elements.svg import draw_exactly, draw_svg
from vertumnus.errors import VertumnusError

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {box}" {more}>'
    "{inner}</svg>"
)
STYLED = SVG.format(
    box="40 20",
    more='width="80" height="40" onload="go()"',
    inner="""<style>.a { fill: #a00 } rect.b, #late { fill: url(#fade) !important }</style>
    <defs><linearGradient id="fade"><stop stop-color="#00f"/><stop offset="1" stop-color="#0f0"/>
    </linearGradient></defs>
    <script>alert(1)</script><foreignObject><p>no</p></foreignObject><set attributeName="fill" to="red"/>
    <a href="https://example.org"><circle class="a" cx="10" cy="10" r="8" onclick="go()"/></a>
    <rect class="b" x="20" y="4" width="16" height="12" style="fill: red"/>
    <use xlink:href="#late"/><path id="late" class="a" d="M0 0h5v5z"/>""",
)


def test_what_could_act_is_gone_and_what_is_drawn_stays():
    drawing = read_drawing(STYLED.encode(), "a.svg")
    text = drawing.written(512, 256).decode()
    for word in ("script", "foreignObject", "onclick", "onload", "example.org", "<style", "<set", "class"):
        assert word not in text
    ours, theirs = draw_exactly(text.encode(), 512, 256, "a.svg"), draw_svg(STYLED, 512, 256, "a.svg")
    assert np.abs(ours.astype(int) - theirs).mean() < 0.1


def test_ids_are_kept_apart():
    text = read_drawing(STYLED.encode(), "a.svg").apart("p7-")
    assert 'id="p7-fade"' in text
    assert "url(#p7-fade)" in text
    assert 'xlink:href="#p7-late"' in text
    assert "#fade" not in text


@pytest.mark.parametrize(
    "style", ["fill:ur\\6c(http://a/b)", "behavior:url(#a)", "fill:red;background:url( data:image/png;base64,xx )"]
)
def test_styles_that_reach_out_are_left_out(style):
    data = SVG.format(box="8 8", more="", inner=f'<path d="M0 0h9v9z" style="{style}"/>').encode()
    text = read_drawing(data, "a.svg").written(8, 8).decode()
    assert not any(word in text for word in ("http://a", "behavior", "data:"))


def test_a_picture_of_an_svg_keeps_it_through_a_collage(tmp_path):
    element = make_element(STYLED.encode(), None, "a.svg", "a")
    collage = Collage(width=60, height=60)
    element.give_to(collage.pictures)
    collage.layers.append(Layer(name="a", image=element.image, x=30, y=30, scale=0.1))
    for name in ("a.collage", "b.json"):
        collage.save(tmp_path / name)
        loaded = Collage.load(tmp_path / name)
        assert loaded.pictures.drawing(element.image) == element.drawing
        assert stored_element(loaded.pictures, element.image, "a").drawing == element.drawing
    loaded.save(tmp_path / "c.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "c.collage").read_bytes()
    picture = np.asarray(loaded.pictures.image(element.image)).astype(int)
    assert np.abs(draw_exactly(element.drawing, *picture.shape[1::-1], "a") - picture).max() == 0


def test_large_pictures_are_drawn_from_the_drawing():
    element = icon_element("leaf")
    collage = Collage(width=40, height=40, background="white")
    element.give_to(collage.pictures)
    collage.layers.append(Layer(name="leaf", image=element.image, x=20, y=20, scale=0.08, rotation=20))
    sharp = np.asarray(collage.render(30).convert("L")).astype(float)
    collage.pictures._drawings.clear()
    soft = np.asarray(collage.render(30).convert("L")).astype(float)
    assert np.abs(sharp - soft).mean() < 2  # the same picture,
    between = [((picture > 60) & (picture < 250)).sum() for picture in (sharp, soft)]
    assert between[0] < 0.5 * between[1]  # with edges that are one pixel wide


def test_a_documents_drawing_is_looked_at_before_it_is_drawn(tmp_path):
    with pytest.raises(VertumnusError, match="not a drawing on a canvas of 40 x 20"):
        stored_drawing(SVG.format(box="3 3", more="", inner="").encode(), (40, 20), "a.svg")
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), "red").save(buffer, "PNG")
    collage = Collage(width=9, height=9)
    name = collage.pictures.add(buffer.getvalue())
    collage.pictures.add_drawing(name, b"<svg>")
    collage.layers.append(Layer(name="a", image=name, x=4, y=4, scale=9.0))
    collage.save(tmp_path / "a.json")
    with pytest.raises(VertumnusError, match=r"elements/\w+\.svg: not a well-formed SVG"):
        Collage.load(tmp_path / "a.json").render()
    drawn = tmp_path / collage.pictures.drawing_name(name)
    drawn.write_bytes(b"<svg/>")
    with pytest.raises(VertumnusError, match="wrong hash"):
        Collage.load(tmp_path / "a.json")
    drawn.unlink()
    with pytest.raises(VertumnusError, match=r"drawings: elements/\w+\.svg is missing"):
        Collage.load(tmp_path / "a.json")
