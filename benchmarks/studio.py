"""How fast the studio is in a browser: frames seen while a run goes on, how long a drag waits, bytes and CPU.

    python benchmarks/studio.py [--pieces 100,1000] [--seconds 8] [--canvas]

A real studio and a real Chromium, headless and drawn by software, share this machine. Frames are those in which the
page drew pieces at new places, by the time that requestAnimationFrame gives; between two poses that the server tells
the page moves pieces on smoothly, so both are printed; a drag's latency goes from the input event's own
time to the frame after the one that drew it, which is when it is seen. Beside them, for scale: the frames that a bare
canvas of as many rotated pictures gets in the same browser at the same time, with nothing else going on.

--canvas compares canvas libraries, Konva as the page has it and, with --pixi FILE (pixi.min.mjs of npm's pixi.js),
PixiJS: frames a second at 1,000 pictures that all move.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
ICONS = {"apple": "#c9532b", "lemon": "#e0a12e", "leaf": "#2f6b35", "carrot": "#d9762b"}
BARE = """<!doctype html><canvas id=c width=560 height=560></canvas><script>
const q = new URLSearchParams(location.search), n = +q.get("n"), g = c.getContext("2d"), sprites = [];
for (let i = 0; i < 40; i++) {
  const s = new OffscreenCanvas(64, 64), p = s.getContext("2d");
  p.fillStyle = `hsl(${i * 37} 70% 50%)`; p.beginPath(); p.ellipse(32, 32, 30, 20, i, 0, 7); p.fill();
  sprites.push(s.transferToImageBitmap());
}
const times = [], side = 560 / Math.sqrt(n) / 64;
requestAnimationFrame(function draw(t) {
  times.push(t); g.setTransform(1, 0, 0, 1, 0, 0); g.clearRect(0, 0, 560, 560);
  for (let i = 0; i < n; i++) {
    const a = t / 900 + i;
    g.setTransform(Math.cos(a) * side, Math.sin(a) * side, -Math.sin(a) * side, Math.cos(a) * side,
      280 + 250 * Math.cos(i * 2.4) * Math.sqrt(i / n), 280 + 250 * Math.sin(i * 2.4) * Math.sqrt(i / n));
    g.drawImage(sprites[i % 40], -32, -32);
  }
  globalThis.times = times; requestAnimationFrame(draw);
});
</script>"""
LIBRARIES = """<!doctype html><div id=a></div><script src=konva.min.js></script><script type=module>
const q = new URLSearchParams(location.search), lib = q.get("lib"), N = 1000, W = 900, H = 700, sprites = [];
for (let i = 0; i < 100; i++) {
  const s = new OffscreenCanvas(48, 48), p = s.getContext("2d");
  p.fillStyle = `hsl(${i * 37} 70% 50%)`; p.beginPath(); p.ellipse(24, 24, 22, 14, i, 0, 7); p.fill();
  sprites.push(await createImageBitmap(s));
}
const P = Array.from({length: N}, (_, i) => ({x: Math.random() * W, y: Math.random() * H, r: i, s: 0.75, b: sprites[i % 100]}));
const step = (t) => P.forEach((p, i) => { p.r += 1; p.x += Math.sin(t / 300 + i); });
let move;
if (lib === "pixi") {
  const PIXI = await import("./pixi.min.mjs"), app = new PIXI.Application();
  await app.init({width: W, height: H, autoStart: false, preference: "webgl"}); document.body.append(app.canvas);
  const textures = sprites.map((b) => PIXI.Texture.from(b));
  const nodes = P.map((p, i) => { const s = new PIXI.Sprite(textures[i % 100]); s.anchor.set(0.5); s.scale.set(p.s); s.y = p.y; app.stage.addChild(s); return s; });
  move = (t) => { step(t); nodes.forEach((n, i) => { n.x = P[i].x; n.rotation = P[i].r / 57.3; }); app.render(); };
} else {
  Konva.autoDrawEnabled = false;
  const stage = new Konva.Stage({container: "a", width: W, height: H}), layer = new Konva.Layer({listening: false}); stage.add(layer);
  if (lib === "konva-nodes") {
    const nodes = P.map((p) => { const n = new Konva.Image({image: p.b, x: p.x, y: p.y, offsetX: 24, offsetY: 24, scaleX: p.s, scaleY: p.s, perfectDrawEnabled: false}); layer.add(n); return n; });
    move = (t) => { step(t); nodes.forEach((n, i) => n.setAttrs({x: P[i].x, rotation: P[i].r})); layer.draw(); };
  } else {
    layer.add(new Konva.Shape({sceneFunc: (c) => { const g = c._context; for (const p of P) { const a = Math.cos(p.r / 57.3) * p.s, b = Math.sin(p.r / 57.3) * p.s; g.setTransform(a, b, -b, a, p.x, p.y); g.drawImage(p.b, -24, -24); } }}));
    move = (t) => { step(t); layer.draw(); };
  }
}
globalThis.times = [];
requestAnimationFrame(function draw(t) { times.push(t); move(t); requestAnimationFrame(draw); });
</script>"""  # noqa: E501


@contextlib.contextmanager
def studio(folder: Path) -> Iterator[tuple[str, int]]:
    """The link of a studio on a folder, and its process."""
    command = [sys.executable, "-m", "vertumnus", "studio", str(folder), "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            sys.exit("the studio did not start; see `vertumnus studio --no-browser`")
        yield found.group(0), process.pid
    finally:
        process.terminate()
        process.wait(20)


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and of all that it began."""
    parents, used = {}, {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                parents[int(place.name)] = int(fields[1])
                used[int(place.name)] = sum(int(fields[n]) for n in (11, 12)) / TICKS
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(used.get(one, 0.0) for one in family)


def rate(times: list[float]) -> float:
    """Frames a second."""
    return 1000 * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 2 else 0.0


def shares(values: list[float]) -> str:
    """Median and 95 % of milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return "none"
    return f"{statistics.median(ordered):.0f} / {ordered[int(0.95 * (len(ordered) - 1))]:.0f} ms of {len(ordered)}"


def served(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Files of a folder at an address of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


def watched(browser: Any, address: str, seconds: float) -> float:
    """Frames a second of a page that keeps its frames' times."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(address)
    page.wait_for_timeout(1000 + 1000 * seconds)
    times = page.evaluate("globalThis.times ?? []")
    page.close()
    return rate([time for time in times if time > times[0] + 1000]) if times else 0.0


def ask(page: Any, expression: str) -> Any:
    """What an expression says in the page, where v is what it shows tests."""
    return page.evaluate(f"(() => {{ const v = globalThis.vertumnus; return ({expression}); }})()")


def until(page: Any, expression: str, seconds: float = 180) -> None:
    """Waits until an expression is true in the page."""
    end = time.monotonic() + seconds
    while not ask(page, expression):
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {expression}; {ask(page, '[...v.state.errors.value.values()]')}")
        page.wait_for_timeout(50)


def begun(browser: Any, link: str, pieces: int) -> Any:
    """A page with a new document of so many pieces."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(link)
    page.get_by_role("button", name="Square empty canvas").click()
    page.wait_for_selector("#canvas")
    until(page, "v.state.connection.value === 'open'")
    for n, (name, colour) in enumerate(ICONS.items()):
        page.locator("#icon-colour").fill(colour)
        each = page.get_by_label("Each", exact=True)
        each.fill(str(pieces // len(ICONS)))
        each.press("Enter")
        page.get_by_role("button", name=f"Add {name}", exact=True).click()
        until(page, f"v.state.stack.layers.length === {(n + 1) * (pieces // len(ICONS))}")
    page.wait_for_timeout(1500)
    return page


def dragged(page: Any, seconds: float) -> list[float]:
    """Drags the uppermost piece about; milliseconds from each input to when it was seen."""
    at = ask(
        page,
        "(() => { const s = v.stage.current, l = v.state.stack.layers.at(-1), w = s.view;"
        " const b = s.container.getBoundingClientRect();"
        " return [b.left + w.x + w.scale * l.x, b.top + w.y + w.scale * l.y]; })()",
    )
    page.mouse.move(*at)
    page.mouse.down()
    ask(page, "v.measured()")
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        n += 1
        page.mouse.move(at[0] + 40 * (n % 7 - 3) / 3, at[1] + 6 + n % 5)
        page.wait_for_timeout(25)
    found = ask(page, "v.measured().latencies")
    page.mouse.up()
    until(page, "v.state.held.size === 0")
    return found


def measure(browser: Any, link: str, pid: int, pieces: int, seconds: float, bare: float) -> None:
    """Prints a row of figures."""
    page = begun(browser, link, pieces)
    still = dragged(page, seconds / 2)
    page.keyboard.press("Control+z")
    page.wait_for_timeout(600)
    page.get_by_role("tab", name="Arrange").click()
    page.get_by_label("Quality", exact=True).select_option("high")
    page.get_by_role("button", name="Pack", exact=True).click()
    until(page, "v.state.run.value?.state === 'running' && v.traffic.frames > 2")
    ask(page, "v.measured()")
    received, used, began = ask(page, "v.traffic.received"), cpu_seconds(pid), time.monotonic()
    told = ask(page, "v.traffic.frames")
    end = began + seconds
    while time.monotonic() < end and ask(page, "v.state.run.value?.state === 'running'"):
        page.wait_for_timeout(100)
    took = time.monotonic() - began
    frames = ask(page, "v.measured().frames")
    told = ask(page, "v.traffic.frames") - told
    received, used = ask(page, "v.traffic.received") - received, cpu_seconds(pid) - used
    while_running = dragged(page, seconds / 2) if ask(page, "v.state.run.value?.state === 'running'") else []
    print(
        f"{pieces:6,} pieces: {rate(frames):5.1f} frames/s seen over {took:.1f} s (a bare canvas {bare:.1f}),"
        f" poses told {told / took:.1f} times a second;"
        f" a drag is seen in {shares(while_running)} while it runs, {shares(still)} at rest (median / 95 %);"
        f" {received / took / 1000:.0f} kB/s; server {100 * used / took:.0f} % of a core",
        flush=True,
    )
    page.context.close()


def main() -> None:
    """Measures, and prints."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pieces", default="100,1000")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--canvas", action="store_true", help="compare canvas libraries")
    parser.add_argument("--pixi", type=Path, help="pixi.min.mjs of npm's pixi.js")
    asked = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no Chromium; name it in CHROMIUM")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as running:
        folder = Path(place)
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=chromium, args=sandbox)
        (folder / "bare.html").write_text(BARE)
        (folder / "libraries.html").write_text(LIBRARIES)
        shutil.copy(ROOT / "src/vertumnus/studio/static/vendor/konva.min.js", folder)
        if asked.pixi:
            shutil.copy(asked.pixi, folder / "pixi.min.mjs")
        server, address = served(folder)
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load {load:.1f} before; Chromium {browser.version}, drawn by software")
        if asked.canvas:
            for name in ["konva-shape", "konva-nodes", *(["pixi"] if asked.pixi else [])]:
                print(f"{name}: {watched(browser, f'{address}/libraries.html?lib={name}', 4):.1f} frames/s")
        else:
            for pieces in [int(text) for text in asked.pieces.split(",")]:
                (folder / f"studio-{pieces}").mkdir()
                bare = watched(browser, f"{address}/bare.html?n={pieces}", 3)
                with studio(folder / f"studio-{pieces}") as (link, pid):
                    measure(browser, link, pid, pieces, asked.seconds, bare)
        server.shutdown()
        browser.close()


if __name__ == "__main__":
    main()
