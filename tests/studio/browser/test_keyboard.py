"""The stories by keyboard alone: not one event of a pointer."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


class Keys:
    """Reaches what has a name by Tab, and presses keys."""

    def __init__(self, person) -> None:
        self.person, self.press = person, person.page.keyboard.press

    def to(self, name: str, role: str = "") -> None:
        """Goes on by Tab until the focus is on what is called so."""
        for _ in range(140):
            self.press("Tab")
            now = self.person.page.evaluate(
                "(() => { const e = document.activeElement; return [e.getAttribute('aria-label') ||"
                " (e.labels && e.labels[0] && e.labels[0].textContent) || e.textContent.trim(),"
                " e.getAttribute('role') || e.tagName.toLowerCase()]; })()"
            )
            if now[0].strip() == name and (not role or now[1] == role):
                return
        raise AssertionError(f"{name} cannot be reached by Tab")

    def type(self, text: str) -> None:
        """Writes into what has the focus, in place of what is there."""
        self.press("Control+a")
        self.person.page.keyboard.type(text)


@pytest.mark.parametrize("count", [40, 1000])
def test_all_by_keys(person, count) -> None:
    """Begins, takes icons, packs a heart, meddles, pauses, edits, undoes, saves, takes it away."""
    keys = Keys(person)
    page = person.page
    page.wait_for_selector(".card")
    keys.to("Square empty canvas")
    keys.press("Enter")
    person.until("v.state.connection.value === 'open'")
    keys.to("Each")
    keys.type(str(count // 2))
    keys.press("Enter")
    keys.to("Add apple")
    keys.press("Enter")
    person.until(f"v.state.stack.layers.length === {count // 2}")
    keys.to("Add leaf")
    keys.press("Enter")
    person.until(f"v.state.stack.layers.length === {count // 2 * 2}")

    keys.press("3")  # the panel Arrange
    person.until("document.activeElement.closest('#left-panel[aria-labelledby=tab-arrange]')")
    keys.to("heart")
    keys.press("Enter")
    keys.to("Pack")
    keys.press("Enter")
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 2", 120)
    keys.press("c")  # to the canvas
    keys.press("n")
    piece = person.ask("[...v.state.selection.value][0]")
    for _ in range(4):
        keys.press("Shift+ArrowRight")
    if person.ask("v.state.run.value.state === 'running'"):
        keys.press("Space")
        person.until("v.state.run.value.state === 'paused' || !v.state.running()")
        keys.press("l")
        person.until(f"v.state.layers.get('{piece}').locked")
        if person.ask("v.state.run.value.state === 'paused'"):
            keys.press("Space")
    person.settled()

    keys.press("Escape")
    keys.press("PageDown")
    if person.ask("v.state.chosen()[0].locked"):
        keys.press("l")
        person.until("!v.state.chosen()[0].locked")
    before = person.ask("({...v.state.chosen()[0]})")
    for key in ("ArrowLeft", "]", ".", "Alt+ArrowUp", "Alt+ArrowRight", "f"):
        keys.press(key)
    person.until(f"v.state.held.size === 0 && v.state.chosen()[0].flip === {str(not before['flip']).lower()}")
    after = person.ask("({...v.state.chosen()[0]})")
    assert after["x"] == pytest.approx(before["x"] - 1, abs=1e-3)
    assert after["rotation"] == pytest.approx(before["rotation"] + 1, abs=1e-3)
    assert after["scale"] == pytest.approx(before["scale"] * 1.02, rel=1e-5)
    assert (after["squeeze"], after["shear"], after["flip"]) == (pytest.approx(1.02), 1, not before["flip"])
    at = person.ask("v.state.history.value.at")
    for n in range(1, 7):
        keys.press("Control+z")
        person.until(f"v.state.history.value.at === {at - n}")
    person.until(f"Math.abs(v.state.chosen()[0].x - {before['x']}) < 1e-3 && v.state.chosen()[0].shear === 0")
    keys.press("Control+Shift+z")
    person.until(f"Math.abs(v.state.chosen()[0].x - {before['x'] - 1}) < 1e-3")

    keys.press("2")  # the list of layers, by its search
    person.until("document.activeElement.matches('#left-panel input[type=search]')")
    page.keyboard.type("leaf")
    keys.to("Layers, front first")
    keys.press("Home")
    keys.press("ArrowDown")
    assert person.ask("v.state.chosen()[0].name").startswith("leaf")
    keys.press("F2")
    keys.type("my leaf")
    keys.press("Enter")
    person.until("v.state.stack.layers.some(l => l.name === 'my leaf')")
    keys.press("?")
    page.wait_for_selector("dialog[open] kbd")
    assert page.locator("dialog[open] kbd").count() > 30
    keys.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")

    keys.press("7")
    page.wait_for_selector("text=Save PNG")
    keys.to("Save PNG")
    with page.expect_download(timeout=180_000) as download:
        keys.press("Enter")
    assert download.value.suggested_filename == "Untitled.png"
    assert person.errors() == []
    assert person.problems == []


def test_another_picture_by_keys(person) -> None:
    """The piece that is chosen is given another picture, found by its name; it is taken back."""
    keys = Keys(person)
    person.page.wait_for_selector(".card")
    keys.to("Square empty canvas")
    keys.press("Enter")
    person.until("v.state.connection.value === 'open'")
    keys.to("Add apple")
    keys.press("Enter")
    person.until("v.state.stack.layers.length === 1")
    keys.press("c")
    keys.press("n")
    keys.press("r")
    person.until("document.activeElement.textContent === 'From a file'")
    keys.to("Search icons")
    keys.type("boat")
    person.page.wait_for_selector("[aria-label^='Replace by'][aria-label*='boat']")
    name = person.ask("document.querySelector('.replace .icons button').getAttribute('aria-label')")
    keys.to(name)
    keys.press("Enter")
    person.until("v.state.stack.layers[0].name.includes('boat')")
    person.done("Replace apple")
    keys.press("c")
    keys.press("r")
    person.page.wait_for_selector(".replace", state="detached")
    keys.press("Control+z")
    person.until("v.state.stack.layers[0].name === 'apple'")
    assert person.errors() == []
    assert person.problems == []
