"""The stories of the studio, as a person does them: with a mouse, on a page, against a real server."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

FRUIT = {"apple": "#c9532b", "lemon": "#e0a12e", "leaf": "#2f6b35", "carrot": "#d9762b"}


@pytest.mark.parametrize("count", [100, 1000])
def test_watches_and_meddles(person, count) -> None:
    """Pieces are seen to move; one is grabbed while they do, and the rest flows on; pause, pin, delete, undo."""
    person.begin()
    person.icons(FRUIT, count // 4)
    person.panel("Arrange")
    person.button("heart").click()
    before = person.ask("v.state.stack.layers.map(l => [l.x, l.y])")
    person.button("Pack").click()
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 3", 120)
    person.shot(f"run-{count}")
    moved = person.ask("v.state.stack.layers.map(l => [l.x, l.y])")
    assert sum(a != b for a, b in zip(before, moved, strict=True)) > count / 2

    # A piece is grabbed, and is where the hand is, not where the run would have it.
    x, y = person.on_screen(count - 1)
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    grabbed = person.until("[...v.state.selection.value][0]")
    for step in range(1, 13):
        person.page.mouse.move(x + 6 * step, y - 3 * step)
        person.page.wait_for_timeout(20)
    held = person.ask(f"(() => {{ const l = v.state.layers.get('{grabbed}'); return [l.x, l.y]; }})()")
    person.shot(f"drag-{count}")
    person.page.mouse.up()
    person.until("v.state.held.size === 0")
    assert held != moved[count - 1]
    person.until("v.state.history.value.steps.some(s => s.startsWith('Move'))")

    if person.ask("v.state.running()"):
        person.page.keyboard.press("Space")
        person.until("v.state.run.value.state === 'paused' || !v.state.running()")
    if person.ask("v.state.run.value.state === 'paused'"):
        person.page.wait_for_timeout(400)
        still = person.ask("v.state.run.value.done")
        person.page.wait_for_timeout(300)
        assert person.ask("v.state.run.value.done") == still
        person.page.keyboard.press("Space")
    person.until("!v.state.running()", 240)
    assert person.ask("v.state.run.value.state") == "finished"
    person.shot(f"packed-{count}")
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("Control+z")
    assert person.errors() == []
    assert person.problems == []
