"""Gathers the drawings of drawings.toml into drawings.json: python training/fetch.py FOLDER [--photographs]

The icon sets are npm packages, @iconify-json/SET; `npm pack` puts them into FOLDER, and their licences are written
down with the drawings. What the models are trained on is in the repository this way, and needs no network. Whole
sets stay in FOLDER, for the autoencoder, which is to see more than the world's nouns; so do two photographs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from drawings import FAMILIES, HERE, TABLE


def fetch(folder: Path) -> None:
    """The sets, as SET.json in the folder; those that are there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        target = folder / f"{family}.json"
        if target.exists():
            continue
        command = ["npm", "pack", "--silent", f"@iconify-json/{family}", "--pack-destination", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob(f"iconify-json-{family}-[0-9]*.tgz")
        with tarfile.open(archive) as tar:
            icons, info = (tar.extractfile(f"package/{name}.json") for name in ("icons", "info"))
            assert icons is not None
            assert info is not None
            target.write_text(json.dumps({**json.load(icons), "licence": json.load(info)["license"]}))
        archive.unlink()


def photographs(folder: Path) -> None:
    """china.jpg and flower.jpg (CC BY) out of scikit-learn's wheel, into FOLDER/photographs."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "scikit-learn"]
    subprocess.run(command, check=True)
    (folder / "photographs").mkdir(exist_ok=True)
    (wheel,) = folder.glob("scikit_learn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("china.jpg", "flower.jpg"):
            (folder / "photographs" / name).write_bytes(archive.read(f"sklearn/datasets/images/{name}"))
    wheel.unlink()


def as_svg(icons: dict[str, Any], name: str) -> str:
    """One icon of a set as a document."""
    icon = icons["icons"][name]
    left, top = (icon.get(key, icons.get(key, 0)) for key in ("left", "top"))
    width, height = (icon.get(key, icons.get(key, 16)) for key in ("width", "height"))
    links = ' xmlns:xlink="http://www.w3.org/1999/xlink"' if "xlink:" in icon["body"] else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{links} viewBox="{left} {top} {width} {height}" width="{width}" '
        f'height="{height}">{icon["body"].replace("currentColor", "#000")}</svg>'
    )


def main() -> None:
    """Fetches what is missing and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photographs", action="store_true", help="fetch two photographs too")
    chosen = parser.parse_args()
    fetch(chosen.folder)
    if chosen.photographs:
        photographs(chosen.folder)
    sets = {family: json.loads((chosen.folder / f"{family}.json").read_text()) for family in FAMILIES}
    wanted = sorted({name for names in tomllib.loads(TABLE.read_text()).values() for name in names})
    found = {name: as_svg(sets[name.partition(":")[0]], name.partition(":")[2]) for name in wanted}
    licences = {family: sets[family]["licence"] for family in FAMILIES}
    (HERE / "drawings.json").write_text(json.dumps({"licences": licences, "drawings": found}, indent=0) + "\n")


if __name__ == "__main__":
    main()
