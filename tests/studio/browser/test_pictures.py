"""Pictures come and go while they are looked at: another one in the place of a piece, at rest and across a run."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

FRUIT = {"apple": "#c9532b", "lemon": "#e0a12e", "leaf": "#2f6b35", "carrot": "#d9762b"}
STEPS = "v.state.history.value.steps"


def file(name: str, colour: str = "red") -> dict[str, object]:
    """A picture as a person's browser sends it."""
    stream = io.BytesIO()
    Image.new("RGB", (120, 60), colour).save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


def area(layer: dict) -> float:
    """What a layer covers, square pixels of the canvas."""
    return layer["size"][0] * layer["size"][1] * layer["scale"] ** 2 * layer["squeeze"]


# Frames reach the page two seconds late, so that the last of them come after the run's end was said and dealt with.
LATE = """
  const set = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage").set;
  Object.defineProperty(WebSocket.prototype, "onmessage", { set(hear) {
    set.call(this, (event) => typeof event.data === "string" ? hear(event) : setTimeout(() => hear(event), 2000));
  } });
"""
SHOWN = "v.state.stack.layers.map(l => [l.id, l.image, l.x, l.y, l.scale, l.rotation, l.flip])"


def test_another_picture_in_its_place(person) -> None:
    """By an icon and by a file: the piece stays where it is, as large; what is none says so; it is taken back."""
    person.begin()
    person.icons({"apple": "#c9532b"}, 2)
    person.page.mouse.click(*person.on_screen(1))
    person.until("v.state.chosen().length === 1")
    before = person.ask("({...v.state.chosen()[0]})")
    person.button("Replace the picture").click()
    search = person.page.locator(".replace").get_by_label("Search icons", exact=True)
    search.fill("cat")
    person.page.locator(".replace").get_by_role("button", name="Replace by cat", exact=True).click()
    person.until("v.state.chosen()[0].name === 'cat'")
    after = person.ask("({...v.state.chosen()[0]})")
    assert after["image"] != before["image"]
    assert [after[name] for name in ("id", "x", "y", "rotation")] == [before[n] for n in ("id", "x", "y", "rotation")]
    assert area(after) == pytest.approx(area(before), rel=1e-3)
    person.page.locator(".replace h3", has_text="Another picture for cat").wait_for()
    person.shot("replace")
    chooser = person.page.get_by_label("Picture to put in its place", exact=True)
    chooser.set_input_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"})
    person.page.locator(".replace .problem", has_text="broken.png").wait_for()
    assert person.ask("v.state.chosen()[0].name") == "cat"
    chooser.set_input_files(file("wall.png"))
    person.until("v.state.chosen()[0].name === 'wall'")
    assert person.ask("v.state.chosen()[0].size") == [120, 60]
    assert area(person.ask("({...v.state.chosen()[0]})")) == pytest.approx(area(before), rel=1e-3)
    person.done("Replace apple", "Replace cat")
    assert person.ask(f"{STEPS}.length") == 3
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("Control+z")
    person.until("v.state.chosen()[0].name === 'cat'")
    person.page.keyboard.press("Control+z")
    person.until("v.state.chosen()[0].name === 'apple'")
    assert person.ask("v.state.chosen()[0].image") == before["image"]
    assert person.problems == []


def test_adds_replaces_and_takes_back_across_a_run(person) -> None:
    """Told to a run that is held: another picture, an icon, a file; taken back while it goes on, and after it."""
    person.begin()
    person.icons(FRUIT, 15)
    before = person.ask(SHOWN)
    person.panel("Arrange")
    person.button("heart").click()
    person.page.get_by_label("Quality", exact=True).select_option("best")
    person.button("Pack").click()
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 2", 120)
    bar = person.page.get_by_label("The run", exact=True)
    person.button("Pause", bar).click()
    person.until("v.state.run.value.state === 'paused'")
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("n")
    one = person.ask("v.state.chosen()[0].id")
    layer = f"v.state.layers.get('{one}')"
    image = person.ask(f"{layer}.image")
    person.page.keyboard.press("r")
    person.page.locator(".replace").get_by_role("button", name="Replace by star", exact=True).click()
    person.until(f"{layer}.image !== '{image}' && {layer}.name === 'star'", 60)
    star = person.ask(f"{layer}.image")
    person.icons({"cat": "#333333"}, 1)
    person.page.get_by_label("Pictures to add", exact=True).set_input_files(file("wall.png"))
    person.until("v.state.stack.layers.length === 62", 60)
    person.done("Pack", "Replace apple", "Add cat", "Add wall")

    # It goes on from there; what was told is taken back while it goes on, and done again.
    frames = person.ask("v.traffic.frames")
    person.button("Go on", bar).click()
    person.until(f"v.traffic.frames > {frames} + 3", 60)
    person.page.locator("#canvas").focus()
    for count, last in ((61, "Add cat"), (60, "Replace apple")):
        person.page.keyboard.press("Control+z")
        person.until(
            f"v.state.stack.layers.length === {count} && {STEPS}[v.state.history.value.at - 1] === '{last}'", 60
        )
    person.page.keyboard.press("Control+z")
    person.until(f"{layer}.image === '{image}'", 60)
    person.page.keyboard.press("Control+Shift+z")
    person.until(f"{layer}.image === '{star}'", 60)
    assert person.ask("v.state.run.value.state") == "running", "it was taken back across a run that went on"
    person.button("Stop, and keep the layout", bar).click()
    person.until("!v.state.running()", 240)
    assert person.ask("v.state.run.value.state") == "stopped"
    person.settled()
    assert person.ask(f"{layer}.image") == star

    # After it, too: to before the replacing, and to before the run.
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("Control+z")
    person.until(f"{layer}.image === '{image}'")
    person.page.keyboard.press("Control+z")
    person.until("v.state.history.value.at === 4")
    person.until(f"JSON.stringify({SHOWN}) === JSON.stringify({json.dumps(before)})")
    assert person.errors() == []
    assert person.problems == []


def test_after_a_run_all_lies_exactly_where_the_document_says(another) -> None:
    """On a page that is slow to take frames: none that is late moves anything, and every digit is the server's."""
    person = another()
    person.page.add_init_script(LATE)
    person.page.reload()
    person.begin()
    person.icons(FRUIT, 10)
    person.panel("Arrange")
    person.button("heart").click()
    person.page.get_by_label("Quality", exact=True).select_option("best")
    person.button("Pack").click()
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 1", 120)
    person.button("Stop, and keep the layout").click()
    person.until("v.state.run.value.state === 'stopped'", 120)
    person.settled()
    # It stays so: whatever comes or is drawn later.
    moved = person.page.evaluate(
        f"""() => new Promise((resolve) => {{
            const v = globalThis.vertumnus, shown = () => JSON.stringify({SHOWN}), first = shown();
            const end = performance.now() + 3000;
            const look = (now) => shown() !== first ? resolve(true) : now > end ? resolve(false)
              : requestAnimationFrame(look);
            requestAnimationFrame(look);
        }})"""
    )
    assert not moved
    assert person.problems == []
