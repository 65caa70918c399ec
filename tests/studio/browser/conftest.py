"""A real studio, its command and all, and a real browser: Debian's Chromium, or the one that CHROMIUM names."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SRC = Path(__file__).parents[3] / "src"
PATIENCE = 3  # times as long as things take on a machine that does nothing else
SHOTS = os.environ.get("STUDIO_PICTURES")  # a folder for pictures of the page; without it none are kept

FIELDS = ("id", "image", "x", "y", "scale", "rotation", "flip")
SHOWN = "v.state.stack.layers.map(l => [l.id, l.image, l.x, l.y, l.scale, l.rotation, l.flip])"


@contextlib.contextmanager
def studio(folder: Path, *options: str, log: Path | None = None) -> Iterator[str]:
    """The link of a studio on a folder, as a process of its own."""
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context((log or folder.parent / f"{folder.name}.log").open("w"))
        process = subprocess.Popen(
            [sys.executable, "-m", "vertumnus", "studio", str(folder), "--no-browser", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SRC)},
        )
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, (log or folder.parent / f"{folder.name}.log").read_text()
            yield found.group(0)
        finally:
            process.terminate()
            process.wait(20 * PATIENCE)
            process.stdout.close()


class Person:
    """Somebody at the page: looks, clicks, types. ``problems`` are errors that the page has had."""

    def __init__(self, page, link: str = "") -> None:
        self.page, self.problems = page, []
        page.set_default_timeout(30_000 * PATIENCE)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.heard(said))
        if link:
            page.goto(link)

    def heard(self, said) -> None:
        """Keeps what the console calls an error."""
        if said.type == "error":
            self.problems.append(f"{said.text} {said.location.get('url', '')}")

    def ask(self, expression: str):
        """What an expression says in the page; `v` is what the page shows tests."""
        return self.page.evaluate(
            f"(() => {{ const v = globalThis.vertumnus; return v ? ({expression}) : null; }})()"
        )

    def until(self, expression: str, seconds: float = 30):
        """Waits until an expression is true in the page, and returns what it says."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            found = self.ask(expression)
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {expression}; {self.errors()}; {self.problems}")
            self.page.wait_for_timeout(40)

    def drawn(self) -> None:
        """Waits until the canvas shows what there is, handles and all, as sharp as it will be."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.until(
            "!v.stage.current.asked && v.stage.current.scene.smooth && !v.stage.current.sprites.busy"
            " && !v.stage.current.sprites.wanted.size"
        )

    def done(self, *names: str) -> None:
        """Waits until these are the last steps of the history, which is told apart from what a step changed."""
        steps = f"v.state.history.value.steps.slice({-len(names)})"
        self.until(f"JSON.stringify({steps}) === JSON.stringify({json.dumps(names)})")

    def served(self) -> list[list]:
        """What the server has of every layer, as `SHOWN` has it of the page."""
        address, identity = self.page.url.split("#")
        found = self.page.context.request.get(f"{address}api/documents/{identity}").json()["document"]["layers"]
        return [[one[name] for name in FIELDS] for one in found]

    def settled(self) -> None:
        """Waits until nothing runs and the page has every layer exactly where the server has it."""
        self.until("!v.state.running() && v.state.held.size === 0", 240)
        end = time.monotonic() + 10 * PATIENCE
        while (shown := self.ask(SHOWN)) != (served := self.served()):
            assert time.monotonic() < end, [two for two in zip(shown, served, strict=False) if two[0] != two[1]]
            self.page.wait_for_timeout(40)

    def take(self, verb: str, number: int) -> None:
        """Waits for the so-many-th result of a job that makes mosaics, and takes it."""
        jobs = "[...v.state.jobs.value.values()]"
        done = f"{jobs}.filter(j => j.verb === '{verb}' && j.state === 'done')"
        self.until(f"{done}.length >= {number} && {done}.at(-1).id === {jobs}.at(-1).id", 240)
        self.button("Take it").click()
        self.page.wait_for_selector(".preview-over", state="detached")
        self.until(f"{jobs}.at(-1).chosen !== null && v.state.stack.layers.length > 1", 60)

    def click_tile(self, cell: int) -> str:
        """Clicks on a tile of a mosaic, and sees that it is the one that is chosen; its name."""
        self.page.mouse.click(*self.on_screen(cell))
        self.until(f"v.state.selection.value.has(v.state.stack.layers[{cell}].id)")
        self.page.get_by_text(f", cell {cell}", exact=False).first.wait_for()
        return self.ask(f"v.state.stack.layers[{cell}].name")

    def grab(self, layer: int) -> tuple[float, float]:
        """Presses on a layer that may be moving; where. What has gone by meanwhile is pressed on anew."""
        for _ in range(40):
            self.page.keyboard.press("Escape")
            x, y = self.on_screen(layer)
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            if self.ask("v.state.selection.value.size"):
                return x, y
            self.page.mouse.up()
        raise AssertionError("nothing could be grabbed")

    def errors(self) -> list[str]:
        """The library's sentences that are shown."""
        return self.ask("[...v.state.errors.value.values()]")

    def button(self, name: str, within=None):
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def panel(self, name: str) -> None:
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()

    def begin(self, size: str = "Square") -> None:
        """A new empty document."""
        self.page.get_by_role("button", name=f"{size} empty canvas").click()
        self.page.wait_for_selector("#canvas")
        self.until("v.state.connection.value === 'open'")

    def icons(self, names: dict[str, str], each: int) -> None:
        """Takes icons, by name and colour, so many of each."""
        self.panel("Add")
        for name, colour in names.items():
            before = self.ask("v.state.stack.layers.length")
            self.page.locator("#icon-colour").fill(colour)
            field = self.page.get_by_label("Each", exact=True)
            field.fill(str(each))
            field.press("Enter")
            self.button(f"Add {name}").click()
            self.until(f"v.state.stack.layers.length === {before + each}")

    def on_screen(self, layer: int) -> tuple[float, float]:
        """Where the middle of a layer of the stack is, on the page."""
        return tuple(
            self.ask(
                f"(() => {{ const s = v.stage.current, l = v.state.stack.layers[{layer}], b ="
                " s.container.getBoundingClientRect(); return [b.left + s.view.x + s.view.scale * l.x,"
                " b.top + s.view.y + s.view.scale * l.y]; })()"
            )
        )

    def keep(self, name: str, data: bytes) -> None:
        """Keeps a file beside the pictures of the page, if they are wanted."""
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            (Path(SHOTS) / name).write_bytes(data)

    def shot(self, name: str) -> None:
        """Keeps a picture of the page, if they are wanted."""
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(250)
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png")


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install '.[dev]'"
    )
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or name it in CHROMIUM")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        )
        yield browser
        browser.close()


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """A studio on an empty folder."""
    folder = tmp_path / "collages"
    folder.mkdir()
    with studio(folder) as address:
        yield address


@pytest.fixture
def person(chromium, link: str) -> Iterator[Person]:
    """Somebody who has opened the link."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    yield Person(context.new_page(), link)
    context.close()


@pytest.fixture
def another(chromium, link: str) -> Iterator[Callable[..., Person]]:
    """Opens further tabs, each for somebody else."""
    contexts = []

    def tab(address: str = link, **how) -> Person:
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 720}, **how}))
        return Person(contexts[-1].new_page(), address)

    yield tab
    for context in contexts:
        context.close()
