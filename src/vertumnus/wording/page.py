"""A cloud as one page that needs nothing else: words lead on, and say their counts when pointed at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from vertumnus.document.collage import Collage, Layer
from vertumnus.imaging.colour import parse_colour
from vertumnus.wording.table import Word
from vertumnus.writing import atomic_write

ROOT = re.compile(r"<svg\b[^>]*>(.*)</svg>\s*$", re.DOTALL)

STYLE = """
html,body{margin:0;height:100%}
body{display:flex;flex-direction:column;align-items:center;justify-content:center;font:15px/1.4 system-ui,sans-serif}
svg{max-width:100%;max-height:calc(100% - 3.2em);height:auto}
.w{cursor:default;transition:opacity .15s}
a .w{cursor:pointer}
svg:hover .w,svg.found .w{opacity:.28}
svg:hover .w:hover,svg.found .w.on,a:focus .w{opacity:1}
a:focus{outline:none}
#tip{position:fixed;padding:.3em .7em;border-radius:.4em;background:#222;color:#fff;pointer-events:none;
opacity:0;transition:opacity .1s;white-space:nowrap;z-index:1}
#find{margin:.5em;padding:.3em .6em;border:1px solid #8888;border-radius:.4em;background:#fff8;font:inherit;width:9em;
opacity:.5}
#find:focus,#find:hover{opacity:1}
@media print{#find,#tip{display:none}}
"""

SCRIPT = """
const svg=document.querySelector('svg'),tip=document.getElementById('tip'),find=document.getElementById('find');
svg.addEventListener('pointermove',e=>{const w=e.target.closest('.w');
 if(!w){tip.style.opacity=0;return}
 tip.textContent=w.dataset.said;tip.style.opacity=1;
 tip.style.left=Math.min(e.clientX+14,innerWidth-tip.offsetWidth-8)+'px';
 tip.style.top=Math.max(e.clientY-tip.offsetHeight-10,4)+'px'});
svg.addEventListener('pointerleave',()=>tip.style.opacity=0);
find.addEventListener('input',()=>{const q=find.value.trim().toLowerCase();svg.classList.toggle('found',!!q);
 for(const w of svg.querySelectorAll('.w'))w.classList.toggle('on',!!q&&w.dataset.said.toLowerCase().includes(q))});
"""


def save_page(collage: Collage, words: Sequence[Word], path: str | Path, title: str = "Words") -> None:
    """Writes a cloud as HTML: the outlines in it, links to follow, weights told on hover, a field to find a word.

    words   by which layers that are named alike have their weights, groups and links

    Raises `VertumnusError` if the place cannot be written.
    """
    by_name: dict[str, Word] = {}
    for word in words:
        by_name.setdefault(word.text, word)
    ground = "transparent"
    if collage.background is not None:
        red, green, blue, alpha = parse_colour(collage.background)
        ground = f"rgba({red},{green},{blue},{alpha / 255:.4g})"
    parts = [_layer(collage, layer, by_name.get(layer.name)) for layer in collage.layers if layer.visible]
    page = (
        f'<!doctype html>\n<html lang="{_language(collage)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}body{{background:{ground}}}</style></head><body>\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {collage.width} {collage.height}"'
        f' width="{collage.width}" height="{collage.height}" role="img" aria-label="{escape(title, quote=True)}">\n'
        + "".join(parts)
        + '</svg>\n<div id="tip"></div><input id="find" type="search" placeholder="find" aria-label="find a word">'
        + f"\n<script>{SCRIPT}</script></body></html>\n"
    )
    with atomic_write(Path(path)) as stream:
        stream.write(page.encode(errors="replace"))


def _language(collage: Collage) -> str:
    report = collage.made_by.report if collage.made_by is not None else {}
    found = report.get("language")
    return found if isinstance(found, str) and found.isalpha() else "und"


def _layer(collage: Collage, layer: Layer, word: Word | None) -> str:
    drawing = collage.pictures.drawing(layer.image)
    found = ROOT.search(drawing.decode()) if drawing is not None else None
    if found is None:
        return ""
    width, height = collage.pictures.size(layer.image)
    inner = re.sub(r"<title>.*?</title>", "", found[1], flags=re.DOTALL)
    transform = (
        f"translate({layer.x:.3f} {layer.y:.3f}) rotate({layer.rotation:g}) scale({layer.scale:.6g})"
        f" translate({-width / 2:g} {-height / 2:g})"
    )
    if word is None:
        return f'<g transform="{transform}">{inner}</g>\n'
    said = f"{word.text}: {word.weight:g}" + (f" ({word.group})" if word.group else "")
    text = (
        f'<g class="w" data-said="{escape(said, quote=True)}" transform="{transform}">'
        f"{inner}<title>{escape(said)}</title></g>"
    )
    if word.link:
        text = f'<a href="{escape(word.link, quote=True)}" aria-label="{escape(word.text, quote=True)}">{text}</a>'
    return text + "\n"
