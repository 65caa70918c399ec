"""The stories of the studio, as a person does them: with a mouse, on a page, against a real server."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

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
    x, y = person.grab(count - 1)
    grabbed = person.ask("[...v.state.selection.value][0]")
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
        # The step that is being taken is taken to its end; then nothing moves.
        for _ in range(20):
            still = person.ask("v.state.run.value.done")
            person.page.wait_for_timeout(400)
            if person.ask("v.state.run.value.done") == still:
                break
        else:
            raise AssertionError("a paused run goes on")
        person.page.keyboard.press("Space")
    person.until("!v.state.running()", 240)
    assert person.ask("v.state.run.value.state") == "finished"
    person.shot(f"packed-{count}")
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("Control+z")
    assert person.errors() == []
    assert person.problems == []


def test_edits_by_hand(person) -> None:
    """Handles move, turn, scale, squeeze and shear; several at once; order, tint, opacity, lock; undo and redo."""
    person.begin()
    person.icons({"apple": "#c9532b"}, 1)
    person.icons({"leaf": "#2f6b35"}, 1)
    layer = "v.state.stack.layers[1]"
    x, y = person.on_screen(1)
    mouse = person.page.mouse
    mouse.click(x, y)
    assert person.until("v.state.selection.value.size") == 1
    first = person.ask(f"({{...{layer}}})")

    def handle(name: str) -> tuple[float, float]:
        return tuple(
            person.ask(
                "(() => { const s = v.stage.current, b = s.container.getBoundingClientRect(), h = s.handles;"
                f" const p = '{name}' === 'shear' ? h.shear.getAbsolutePosition() : h.transformer.findOne('.{name}')"
                ".getAbsolutePosition(); return [b.left + p.x, b.top + p.y]; })()"
            )
        )

    def pull(name: str, dx: float, dy: float) -> None:
        person.drawn()
        hx, hy = handle(name)
        mouse.move(hx, hy)
        mouse.down()
        mouse.move(hx + dx, hy + dy, steps=6)
        mouse.up()
        person.until("v.state.held.size === 0")

    pull("bottom-right", 40, 40)
    assert person.ask(f"{layer}.scale") > 1.1 * first["scale"]
    pull("middle-right", 50, 0)
    assert abs(person.ask(f"{layer}.squeeze") - 1) > 0.1
    pull("shear", 40, 0)
    assert abs(person.ask(f"{layer}.shear")) > 5
    pull("rotater", 60, 40)
    assert abs(person.ask(f"{layer}.rotation")) > 10
    x, y = person.on_screen(1)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 130, y + 110, steps=6)
    mouse.up()
    person.until("v.state.held.size === 0")
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("f")
    person.until(f"{layer}.flip")
    person.shot("handles")

    # What the canvas shows is what the program renders, all of that and a tint considered.
    person.page.locator("summary", has_text="Tint").click()
    for label, value in (("Gain: red", "0.4"), ("Offset: red", "0.2")):
        field = person.page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
    person.until(f"{layer}.offset[0] === 0.2")
    opacity = person.page.get_by_label("Opacity", exact=True)
    opacity.fill("0.7")
    person.until(f"{layer}.opacity === 0.7")
    for _ in range(20):  # a picture may still be on its way
        if (far := shown_as_rendered(person)) < 0.006:
            break
    assert far < 0.006

    # Several at once, by a box around them.
    person.page.keyboard.press("Escape")
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("Control+a")
    assert person.ask("v.state.selection.value.size") == 2
    before = person.ask("v.state.stack.layers.map(l => l.scale)")
    person.shot("several")
    pull("bottom-right", 60, 60)
    after = person.ask("v.state.stack.layers.map(l => l.scale)")
    assert all(new > 1.05 * old for old, new in zip(before, after, strict=True))

    # Order, and a lock that hands respect.
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("n")
    person.page.keyboard.press("Control+Shift+]")
    person.until("v.state.stack.layers[1].name === 'apple'")
    person.page.keyboard.press("l")
    person.until("v.state.stack.layers[1].locked")
    person.page.keyboard.press("ArrowRight")
    assert person.until("v.state.errors.value.get('selection')") == "apple is locked"
    person.shot("locked")

    # Back to the beginning by the list of steps, and on to the end again.
    person.panel("History")
    for name in ("Flip", "Shear", "Squeeze", "Turn", "Tint"):
        person.until(f"v.state.history.value.steps.includes('{name} leaf')")
    person.shot("history")
    last = person.ask("JSON.stringify(v.state.stack.layers)")
    person.page.get_by_role("button", name="As it was opened").click()
    person.until("v.state.stack.layers.length === 0")
    person.page.locator(".step").last.click()
    person.until("v.state.stack.layers.length === 2")
    assert person.ask("JSON.stringify(v.state.stack.layers)") == last
    assert person.problems == []


def shown_as_rendered(person) -> float:
    """How far what the canvas shows is from the exported PNG: mean difference of the canvas's pixels, of 1."""
    person.page.keyboard.press("Control+s")
    person.page.keyboard.press("0")
    person.page.keyboard.press("Escape")
    person.drawn()
    person.page.wait_for_timeout(100)
    left, top, scale = person.ask(
        "(() => { const s = v.stage.current, b = s.container.getBoundingClientRect();"
        " return [b.left + s.view.x, b.top + s.view.y, s.view.scale]; })()"
    )
    address, identity = person.page.url.split("#")
    got = person.page.context.request.get(f"{address}api/documents/{identity}/exports/png", params={"scale": scale})
    rendered = Image.open(io.BytesIO(got.body())).convert("RGB")
    seen = Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")
    box = (round(left), round(top), round(left) + rendered.width, round(top) + rendered.height)
    difference = np.abs(np.asarray(seen.crop(box), float) - np.asarray(rendered, float)) / 255
    return float(difference[8:-8, 8:-8].mean())


def test_takes_it_away(person, tmp_path) -> None:
    """Every format is saved from the panel; the command to make it again is there to copy, and is true."""
    person.begin()
    person.icons({"apple": "#c9532b", "lemon": "#e0a12e", "leaf": "#2f6b35"}, 4)
    person.panel("Arrange")
    person.button("heart").click()
    person.page.get_by_label("Quality", exact=True).select_option("fast")
    person.button("Pack").click()
    person.until("v.state.run.value?.state === 'finished'", 120)
    person.panel("Take away")
    formats = person.page.get_by_label("As", exact=True).locator("option").all()
    assert {"film", "gif", "mp4", "psd", "collage"} <= {one.get_attribute("value") for one in formats}
    assert len(formats) >= 14
    for value in [one.get_attribute("value") for one in formats]:
        person.page.get_by_label("As", exact=True).select_option(value)
        with person.page.expect_download(timeout=180_000) as download:
            person.page.locator("button.primary.wide").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.stat().st_size > 200, value
        if value in ("film", "gif"):
            with Image.open(path) as film:
                first = np.asarray(film.convert("RGB"), float)
                film.seek(film.n_frames - 1)
                assert film.n_frames > 4
                assert np.abs(np.asarray(film.convert("RGB"), float) - first).mean() > 5, "the pieces have moved"
    person.page.get_by_label("As", exact=True).select_option("png")
    person.page.locator(".copy code").first.wait_for()
    person.shot("take-away")
    assert person.page.locator(".copy code").first.inner_text().startswith("vertumnus again Untitled.collage -o ")
    assert person.errors() == []
    assert person.problems == []


def test_harmonises(person) -> None:
    """Seeds come into the gallery one by one; one is taken; it is a step of the history, and can be taken back."""
    person.begin()
    person.icons({"apple": "#c9532b"}, 1)
    person.icons({"leaf": "#2f6b35"}, 1)
    person.panel("Harmonise")
    words = person.page.get_by_label("apple", exact=True)
    words.fill("a red apple")
    words.press("Enter")
    person.until("v.state.stack.layers[0].prompt === 'a red apple'")
    seeds = person.page.get_by_label("Seeds", exact=True)
    seeds.fill("3")
    seeds.press("Enter")
    person.page.locator("summary", has_text="All options").click()
    steps = person.page.get_by_label("Steps", exact=True)
    steps.fill("8")
    steps.press("Enter")
    person.button("Harmonise").last.click()
    person.until("[...v.state.jobs.value.values()].some(j => j.results.length === 1)", 180)
    person.shot("harmonise-filling")
    person.until("[...v.state.jobs.value.values()].some(j => j.state === 'done')", 240)
    person.until("document.querySelectorAll('.result img').length === 3")
    person.page.get_by_role("button", name="Take: seed 1").click()
    person.until("v.state.history.value.steps.at(-1) === 'Harmonise, seed 1'", 60)
    person.shot("harmonised")

    # One piece anew over the result, and again: each round is a step, and the rest of the picture stays as it was.
    seeds.fill("1")
    seeds.press("Enter")
    whole = [picture_of(person)]
    for rounds, seed in ((2, 5), (3, 6)):
        first = person.page.get_by_label("From seed", exact=True)
        first.fill(str(seed))
        first.press("Enter")
        person.panel("Layers")
        person.page.get_by_role("option", name="leaf").click()
        person.panel("Harmonise")
        person.button("Only “leaf” anew").click()
        jobs = "[...v.state.jobs.value.values()]"
        person.until(f"{jobs}.length === {rounds} && {jobs}.at(-1).state === 'done'", 240)
        person.page.get_by_role("button", name=f"Take: seed {seed}").click()
        person.until(f"v.state.history.value.at === {rounds + 3}", 60)
        person.done(f"Harmonise, seed {seed}")
        whole.append(picture_of(person))
        changed = np.abs(whole[-1] - whole[-2]).max(axis=2)
        left, right = np.array_split(changed, 2, axis=1)
        share = [float((half > 0.02).mean()) for half in ((left, right) if leaf_is_right(person) else (right, left))]
        assert share[1] > 0.02, f"{share}: it was drawn anew"
        assert share[0] < 0.2 * share[1], "what is elsewhere stays"
    person.page.locator("#canvas").focus()
    for rounds in (2, 1, 0):
        person.page.keyboard.press("Control+z")
        person.until(f"v.state.history.value.at === {rounds + 3}")
        if rounds:
            assert np.array_equal(picture_of(person), whole[rounds - 1])
    person.until("v.state.stack.layers.length === 2")
    assert person.errors() == []
    assert person.problems == []


def picture_of(person) -> np.ndarray:
    """The document's picture as the program renders it, 0 to 1."""
    address, identity = person.page.url.split("#")
    got = person.page.context.request.get(f"{address}api/documents/{identity}/exports/png", params={"scale": 0.25})
    return np.asarray(Image.open(io.BytesIO(got.body())).convert("RGB"), float) / 255


def leaf_is_right(person) -> bool:
    """On which side of the canvas the leaf lies."""
    return person.ask("v.state.stack.layers.find(l => l.name === 'leaf').x > v.state.canvas.value.width / 2")


def test_mosaics(person) -> None:
    """The example's preview follows its options; it is taken, a tile is kept and one left out; deep zoom opens."""
    person.page.get_by_role("button", name="A photograph of photographs").click()
    done = "[...v.state.jobs.value.values()].filter(j => j.verb === 'mosaic' && j.state === 'done').length"
    person.until(f"{done} >= 1", 120)
    person.shot("mosaic-preview")
    count = person.page.get_by_label("Count", exact=True)
    count.fill("400")
    count.press("Enter")
    person.take("mosaic", 2)
    person.until("v.state.stack.layers.length === 400")
    name = person.click_tile(205)
    person.button("Leave it out").click()
    person.take("mosaic", 3)
    person.until(f"v.state.stack.layers.length === 400 && v.state.stack.layers.every(l => l.name !== '{name}')")
    kept = person.click_tile(205)
    person.button("Keep here").click()
    person.take("mosaic", 4)
    assert person.ask("v.state.stack.layers[205].name") == kept
    person.drawn()
    person.shot("mosaic")
    person.button("Deep zoom").click()
    person.page.wait_for_selector(".openseadragon-canvas canvas")
    person.page.mouse.move(600, 400)
    for n in range(100):  # once the view is there, there is a tile under the pointer
        person.page.mouse.move(600 + n % 2, 400)
        if person.ask("document.querySelector('.tile-card.on img')?.naturalWidth"):
            break
        person.page.wait_for_timeout(100)
    assert person.ask("document.querySelector('.tile-card.on img')?.naturalWidth") > 96
    person.shot("deep-zoom")
    assert person.errors() == []
    assert person.problems == []
