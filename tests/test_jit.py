"""Kernels' machine code on disk: damaged or without space, it is compiled in memory, and that is said once."""

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vertumnus import jit
from vertumnus.errors import VertumnusWarning


def double(values):
    total = 0.0
    for value in values:
        total += 2 * value
    return total


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache folder of its own, and nothing said yet."""
    monkeypatch.setattr(jit, "_folder", lambda: str(tmp_path))
    monkeypatch.setattr(jit, "_said", [])
    return tmp_path


def run():
    compiled = jit.kernel(double)
    assert compiled(np.arange(4.0)) == 12.0
    return compiled.stats


def test_kept_and_found_again(folder):
    assert sum(run().cache_misses.values()) == 1
    assert sum(run().cache_hits.values()) == 1


def test_programs_that_compile_at_once_keep_their_own(folder):
    """In Numba's own files one signature's code can come to lie under another's name."""

    def files():
        return jit.KernelFiles(str(folder), "double", (1.0, 2))

    def save(number):
        files().save(("float64", number), f"code {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))
    assert [files().load(("float64", number)) for number in range(40)] == [f"code {number}" for number in range(40)]
    # And a file says what it is for.
    first, second = (files()._path(("float64", number)) for number in (0, 1))
    second.write_bytes(first.read_bytes())
    assert files().load(("float64", 1)) is None
    assert jit.KernelFiles(str(folder), "double", (3.0, 2)).load(("float64", 0)) is None


def test_what_is_damaged_is_compiled_anew(folder):
    run()
    (file,) = folder.rglob("*.nbc")
    whole = file.read_bytes()
    for number, broken in enumerate(
        (b"", whole[:50], whole[:-1], whole[:500] + bytes([whole[500] ^ 4]) + whole[501:])
    ):
        file.write_bytes(broken)
        if number == 0:
            with pytest.warns(VertumnusWarning, match="is damaged"):
                assert sum(run().cache_misses.values()) == 1
        else:  # said already
            assert sum(run().cache_misses.values()) == 1
        assert sum(run().cache_hits.values()) == 1  # and kept whole again


def test_a_full_disk_is_told_once_and_costs_no_more_than_time(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jit.KernelFiles, "_open_for_write", full)
    with pytest.warns(VertumnusWarning, match="No space left"):
        run()
    run()  # a second warning would be an error here


def test_the_command_says_it_as_a_line(tmp_path):
    program = (
        "import warnings; from vertumnus.cli import app; from vertumnus.errors import VertumnusWarning\n"
        "app.run = lambda *_: warnings.warn('kernels', VertumnusWarning) or 0\n"
        "app.main([])"
    )
    source = str(Path(jit.__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True)
    assert done.stderr == "vertumnus: kernels\n"
