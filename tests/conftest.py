"""What tests share: pictures drawn on the spot, and a cache folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drawn import blob, element, png
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


@pytest.fixture
def vertumnus(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line: (exit code, standard output, standard error)."""
    from vertumnus.cli.app import run

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command
