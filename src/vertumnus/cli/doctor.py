"""``vertumnus doctor``: what is installed, what each extra would bring, and where things are kept."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from vertumnus.cachedir import cache_root
from vertumnus.version import __version__

EXTRAS = {
    "models": "diffusion and CLIP networks: compose --guidance mini, harmonize, mosaic --generate",
    "cutout": "GrabCut and matting networks: cutout",
    "vision": "a classifier of photographs: compose --guidance classifier, measure --classifier",
    "emoji": "drawings in colour: compose --drawings emoji",
    "heic": "photographs of phones",
    "raw": "photographs of cameras as they were taken",
    "pdf": "print: -o x.pdf",
    "psd": "layers for Photoshop: -o x.psd, open x.psd",
    "video": "moving pictures in MP4 and WebM",
    "studio": "the editor in the browser: studio",
    "ray": "several machines: tiles index, mosaic --ray",
}


def doctor() -> None:
    """Say what is installed, what each extra would bring, and where things are kept."""
    print(f"vertumnus {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print(f"{os.cpu_count()} cores, {_memory()}")
    for name, brings in EXTRAS.items():
        missing = _missing(name)
        if not missing:
            print(f"{name}: installed ({brings})")
        else:
            print(f"{name}: not installed ({brings}); pip install 'vertumnus[{name}]'; missing: {', '.join(missing)}")
    kernels = _files(cache_root() / "kernels")
    state = f"{kernels} compiled files" if kernels else "none yet: the first run compiles for some 15 s"
    print(f"kernels: {state}, in {cache_root()}")


def _missing(extra: str) -> list[str]:
    """The distributions of an extra that are not installed."""
    wanted = []
    for line in metadata.requires("vertumnus") or []:
        requirement, _, marker = line.partition(";")
        if f"extra == '{extra}'" in marker.replace('"', "'") and "vertumnus" not in requirement:
            name = requirement.strip()
            for end in " [<>=!~(":
                name = name.partition(end)[0]
            wanted.append(name)
    return [name for name in wanted if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _memory() -> str:
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "memory not known"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB of memory"


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else 0
