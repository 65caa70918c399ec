"""One tile of a mosaic at a time: its original is seen, it is kept or left out or drawn anew, by a click on it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EDGE = (255, 0, 255)  # of every tile's file, where no cell shows it


def tiles(folder: Path, count: int) -> None:
    """Pictures three times as wide as high, of one colour in the middle, which is all that a square cell shows."""
    folder.mkdir()
    for n in range(count):
        pixels = np.empty((100, 300, 3), np.uint8)
        pixels[:] = EDGE
        pixels[:, 80:220] = (255 * (n % 4) // 3, 255 * (n // 4 % 4) // 3, 60 * (n // 16))
        Image.fromarray(pixels).save(folder / f"tile-{n:02d}.png")


def reference(side: int = 64) -> bytes:
    """A picture whose colours run from corner to corner."""
    y, x = np.mgrid[:side, :side] * (255 / (side - 1))
    stream = io.BytesIO()
    Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def begin(person, kind: str) -> None:
    """An empty canvas with the panel open, and the picture that is to be rebuilt."""
    person.begin()
    person.panel("Mosaic")
    person.button(kind).click()
    file = {"name": "colours.png", "mimeType": "image/png", "buffer": reference()}
    person.page.get_by_label("Picture to rebuild", exact=True).set_input_files(file)
    person.page.wait_for_selector("img[alt='The picture to rebuild']")


def enter(person, label: str, value: object) -> None:
    """Writes into a field that has a label."""
    field = person.page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_originals_and_a_tile_kept_or_left_out(person, tmp_path) -> None:
    """Deep zoom shows the file that a tile was cut from; a click keeps a tile, or leaves it out; both are let go."""
    tiles(tmp_path / "collages" / "photographs", 24)
    begin(person, "Of pictures")
    enter(person, "Or a folder on the server", "photographs")
    enter(person, "Count", 36)
    person.take("mosaic", 1)
    person.until("v.state.stack.layers.length === 36")

    # The original is larger than what the document holds of it, and has what no cell shows.
    person.button("Deep zoom").click()
    person.page.wait_for_selector(".openseadragon-canvas canvas")
    place = person.page.locator(".deep-view").bounding_box()
    canvas = person.ask("[v.state.canvas.value.width, v.state.canvas.value.height]")
    scale = min(place["width"] / canvas[0], place["height"] / canvas[1])
    middle = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    for cell in (7, 22):
        name, x, y, picture = person.ask(
            f"(() => {{ const l = v.state.stack.layers[{cell}]; return [l.name, l.x, l.y, l.picture]; }})()"
        )
        said = "document.querySelector('.tile-card.on')?.innerText.trim()"
        for _ in range(200):  # until the view has come to rest and the card is this tile's
            across, down = scale * (x - canvas[0] / 2), scale * (y - canvas[1] / 2)
            person.page.mouse.move(middle[0] + across, middle[1] + down + 1)
            person.page.mouse.move(middle[0] + across, middle[1] + down)
            if person.ask(said) == name:
                break
            person.page.wait_for_timeout(50)
        assert person.ask(said) == name
        shown = person.page.wait_for_function(
            "() => { const i = document.querySelector('.tile-card img');"
            " return i && i.complete && i.naturalWidth ? [i.src, i.naturalWidth, i.naturalHeight] : null; }"
        ).json_value()
        assert shown[1:] == [300, 100]
        assert picture[0] < 300
        answer = person.page.context.request.get(shown[0])
        assert answer.headers["x-vertumnus-original"] == "yes"
        file = tmp_path / "collages" / "photographs" / f"{Path(name).stem}.png"
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB")), Image.open(file))
    person.shot("deep-zoom-tile")
    person.button("The picture").click()
    person.page.mouse.move(*middle)
    person.page.mouse.move(middle[0] + 20, middle[1] + 20)
    person.page.wait_for_selector(".lens.on")
    person.button("Close").click()
    person.page.wait_for_selector("dialog.deep", state="detached")

    # Left out: no cell has it. Kept: this cell has it, though another fits better once it is left out elsewhere.
    name = person.click_tile(14)
    person.button("Leave it out").click()
    person.take("mosaic", 2)
    person.until(f"v.state.stack.layers.every(l => l.name !== '{name}')")
    other = person.click_tile(35)
    person.button("Keep here").click()
    person.page.wait_for_selector(f"[aria-label='Release 35={other}']")
    person.take("mosaic", 3)
    person.button(f"Use {name} again").click()
    person.take("mosaic", 4)
    person.until(f"v.state.stack.layers.some(l => l.name === '{name}')")
    assert person.ask("v.state.stack.layers[35].name") == other
    person.until("v.state.history.value.steps.length === 4")
    assert [one.split(",")[0] for one in person.ask("v.state.history.value.steps")] == ["Mosaic"] * 4
    assert person.errors() == []
    assert person.problems == []


def test_a_drawn_tile_is_drawn_anew(person) -> None:
    """A model draws the tiles; one that is clicked is drawn anew, then another: no other tile changes."""
    begin(person, "Drawn")
    person.page.get_by_role("textbox", name="What the tiles show, one a line").fill("a star\na red apple")
    enter(person, "Cells", 4)
    person.page.locator("summary", has_text="All options").click()
    enter(person, "Steps", 4)
    person.button("Draw tiles").click()
    person.take("generate", 1)
    images = "v.state.stack.layers.map(l => l.image)"
    before = person.ask(images)
    assert len(before) == 4
    for number, cell in enumerate((1, 2), 2):
        person.click_tile(cell)
        person.button("Draw this tile anew").click()
        person.take("generate", number)
        after = person.ask(images)
        assert [n for n in range(4) if after[n] != before[n]] == [cell]
        before = after
    person.shot("tiles-anew")
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("Control+z")
    person.until(f"v.state.stack.layers[2].image !== '{before[2]}'")
    assert person.ask(images)[:2] == before[:2]
    assert person.errors() == []
    assert person.problems == []
