"""Files take their places whole, together, with the permissions of those before; what the killed leave is cleared."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import vertumnus
from vertumnus import writing
from vertumnus.errors import VertumnusError
from vertumnus.writing import Staged, atomic_write, check_apart, check_writable, together

posix = pytest.mark.skipif(writing.fcntl is None, reason="nothing is locked here")


def put(path, text):
    with atomic_write(path) as stream:
        stream.write(text.encode())


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_permissions_stay_as_they_were(tmp_path):
    path = tmp_path / "a.txt"
    put(path, "first")
    path.chmod(0o640)
    put(path, "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_several_take_their_places_together_or_not_at_all(tmp_path):
    put(tmp_path / "a", "old")

    def fail():
        with together():
            put(tmp_path / "a", "new")
            put(tmp_path / "b", "new")
            assert (tmp_path / "a").read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert everything(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    with together():
        put(tmp_path / "a", "new")
        put(tmp_path / "b", "new")
        assert not (tmp_path / "b").exists()
    assert everything(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "new"


KILLED = """
import os, signal, sys
from pathlib import Path
from vertumnus import writing
folder, steps = Path(sys.argv[1]), int(sys.argv[2])
moved = 0
replace = Path.replace
def counted(self, target):
    global moved
    if moved == steps:
        os.kill(os.getpid(), signal.SIGKILL)
    moved += 1
    return replace(self, target)
Path.replace = counted
with writing.together():
    for name in "abc":
        with writing.atomic_write(folder / name) as stream:
            stream.write(b"new")
    staged = writing.Staged()
    (staged.add(folder / "many", folder=True) / "one").write_text("new")
    staged.commit()
    if steps < 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder, steps):
    environment = os.environ | {"PYTHONPATH": str(Path(vertumnus.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(steps)], env=environment, check=False)
    assert found.returncode == -signal.SIGKILL


@posix
@pytest.mark.parametrize("steps", [-1, 0, 1, 2, 3, 4])
def test_a_killed_writer_leaves_the_old_or_after_the_next_run_the_new(tmp_path, steps):
    for name in "abc":
        put(tmp_path / name, "old")
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "one").write_text("old")
    killed(tmp_path, steps)
    put(tmp_path / "next", "x")
    for name in ("a", "b", "c", "many"):
        writing.remove_leftovers(tmp_path / name)
    assert everything(tmp_path) == ["a", "b", "c", "many", "many/one", "next"]
    found = {(tmp_path / name).read_text() for name in ("a", "b", "c", "many/one")}
    assert found == ({"old"} if steps < 0 else {"new"})


@posix
def test_what_is_being_written_is_left_alone(tmp_path):
    staged = Staged()
    part = staged.add(tmp_path / "many", folder=True)
    with atomic_write(tmp_path / "a") as stream:
        stream.write(b"mine")
        environment = os.environ | {"PYTHONPATH": str(Path(vertumnus.__file__).parents[1])}
        code = "import sys, pathlib; from vertumnus.writing import remove_leftovers as r\n"
        code += "[r(pathlib.Path(n)) for n in sys.argv[1:]]"
        names = [str(tmp_path / name) for name in ("a", "many")]
        subprocess.run([sys.executable, "-c", code, *names], env=environment, check=True)
    assert part.is_dir()
    assert (tmp_path / "a").read_text() == "mine"
    staged.clean()
    assert everything(tmp_path) == ["a"]


@posix
def test_a_folder_whose_writer_died_before_it_locked_it(tmp_path):
    (tmp_path / ".film.0123abcd.part").mkdir()
    (tmp_path / ".film.89abcdef.part").mkdir()
    (tmp_path / ".film.89abcdef.part/mine.txt").write_text("not empty, so perhaps not ours")
    writing.remove_leftovers(tmp_path / "film")
    assert [path.name for path in tmp_path.iterdir()] == [".film.89abcdef.part"]


def test_a_folder_that_is_taken_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    hold, taken = Staged._hold, []

    def held(self, path):
        if not taken:
            taken.append(path)
            writing.remove_leftovers(tmp_path / "film")  # another writer, at this very moment
        return hold(self, path)

    monkeypatch.setattr(Staged, "_hold", held)
    staged = Staged()
    part = staged.add(tmp_path / "film", folder=True)
    assert taken
    assert (part / writing.LOCK).is_file()
    staged.clean()


def test_a_list_of_others_moves_nothing_else(tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "precious").write_text("p")
    listing = tmp_path / ".vertumnus.00000000.commit"
    for content in ('[["precious", "secret"]]', '[["../x", "../secret"]]', "junk", '[["a"]]', "{}", "[[1, 2]]"):
        listing.write_text(content)
        writing.remove_leftovers(tmp_path / "other")
        assert everything(tmp_path) == ["precious", "secret"]
    (tmp_path / "secret").read_text()


def test_an_output_is_no_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photos/a.png", "b.png"):
        (tmp_path / name).write_text("x")
    named = {"photos/a.png": ["photos", "photos/*.png"], "b.png": ["b.png", "photos/../b.png"]}
    for output, given in ((name, one) for name, several in named.items() for one in several):
        with pytest.raises(VertumnusError, match="is one of the pictures that are read"):
            check_apart([Path(output)], [given])
    check_apart([Path("photos/new.png"), Path("b.png"), Path("c.png")], ["photos", "icon:b", None, "c.png"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_neither_replaced_nor_waited_for(tmp_path):
    pipe = tmp_path / "a.png"
    os.mkfifo(pipe)
    os.mkfifo(tmp_path / ".b.png.0123abcd.part")  # as if left behind
    with pytest.raises(VertumnusError, match="not a regular file"):
        check_writable(pipe)
    with pytest.raises(VertumnusError, match="not a regular file"), atomic_write(pipe):
        pass
    with atomic_write(tmp_path / "b.png") as stream:
        stream.write(b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.png.0123abcd.part", "a.png", "b.png"]
