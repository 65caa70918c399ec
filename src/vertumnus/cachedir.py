"""Folders for what can always be worked out again, named by the source code it follows from."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import platformdirs

KEPT = 3  # folders of a kind, of this state of the source and of earlier ones


def cache_root() -> Path:
    """The program's folder in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("vertumnus", appauthor=False))


def cache_folder(kind: str, sources: Iterable[Path]) -> Path:
    """The folder ``kind/<hash of the sources>`` in the user's cache folder, made if it can be.

    A change of the program is a change of the folder, so nothing stale is ever read. Old ones are removed.
    """
    digest = hashlib.sha256()
    for file in sorted(sources):
        digest.update(file.read_bytes())
    parent = cache_root() / kind
    folder = parent / digest.hexdigest()[:16]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        folder.touch()
        for old in sorted(parent.iterdir(), key=lambda path: -path.stat().st_mtime)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def user_folder(kind: str, key: str) -> Path:
    """A folder for what belongs to ``key`` (a path, say), in the user's cache folder; it is not made."""
    return cache_root() / kind / hashlib.sha256(key.encode()).hexdigest()[:16]
