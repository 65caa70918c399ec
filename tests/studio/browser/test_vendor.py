"""The page's libraries are the ones that LICENSES.md lists, and the page asks no network for anything."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

STATIC = Path(__file__).parents[3] / "src/vertumnus/studio/static"
ROW = re.compile(r"\| `(\S+)` \| (\S+) (\S+) \| \S+ \| `(\S+)` \| `([0-9a-f]{64})` \|")


def test_libraries_are_as_listed() -> None:
    """Every file of vendor/ has a row with its sum, a licence, and the version that the types are checked with."""
    rows = {name: row for name, *row in ROW.findall((STATIC / "vendor/LICENSES.md").read_text())}
    shipped = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in (".mjs", ".js")}
    assert set(rows) == shipped
    checked = json.loads((Path(__file__).parent / "package.json").read_text())["dependencies"]
    for name, (package, version, licence, digest) in rows.items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name
        assert (STATIC / "vendor" / licence).stat().st_size > 500
        assert checked.get(package, version) == version


def test_nothing_from_a_network() -> None:
    """No address of another host, no script or style within the page: what the content security policy asks for."""
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    for path in [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), STATIC / "index.html"]:
        if "vendor" not in path.parts:
            assert not re.search(r"https?://[a-z]", path.read_text()), path
            assert not re.search(r"\beval\(|new Function\b", path.read_text()), path


def test_icons_are_there() -> None:
    """Every icon that the page names is in vendor/icons.js."""
    there = set(re.findall(r'^  "([a-z0-9-]+)":', (STATIC / "vendor/icons.js").read_text(), re.M))
    named = set()
    for path in STATIC.rglob("*.js"):
        if "vendor" not in path.parts:
            named.update(re.findall(r'(?:Icon|IconButton)\} name="([a-z0-9-]+)"', path.read_text()))
            named.update(re.findall(r'icon: "([a-z0-9-]+)"', path.read_text()))
    assert len(named) > 20
    assert named <= there
