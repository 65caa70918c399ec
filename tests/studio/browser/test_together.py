"""Two tabs on one document, and a connection that is cut."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def poses(person):
    """Where every layer lies, by id."""
    return person.ask(
        "Object.fromEntries(v.state.stack.layers.map(l => [l.id, [l.name, l.x, l.y, l.scale, l.rotation]]))"
    )


def test_two_tabs_see_every_change(person, another) -> None:
    """What one does the other sees; of the same layer the last one counts; nothing is lost."""
    person.begin()
    person.icons({"apple": "#c9532b", "lemon": "#e0a12e"}, 3)
    other = another()
    other.page.goto(person.page.url)
    other.until("v.state.stack.layers.length === 6")
    x, y = person.on_screen(5)
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    person.page.mouse.move(x + 90, y + 20, steps=6)
    seen = other.until(f"v.state.stack.layers[5].x !== {poses(person)['k6'][1] - 1e9} && v.state.stack.layers[5].x")
    person.page.mouse.up()
    assert seen
    person.until("v.state.held.size === 0")
    other.until(f"Math.abs(v.state.stack.layers[5].x - {poses(person)['k6'][1]}) < 1e-6")
    # Both change the same layer, one after the other: the last one stays, in both.
    for who, value in ((person, "111"), (other, "222"), (person, "333")):
        who.page.locator("#canvas").focus()
        who.page.keyboard.press("Escape")
        who.page.keyboard.press("n")
        field = who.page.get_by_label("X", exact=True)
        field.fill(value)
        field.press("Enter")
        who.until(f"v.state.stack.layers[0].x === {value}")
    other.until("v.state.stack.layers[0].x === 333")
    other.page.locator("#canvas").focus()
    other.page.keyboard.press("Control+z")
    person.until("v.state.stack.layers[0].x === 222")
    # Different layers at the same time: both stay.
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("Shift+ArrowRight")
    other.page.keyboard.press("n")
    other.page.keyboard.press("Shift+ArrowDown")
    person.until("v.state.stack.layers[0].x === 232 && v.state.held.size === 0")
    other.until("v.state.stack.layers[0].x === 232 && v.state.held.size === 0")
    person.settled()
    other.settled()
    assert poses(person) == poses(other)
    for who in (person, other):
        who.until("v.state.history.value.steps.length === 6")
    assert person.problems == other.problems == []


def test_cut_and_back(person) -> None:
    """A run goes on while nobody is there, and the page catches up when the connection is back."""
    person.begin()
    person.icons({"apple": "#c9532b", "lemon": "#e0a12e", "leaf": "#2f6b35"}, 10)
    person.panel("Arrange")
    person.button("heart").click()
    person.button("Pack").click()
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 2", 120)
    cut = person.ask("[v.state.run.value.done, v.state.connection.value]")
    person.page.context.set_offline(True)
    person.until("v.state.connection.value === 'lost'")
    person.shot("lost")
    person.page.wait_for_timeout(1500)
    person.page.context.set_offline(False)
    person.until("v.state.connection.value === 'open'")
    assert cut[1] == "open"
    person.until(f"!v.state.running() || v.state.run.value.done > {cut[0]}")
    person.settled()
