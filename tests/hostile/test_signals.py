"""SIGTERM and SIGHUP keep the best so far, as Ctrl-C does; a verb that has none clears up what it had begun."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import vertumnus as vt
from drawn import blob, png

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
SOURCE = str(Path(vt.__file__).parent.parent)

# The signal comes from within, after some steps, so that the test does not depend on how fast the machine is.
SENDING = """
import os, sys
from vertumnus.cli import app, watch
show, seen = watch.Watch.show, []
def sending(self, *about):
    seen.append(1)
    if len(seen) == 3:
        os.kill(os.getpid(), int(sys.argv[1]))
    return show(self, *about)
watch.Watch.show = sending
app.main(sys.argv[2:])
"""
# Whoever runs the tests in the background or by nohup has had these ignored for all that come after.
HEEDED = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
)
WRITING = """
import os, sys
from vertumnus import writing
from vertumnus.cli import app
fsync = os.fsync
def sending(handle):
    os.kill(os.getpid(), int(sys.argv[1]))
    fsync(handle)
os.fsync = sending
app.main(sys.argv[2:])
"""


def run(code, folder, number, *arguments):
    return subprocess.run(
        [sys.executable, "-c", HEEDED + code, str(int(number)), *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": SOURCE}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_packing_keeps_the_best_so_far(tmp_path, number):
    for seed in range(3):
        (tmp_path / f"{seed}.png").write_bytes(png(blob(seed, 20, 24)))
    pictures = [f"{seed}.png" for seed in range(3)]
    ran = run(SENDING, tmp_path, number, "pack", *pictures, "--shape", "heart", "--size", "60", "-o", "a.collage")
    assert ran.returncode == 0, ran.stderr
    assert "stopped early, this is the best so far" in ran.stdout
    assert vt.Collage.load(tmp_path / "a.collage").layers
    assert sorted(path.name for path in tmp_path.iterdir()) == [*pictures, "a.collage"]


@pytest.mark.slow
def test_several_starts_keep_the_best_so_far_before_any_has_ended(tmp_path):
    """Some tenths of a second after they were started no process has even loaded what it needs."""
    (tmp_path / "0.png").write_bytes(png(blob(0, 20, 24)))
    size = ["--size", "60", "--count", "40", "--quality", "high", "--starts", "4"]
    ran = run(SENDING, tmp_path, signal.SIGINT, "pack", "0.png", "--shape", "heart", *size, "-o", "a.collage")
    assert ran.returncode == 0, ran.stderr
    assert "stopped early, this is the best so far" in ran.stdout
    assert vt.Collage.load(tmp_path / "a.collage").layers
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "a.collage"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_other_verbs_clear_up(tmp_path, number):
    (tmp_path / "out.png").write_bytes(b"old")
    ran = run(WRITING, tmp_path, number, "shape", "heart", "--size", "40", "-o", "out.png")
    assert ran.returncode == 130, ran.stderr
    assert "stopped" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert (tmp_path / "out.png").read_bytes() == b"old"
