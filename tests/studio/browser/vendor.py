"""Brings the page's libraries into static/vendor: `python tests/studio/browser/vendor.py`, with npm on the path.

Files are as published, but that modules name each other by relative path (no bundler, no import map), that
source maps are not named, and that of Lucide only the icons in use are kept. Prints the table of vendor/LICENSES.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).parents[3] / "src/vertumnus/studio/static"
PACKAGES = {
    # package: (version, licence, {file in the package: file in vendor/})
    "preact": ("11.2.0", "MIT", {"dist/preact.mjs": "preact.mjs", "hooks/dist/hooks.mjs": "hooks.mjs"}),
    "htm": ("3.1.1", "Apache-2.0", {"dist/htm.mjs": "htm.mjs"}),
    "@preact/signals": ("2.11.4", "MIT", {"dist/signals.mjs": "signals.mjs"}),
    "@preact/signals-core": ("1.14.5", "MIT", {"dist/signals-core.mjs": "signals-core.mjs"}),
    "konva": ("10.9.1", "MIT", {"konva.min.js": "konva.min.js"}),
    "openseadragon": (
        "6.1.1",
        "BSD-3-Clause",
        {"build/openseadragon/openseadragon.min.js": "openseadragon.min.js"},
    ),
    "lucide-static": ("1.62.0", "ISC", {}),
}
ICONS = [
    "align-center-horizontal",
    "align-center-vertical",
    "align-end-horizontal",
    "align-end-vertical",
    "align-start-horizontal",
    "align-start-vertical",
    "arrow-down",
    "arrow-down-to-line",
    "arrow-up",
    "arrow-up-to-line",
    "ban",
    "check",
    "clipboard",
    "cloud",
    "copy",
    "download",
    "eye",
    "eye-off",
    "file",
    "folder-open",
    "grid-3x3",
    "hand",
    "heart",
    "image",
    "image-plus",
    "images",
    "keyboard",
    "lasso-select",
    "layers",
    "magnet",
    "moon",
    "mouse-pointer-2",
    "panel-left",
    "panel-right",
    "pause",
    "pin",
    "pin-off",
    "play",
    "plus",
    "puzzle",
    "redo-2",
    "refresh-cw",
    "rotate-ccw-clock",
    "scissors",
    "shapes",
    "sparkles",
    "square",
    "square-centerline-dashed-horizontal",
    "sun",
    "text-quote",
    "trash",
    "triangle-alert",
    "type",
    "undo-2",
    "upload",
    "wifi-off",
    "x",
    "zoom-in",
    "zoom-out",
]
MODULES = {
    "preact": "./preact.mjs",
    "preact/hooks": "./hooks.mjs",
    "@preact/signals-core": "./signals-core.mjs",
}


def fetched(name: str, version: str, folder: Path) -> dict[str, bytes]:
    """The files of a package, by their paths in it."""
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    found = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / found) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.split("/", 1)[1]: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]


def adapted(data: bytes) -> bytes:
    """A file with relative imports, without the name of a source map."""
    text = re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", data.decode())
    for name, path in MODULES.items():
        text = re.sub(rf"""from\s*["']{re.escape(name)}["']""", f'from"{path}"', text)
    return text.encode()


def icons(files: dict[str, bytes]) -> bytes:
    """The icons in use, as a module: name to the elements of a 24 x 24 drawing."""
    nodes = json.loads(files["icon-nodes.json"])
    missing = [name for name in ICONS if name not in nodes]
    if missing:
        sys.exit(f"Lucide has no icon {', '.join(missing)}")
    lines = [f"  {json.dumps(name)}: {json.dumps(nodes[name], separators=(',', ':'))}," for name in ICONS]
    head = "// Of Lucide (ISC licence, see LICENSES.md): the elements of 24 x 24 drawings, by name.\n"
    kind = "/** @type {Record<string, [string, Record<string, string>][]>} */\n"
    return (head + kind + "export const ICONS = {\n" + "\n".join(lines) + "\n};\n").encode()


def main() -> None:
    """Writes vendor/ and prints the table."""
    vendor = STATIC / "vendor"
    vendor.mkdir(exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (version, licence, wanted) in PACKAGES.items():
            files = fetched(name, version, Path(folder))
            licence_file = next(key for key in files if "/" not in key and key.upper().startswith("LICENSE"))
            text_name = name.replace("@", "").replace("/", "-") + ".LICENSE.txt"
            (vendor / text_name).write_bytes(files[licence_file])
            made = {target: adapted(files[source]) for source, target in wanted.items()}
            if name == "lucide-static":
                made = {"icons.js": icons(files)}
            for target, data in made.items():
                (vendor / target).write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                rows.append(f"| `{target}` | {name} {version} | {licence} | `{text_name}` | `{digest}` |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
