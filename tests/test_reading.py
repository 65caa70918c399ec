"""Only regular files are opened, no more is read than is bearable, and JSON is JSON."""

import os
import re
import socket
from pathlib import Path

import pytest

from vertumnus import reading
from vertumnus.errors import VertumnusError
from vertumnus.reading import legible, read_file, read_json, read_named, read_text

READERS = [read_file, read_named, read_text, read_json, reading.open_file, reading.check_regular]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path, reader):
    pipe, place = tmp_path / "pipe.png", tmp_path / "socket.png"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        (tmp_path / "device.png").symlink_to("/dev/zero")
        for path in (pipe, place, tmp_path / "device.png"):
            with pytest.raises(VertumnusError, match=f"^{path}: not a regular file"):
                reader(path)
    with pytest.raises(VertumnusError, match="a folder, not a file"):
        reader(tmp_path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as stream:
        stream.truncate(6 << 30)  # takes no room on disk
    with pytest.raises(VertumnusError, match="6,442,450,944 bytes is too much"):
        read_file(path)


def test_what_is_gone_or_has_no_name(tmp_path):
    with pytest.raises(VertumnusError, match=r"no\.png: cannot be read \(No such file"):
        read_named(tmp_path / "no.png")
    with pytest.raises(VertumnusError, match="cannot be read"):
        read_named("a\0b.png")
    with pytest.raises(VertumnusError, match="cannot be read"):
        read_named(tmp_path / ("n" * 9999))


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[" * 100_000,
        b"[" * 900 + b'"\\u0041"' + b"]" * 900,
        b"\xff",
        b"1" * 5000,
        b"[" + b"[]," * 4_000_001 + b"[]]",
    ],
)
def test_json_that_is_none(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(VertumnusError, match="^" + str(path)):
        read_json(path)


@pytest.mark.parametrize(
    ("text", "field"),
    [(r'{"a": ["b", "\ud800"]}', r"a\[1\]"), (r'{"\udfff": 1}', "a name in it"), (r'"\ud800"', "it")],
)
def test_half_of_a_character_is_no_text(tmp_path, text, field):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(VertumnusError, match=f"^{path}: .*{field}: half of a character"):
        read_json(path)


def test_names_that_are_no_text_become_legible():
    assert legible(os.fsdecode(b"caf\xe9.png")) == "caf�.png"
    assert legible("café.png") == "café.png"


def test_what_the_system_tells_is_not_waited_for(tmp_path, monkeypatch):
    """A file that says it is empty may be one that is waited for, as /proc/kmsg is."""

    def waits(*_):
        raise BlockingIOError

    (tmp_path / "log.json").write_bytes(b"")
    monkeypatch.setattr(os, "pread", waits)
    with pytest.raises(VertumnusError, match="not a regular file"):
        reading.open_file(tmp_path / "log.json")


def test_nothing_else_opens_what_is_named():
    """Library code opens files to read by this module; what a library must open itself is looked at before."""
    root = Path(reading.__file__).parent
    opening = re.compile(
        r"""\.open\("rb"\)|[^.\w]open\([^)]*"rb?"|Image\.open\((?!io\.|stream|open_file)|av\.open\(str"""
    )
    found = {
        str(file.relative_to(root)): line
        for file in root.rglob("*.py")
        for line in file.read_text().splitlines()
        if opening.search(line) and "os.open" not in line
    }
    # The index's own file, by the handle that `place` opened.
    assert set(found) <= {"mosaic/library/store.py"}, found
