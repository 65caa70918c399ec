"""What tests share: pictures drawn on the spot, and a cache folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from drawn import blob, element, png
from photographs import drawn, make_folder
from vertumnus.elements.element import Element


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the user's cache."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(folder))


@pytest.fixture
def blobs() -> list[Element]:
    """Twelve different pieces."""
    return [element(blob(seed, 40 + 3 * seed, 60 - 2 * seed), f"blob{seed}") for seed in range(12)]


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """A folder of eight PNG pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(8):
        (folder / f"blob{seed}.png").write_bytes(png(blob(seed)))
    return folder


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("made") / "tiles", 60)


@pytest.fixture
def tiles(_made: Path, tmp_path: Path) -> Path:
    """Sixty JPEGs of 96 x 72 pixels, not indexed."""
    return Path(shutil.copytree(_made, tmp_path / "tiles"))


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A drawn picture of 120 x 90 pixels."""
    path = tmp_path / "reference.png"
    drawn().save(path)
    return path


@pytest.fixture
def vertumnus(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line: (exit code, standard output, standard error); the same on a machine's first run."""
    monkeypatch.setattr("vertumnus.cli.watch.while_compiling", lambda tell: nullcontext())

    from vertumnus.cli.app import run

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command
