"""Starts in a minute: files of every sort, words, icons; and a shape by name, letters, lasso and picture."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

pytestmark = pytest.mark.slow

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><path d="M30 2 58 58H2z" fill="teal"/></svg>'


@pytest.fixture
def files(tmp_path):
    """A picture, a drawing, one that is none, and a silhouette."""
    picture = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((4, 4, 76, 56), fill="purple")
    picture.save(tmp_path / "plum.png")
    (tmp_path / "pea.svg").write_text(SVG)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    silhouette = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(silhouette).rectangle((20, 10, 80, 90), fill=0)
    silhouette.save(tmp_path / "door.png")
    return tmp_path


def test_starts_in_a_minute(person, files) -> None:
    """What can be read is taken; what cannot is named with the reason beside; every kind of shape is packed."""
    page = person.page
    page.wait_for_selector(".card")
    person.page.wait_for_function("document.querySelectorAll('.card').length === 3")
    page.get_by_label("Pictures to begin with").set_input_files([files / "plum.png", files / "pea.svg"])
    person.until("v.state.stack.layers.length === 2", 60)
    page.get_by_label("Pictures to add", exact=True).set_input_files([files / "broken.png", files / "plum.png"])
    person.until("v.state.stack.layers.length === 3", 60)
    assert "broken.png" in page.locator("#left-panel .problem").first.inner_text()
    person.shot("refused")
    page.get_by_label("Search icons").fill("butterf")
    found = page.get_by_role("group", name="Icons found").get_by_role("button")
    found.filter(has=page.locator("img")).first.wait_for()
    found.first.and_(page.locator("[aria-label*='butterf']")).wait_for()
    found.first.click()
    person.until("v.state.stack.layers.length === 4")
    page.get_by_label("Each line becomes a piece").fill("sun\nsea")
    person.button("Add words").click()
    person.until("v.state.stack.layers.length === 6")
    assert {"plum", "sun", "sea"} <= set(person.ask("v.state.stack.layers.map(l => l.name.replace('.png', ''))"))

    # What is dropped is added where it was dropped.
    page.evaluate(
        "async (svg) => { const data = new DataTransfer(); data.items.add(new File([svg], 'dropped.svg',"
        " {type: 'image/svg+xml'})); const at = document.querySelector('#canvas').getBoundingClientRect();"
        " const how = {dataTransfer: data, bubbles: true, cancelable: true, clientX: at.left + 120, clientY: at.top +"
        " 200}; document.querySelector('main.middle').dispatchEvent(new DragEvent('drop', how)); }",
        SVG,
    )
    person.until("v.state.stack.layers.length === 7")
    assert abs(person.on_screen(6)[0] - page.locator("#canvas").bounding_box()["x"] - 120) < 2

    person.panel("Arrange")
    page.get_by_label("Quality", exact=True).select_option("fast")
    shapes = page.get_by_role("group", name="What kind of shape")

    def packed() -> None:
        at = person.ask("v.state.history.value.at")
        person.button("Pack").click()
        person.until(f"v.state.history.value.at > {at}", 60)
        person.until("!v.state.running()", 120)
        assert person.ask("v.state.run.value.state") == "finished", person.errors()

    shapes.get_by_text("Letters").click()
    page.get_by_label("Letters or a word").fill("Q")
    packed()
    shapes.get_by_text("Drawn").click()
    box = page.locator("#canvas").bounding_box()
    for n, (x, y) in enumerate([(150, 150), (480, 160), (470, 420), (160, 440), (150, 170)]):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=5)
        if n == 0:
            page.mouse.down()
    page.mouse.up()
    assert "points is drawn" in page.locator("#left-panel").inner_text()
    person.shot("lasso")
    packed()
    inside = person.ask("v.state.stack.layers.every(l => l.x > 150 && l.x < 1100 && l.y > 100 && l.y < 900)")
    assert inside
    shapes.get_by_text("Picture").click()
    page.get_by_label("Picture of the shape").set_input_files([files / "door.png"])
    person.until("!document.querySelector('button.primary.wide').disabled")
    packed()
    assert person.errors() == []
    assert person.problems == []
