"""The page for everybody: axe finds nothing in any panel in either theme, on a desk and on a tablet."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[3] / "build/page/node_modules/axe-core/axe.min.js"
PANELS = ("Add", "Layers", "Arrange", "Harmonise", "Mosaic", "History", "Take away")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: make page")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)], ids=["desk", "tablet"])
def test_axe_finds_nothing(another, theme, size) -> None:
    """Every rule of axe, of every standard it knows, on every panel, with everything unfolded."""
    person = another(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)

    def look(where: str) -> None:
        person.page.wait_for_timeout(150)
        found = person.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
        wrong = [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found]
        assert wrong == [], where

    person.page.wait_for_selector(".card")
    person.page.evaluate(AXE.read_text())
    assert person.ask("document.documentElement.dataset.theme") == theme
    look("the first page")
    person.shot(f"start-{theme}-{size[0]}")
    person.begin()
    person.icons({"apple": "#c9532b", "leaf": "#2f6b35"}, 2)
    for panel in PANELS:
        person.panel(panel)
        look(panel)
        person.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        look(f"{panel}, unfolded")
        person.shot(f"{panel.lower().replace(' ', '-')}-{theme}-{size[0]}")
    person.button("Close panel").click()
    person.page.locator("#canvas").focus()
    person.page.keyboard.press("n")
    if size[0] < 1100:
        person.button("Properties").click()
    person.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    look("a piece")
    person.shot(f"piece-{theme}-{size[0]}")
    person.page.keyboard.press("?")
    look("the keys")
    assert person.problems == []
