"""Folders, globs and files become elements in a stable order; what is skipped is named."""

import contextlib
import io
import os
import sqlite3

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.elements import collect as module
from vertumnus.elements.cache import ElementCache
from vertumnus.elements.collect import collect
from vertumnus.elements.weights import apply_weights, read_weights
from vertumnus.errors import VertumnusError


def test_folder_glob_and_file(picture_folder):
    names = [element.name for element in collect([picture_folder]).elements]
    assert names == [f"blob{n}" for n in range(8)]
    assert [e.name for e in collect([str(picture_folder / "blob[12].png")]).elements] == ["blob1", "blob2"]
    both = collect([picture_folder / "blob3.png", picture_folder])
    assert len(both.elements) == 8  # a file named twice is one element


def test_folders_are_searched_throughout_but_not_what_is_hidden(picture_folder):
    (picture_folder / "more").mkdir()
    (picture_folder / "more" / "deep.png").write_bytes(png(blob(20)))
    (picture_folder / ".hidden").mkdir()
    (picture_folder / ".hidden" / "no.png").write_bytes(png(blob(21)))
    assert "deep" in [element.name for element in collect([picture_folder]).elements]
    assert "no" not in [element.name for element in collect([picture_folder]).elements]


def test_unreadable_files_are_named_and_skipped(picture_folder):
    (picture_folder / "broken.jpg").write_bytes(b"no picture")
    (picture_folder / "empty.png").write_bytes(png(np.zeros((4, 4, 4), np.uint8)))
    (picture_folder / "notes.txt").write_text("hello")
    found = collect([picture_folder])
    assert len(found.elements) == 8
    reasons = {os.path.basename(name): reason for name, reason in found.skipped}  # noqa: PTH119
    assert reasons["broken.jpg"] == "not a picture of a known format"
    assert "transparent" in reasons["empty.png"]
    assert reasons["notes.txt"] == "not a picture file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_skipped(picture_folder):
    (picture_folder / "blob0.png").chmod(0)
    assert "cannot be read" in collect([picture_folder]).skipped[0][1]


def test_nothing_to_place(tmp_path):
    with pytest.raises(VertumnusError, match="no such file or folder"):
        collect([tmp_path / "no"])
    with pytest.raises(VertumnusError, match="holds no picture"):
        collect([tmp_path])
    with pytest.raises(VertumnusError, match="no file matches"):
        collect([str(tmp_path / "*.png")])
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(VertumnusError, match="no picture to place"):
        collect([tmp_path])


def same(a, b):
    np.testing.assert_array_equal(a.alpha, b.alpha)
    np.testing.assert_array_equal(a.texture.values, b.texture.values)
    np.testing.assert_array_equal(a.probes.points, b.probes.points)
    np.testing.assert_array_equal(a.probes.number, b.probes.number)
    np.testing.assert_array_equal(a.probes.depth, b.probes.depth)
    assert (a.name, a.image, a.width, a.height, a.area, a.level) == (
        b.name,
        b.image,
        b.width,
        b.height,
        b.area,
        b.level,
    )
    assert a.texture[1:] == b.texture[1:]


def test_the_second_time_nothing_is_decoded(picture_folder, tmp_path, monkeypatch):
    first = collect([picture_folder], cache_folder=tmp_path / "cache")
    monkeypatch.setattr(module, "make_element", lambda *_: pytest.fail("decoded again"))
    again = collect([picture_folder], cache_folder=tmp_path / "cache")
    for a, b in zip(first.elements, again.elements, strict=True):
        same(a, b)


def test_a_changed_file_is_read_again(picture_folder, tmp_path):
    before = collect([picture_folder], cache_folder=tmp_path / "cache").elements[0].image
    (picture_folder / "blob0.png").write_bytes(png(blob(77)))
    assert collect([picture_folder], cache_folder=tmp_path / "cache").elements[0].image != before


def test_a_cache_that_cannot_be_used_is_done_without(picture_folder, tmp_path):
    (tmp_path / "file").write_text("")
    assert len(collect([picture_folder], cache_folder=tmp_path / "file" / "cache").elements) == 8
    broken = tmp_path / "cache"
    ElementCache(broken).close()
    next(broken.glob("*.sqlite")).write_bytes(b"no database" * 1000)
    assert len(collect([picture_folder], cache_folder=broken).elements) == 8


def test_a_wrong_bit_in_the_cache_changes_nothing(picture_folder, tmp_path):
    place = tmp_path / "cache"
    first = collect([picture_folder], cache_folder=place).elements
    file = place / "elements.sqlite"
    whole = file.read_bytes()
    for at in range(17, len(whole), len(whole) // 16):
        broken = bytearray(whole)
        broken[at] ^= 1 << at % 8
        file.write_bytes(broken)
        for _ in range(2):  # the second time from what was made anew
            for a, b in zip(first, collect([picture_folder], cache_folder=place).elements, strict=True):
                same(a, b)


def test_a_wrong_row_is_made_anew_and_kept(picture_folder, tmp_path, monkeypatch):
    place = tmp_path / "cache"
    first = collect([picture_folder], cache_folder=place).elements
    with contextlib.closing(sqlite3.connect(place / "elements.sqlite")) as database:
        (data,) = database.execute("SELECT texture FROM element WHERE rowid=3").fetchone()
        wrong = bytes([data[0] ^ 1]) + data[1:]
        database.execute("UPDATE element SET texture=? WHERE rowid=3", (wrong,))
        database.execute("UPDATE file SET digest=(SELECT digest FROM file LIMIT 1)")  # and files are mixed up
        database.commit()
    for a, b in zip(first, collect([picture_folder], cache_folder=place).elements, strict=True):
        same(a, b)
    monkeypatch.setattr(module, "make_element", lambda *_: pytest.fail("made anew once more"))
    for a, b in zip(first, collect([picture_folder], cache_folder=place).elements, strict=True):
        same(a, b)


def test_the_cache_is_kept_small(picture_folder, tmp_path, monkeypatch):
    from vertumnus.elements import cache

    monkeypatch.setattr(cache, "MAX_BYTES", 1)
    collect([picture_folder], cache_folder=tmp_path / "cache")
    database = ElementCache(tmp_path / "cache")
    assert database._database.execute("SELECT COUNT(*) FROM element").fetchone()[0] < 8


def test_icons_take_colours_in_turn():
    found = collect(["icon:apple, lemon", "icon:star"], colours=["#ff0000", "#00ff00"])
    assert [element.name for element in found.elements] == ["apple", "lemon", "star"]
    assert len({element.image for element in found.elements}) == 3


def table(tmp_path, text):
    path = tmp_path / "w.csv"
    path.write_text(text)
    return path


def test_weights(tmp_path, blobs):
    weights = read_weights(table(tmp_path, "name,weight\nblob1,2\nblob2.png, 0.5\n\n"))
    applied = {element.name: element.weight for element in apply_weights(blobs, weights, "w.csv")}
    assert (applied["blob1"], applied["blob2"], applied["blob3"]) == (2.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,1\nb,nan\n", "line 2: weight"),
        ("a,-1\n", "line 1: weight"),
        ("a,0\n", "line 1: weight"),
        ("a,inf\n", "line 1: weight"),
        ("a,1\nb,heavy\n", "line 2: weight: 'heavy' is not a number"),
        ("a,1,2\n", "line 1: needs two columns"),
        ("a,1\na,2\n", "line 2: name: 'a' stands in the table twice"),
        ("name,weight\n", "holds no weight"),
    ],
)
def test_bad_weights(tmp_path, text, words):
    with pytest.raises(VertumnusError, match=r"w\.csv") as caught:
        read_weights(table(tmp_path, text))
    assert words in str(caught.value)


def test_more_weights_than_elements(blobs):
    with pytest.raises(VertumnusError, match=r"w\.csv: name: no element is called 'blub1' .*did you mean blob1"):
        apply_weights(blobs, {"blub1": 1.0, "other": 1.0}, "w.csv")
    with pytest.raises(VertumnusError, match="cannot be read"):
        read_weights(__import__("pathlib").Path("missing.csv"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_one_bad_file_never_stops_the_others(picture_folder, tmp_path):
    os.mkfifo(picture_folder / "pipe.png")
    (picture_folder / "device.jpg").symlink_to("/dev/zero")
    (picture_folder / "loop.png").symlink_to("loop.png")
    with (picture_folder / "huge.png").open("wb") as stream:
        stream.truncate(6 << 30)
    avif = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(avif, "AVIF")
    data = avif.getvalue()
    for place in range(0, len(data), 5):
        (picture_folder / f"flip{place}.avif").write_bytes(
            data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]
        )
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    (picture_folder / "deep.svg").write_text(head + "<g>" * 300 + "</g>" * 300 + "</svg>")
    (picture_folder / "gb.svg").write_bytes(
        f'<?xml version="1.0" encoding="gb2312"?>{head}<title>中文</title><rect width="9" height="9"/></svg>'.encode(
            "gb2312"
        )
    )
    for name in (b"caf\xe9.png", b"broken\xff.png"):
        with open(os.fsencode(picture_folder) + b"/" + name, "wb") as stream:  # noqa: PTH123 - no text
            stream.write(png(blob(30)) if name.startswith(b"caf") else b"none")
    for _ in range(2):  # the second time from the cache
        found = collect([picture_folder], cache_folder=tmp_path / "cache")
        names = [element.name for element in found.elements]
        assert [name for name in names if not name.startswith("flip")] == [
            *(f"blob{n}" for n in range(8)), "caf\N{REPLACEMENT CHARACTER}", "gb",
        ]  # fmt: skip
        why = {os.path.basename(name): reason for name, reason in found.skipped}  # noqa: PTH119
        assert why["pipe.png"] == why["device.jpg"] == "not a regular file"
        assert "bytes is too much" in why["huge.png"]
        assert "too large to be drawn" in why["deep.svg"]
        assert "cannot be read" in why["loop.png"]
        assert why["broken\N{REPLACEMENT CHARACTER}.png"] == "not a picture of a known format"
        assert any("damaged" in reason for name, reason in why.items() if name.startswith("flip"))
