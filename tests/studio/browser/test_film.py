"""The moving picture at the top of the README, recorded here: a piece is dragged while the others are packed."""

from __future__ import annotations

import io

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EVERY = 80  # milliseconds between frames
MOST = 1_500_000  # bytes


def test_a_drag_during_a_run(another) -> None:
    """Frames are taken while the run goes on; what is dragged is where the hand is in each; the film is small."""
    person = another(viewport={"width": 1000, "height": 620})
    page = person.page
    page.get_by_role("button", name="Pack a heart").click()
    person.until("v.state.run.value?.state === 'running' && v.traffic.frames > 1", 120)
    person.button("Close panel").click()
    page.mouse.move(500, 610)
    page.wait_for_timeout(150)
    frames: list[Image.Image] = []

    def take() -> None:
        shot = Image.open(io.BytesIO(page.screenshot(type="jpeg", quality=92))).convert("RGB")
        frames.append(shot.resize((shot.width * 3 // 4, shot.height * 3 // 4), Image.Resampling.LANCZOS))

    for _ in range(4):
        take()
    heaviest = "v.state.stack.layers.reduce((a, l, n, s) => l.scale > s[a].scale ? n : a, 0)"
    index = person.ask(heaviest)
    left, top = person.ask(
        "(() => { const b = v.stage.current.container.getBoundingClientRect(), w = v.stage.current.view;"
        " return [b.left + w.x + 450 * w.scale, b.top + w.y + 330 * w.scale]; })()"
    )
    x, y = person.grab(index)
    page.mouse.move(x + 6, y + 3)
    identity = person.until("[...v.state.held][0]")
    grabbed = person.ask(f"(() => {{ const l = v.state.layers.get('{identity}'); return [l.x, l.y]; }})()")
    for n in range(1, 19):
        share = n / 18
        page.mouse.move(x + (left - x) * share, y + (top - y) * share)
        take()
    scale = person.ask("v.stage.current.view.scale")
    held = person.ask(f"(() => {{ const l = v.state.layers.get('{identity}'); return [l.x, l.y]; }})()")
    assert (held[0] - grabbed[0]) * scale == pytest.approx(left - x - 6, abs=14)
    assert (held[1] - grabbed[1]) * scale == pytest.approx(top - y - 3, abs=14)
    for _ in range(5):
        take()
    page.mouse.up()
    person.until("v.state.held.size === 0")
    for _ in range(60):
        take()
        if not person.ask("v.state.running()"):
            break
    take()
    kept = frames[:29] + frames[29::2]
    film = io.BytesIO()
    times = [EVERY] * (len(kept) - 1) + [1800]
    kept[0].save(film, "WEBP", save_all=True, append_images=kept[1:], duration=times, loop=0, quality=70, method=4)
    assert film.tell() < MOST
    assert person.problems == []
    person.keep("drag.webp", film.getvalue())
