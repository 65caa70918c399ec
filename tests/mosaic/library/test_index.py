"""The index: incremental, whole after any crash, one writer at a time."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.index import prune_index, update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.library.place import BESIDE, FOLDER, index_place
from vertumnus.mosaic.library.store import NAME, TileStore
from vertumnus.mosaic.library.summary import mean_cells
from vertumnus.mosaic.workers import Threads


def contents(folder, index=None):
    """What a library says of each file, wherever its rows lie."""
    library = TileLibrary([folder], index)
    return {
        library.tile(n).path.name: (
            library.tile(n), library.thumbnail(n).tobytes(), library.cells(n, n + 1).tobytes(), int(library.hash[n]),
        )
        for n in range(len(library))
    }  # fmt: skip


def test_what_the_index_says(tiles):
    report = update_index(tiles, thumbnail=48)
    assert (report.read, report.tiles, report.skipped) == (60, 60, [])
    library = TileLibrary([tiles])
    assert [library.tile(n).path.name for n in (0, 59)] == ["0000.jpg", "0059.jpg"]
    with Image.open(tiles / "0007.jpg") as image:
        cells = mean_cells(image)
        small = np.asarray(image.resize((64, 48), Image.Resampling.BILINEAR))
    assert (library.tile(7).width, library.tile(7).height) == (96, 72)
    assert np.abs(library.thumbnail(7).astype(int) - small).mean() < 4
    np.testing.assert_allclose(library.cells(7, 8)[0] * 255, cells, rtol=1e-6)


def test_only_new_and_changed_files_are_read(tiles):
    update_index(tiles)
    assert update_index(tiles).read == 0
    Image.new("RGB", (30, 20), "red").save(tiles / "new.png")
    Image.new("RGB", (30, 20), "blue").save(tiles / "0003.jpg")
    (tiles / "0004.jpg").unlink()
    report = update_index(tiles)
    assert (report.read, report.removed, report.tiles) == (2, 1, 60)
    found = contents(tiles)
    assert "0004.jpg" not in found
    assert found["new.png"][1][:3] == b"\xff\x00\x00"
    assert found["0003.jpg"][0].width == 30


def test_broken_files_are_named_and_not_tried_again(tiles):
    (tiles / "broken.jpg").write_bytes(b"junk")
    (tiles / "cut.jpg").write_bytes((tiles / "0001.jpg").read_bytes()[:300])
    report = update_index(tiles)
    assert [(path.rsplit(os.sep, 1)[1]) for path, _ in report.skipped] == ["broken.jpg", "cut.jpg"]
    assert "not a picture" in report.skipped[0][1]
    assert report.tiles == 60
    assert update_index(tiles).read == 0
    assert len(update_index(tiles).skipped) == 2


def test_prune_gives_space_back_and_keeps_the_rest(tiles):
    update_index(tiles)
    before = contents(tiles)
    for n in range(30):
        (tiles / f"{n:04d}.jpg").unlink()
    size = sum(file.stat().st_size for file in index_place(tiles).iterdir())
    report, won = prune_index(tiles)
    assert report.tiles == 30
    assert size - sum(file.stat().st_size for file in index_place(tiles).iterdir()) >= won > size // 3
    assert contents(tiles) == {name: value for name, value in before.items() if int(name[:4]) >= 30}
    update_index(tiles)


def test_any_number_of_threads_gives_the_same(tiles, tmp_path):
    update_index(tiles, workers=Threads(1))
    one = contents(tiles)
    update_index(tiles, rebuild=True, workers=Threads(7))
    assert contents(tiles) == one


def test_another_version_is_refused_and_can_be_rebuilt(tiles):
    update_index(tiles)
    base = sqlite3.connect(index_place(tiles) / NAME)
    base.execute("UPDATE meta SET value=7 WHERE key='version'")
    base.commit()
    base.close()
    with pytest.raises(VertumnusError, match="version: the index was written by another version"):
        update_index(tiles)
    assert update_index(tiles, rebuild=True).tiles == 60


@pytest.mark.parametrize(
    "change",
    ["row = 10000000", "row = -1", "start = 1 << 60", "start = -5", "across = 0", "down = 1e300", "digest = 'x'",
     "width = NULL", "path = '../secret.jpg'", "path = '/etc/x.jpg'"],
)  # fmt: skip
def test_a_row_that_is_not_whole_is_refused_before_it_is_used(tiles, change):
    update_index(tiles)
    base = sqlite3.connect(index_place(tiles) / NAME)
    base.execute(f"UPDATE tile SET {change} WHERE path = '0007.jpg'")
    base.commit()
    base.close()
    for reader in (lambda: TileLibrary([tiles]), lambda: prune_index(tiles)):
        with pytest.raises(VertumnusError, match=r"the index is damaged .the row of .* is not whole"):
            reader()


@pytest.mark.parametrize("damage", ["garbage", "short"])
def test_a_damaged_index_is_one_sentence(tiles, damage):
    update_index(tiles)
    if damage == "garbage":
        (index_place(tiles) / NAME).write_bytes(b"x" * 5000)
    else:
        with (index_place(tiles) / "cells.0").open("r+b") as file:
            file.truncate(100)
        (tiles / "0001.jpg").unlink()
    with pytest.raises(VertumnusError, match="the index is damaged"):
        update_index(tiles)
    assert update_index(tiles, rebuild=True).tiles >= 59


def test_two_processes_do_not_index_the_same_folder(tiles):
    store = TileStore(index_place(tiles, BESIDE))
    with store.writing():
        command = [sys.executable, "-m", "vertumnus", "tiles", "index", str(tiles), "--beside"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "another process is indexing this folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert update_index(tiles, index=BESIDE).tiles == 60


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
def test_killed_anywhere_it_goes_on_from_there(tiles):
    """The process is killed after some records; what was committed is whole and is not read again."""
    code = textwrap.dedent(
        """
        import os, sys, signal
        from pathlib import Path
        from vertumnus.mosaic.library import index, store
        index.COMMIT = 16
        last, add = int(sys.argv[2]), store.TileWriter.add
        def dying(self, record):
            add(self, record)
            if record.path == f"{last:04d}.jpg":
                os.kill(os.getpid(), signal.SIGKILL)
        store.TileWriter.add = dying
        index.update_index(Path(sys.argv[1]), index="beside")
        """
    )
    committed = []
    for last in (5, 30, 59):
        done = subprocess.run([sys.executable, "-c", code, str(tiles), str(last)], check=False)
        assert done.returncode == -signal.SIGKILL
        there = (index_place(tiles, BESIDE) / NAME).exists()
        committed.append(len(TileLibrary([tiles], BESIDE)) if there else 0)
    assert committed[0] == 0 < committed[1] < committed[2] < 60
    report = update_index(tiles, index=BESIDE)
    assert (report.read, report.tiles) == (60 - committed[2], 60)
    after = contents(tiles, BESIDE)
    update_index(tiles, index=BESIDE, rebuild=True)
    assert contents(tiles, BESIDE) == after


def test_a_full_disk_keeps_what_is_there(tiles, monkeypatch):
    update_index(tiles)
    before = contents(tiles)
    for n in range(8):
        Image.new("RGB", (200, 200), (n, 9, 9)).save(tiles / f"more{n}.png")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("vertumnus.mosaic.library.store.os.write", full)
        with pytest.raises(VertumnusError, match="No space left on device"):
            update_index(tiles)
    assert contents(tiles) == before
    assert update_index(tiles).tiles == 68


def test_an_index_lies_in_the_cache_or_where_it_is_said_to(tiles, tmp_path):
    before = sorted(path.name for path in tiles.iterdir())
    for index in (None, tmp_path / "indexes"):
        assert update_index(tiles, index=index).read == 60
        assert update_index(tiles, index=index).read == 0
        assert len(TileLibrary([tiles], index)) == 60
        assert sorted(path.name for path in tiles.iterdir()) == before
    assert len(list((tmp_path / "indexes").iterdir())) == 1
    (tmp_path / "link").symlink_to(tiles)  # the same folder by another name
    assert update_index(tmp_path / "link").read == 0
    assert update_index(tiles, index=BESIDE).read == 60
    assert sorted(path.name for path in tiles.iterdir()) == [FOLDER, *before]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("trap", ["file", "hard", "folder", "foreign", "headless"])
def test_what_a_received_folder_holds_leads_to_no_other_file(tiles, tmp_path, trap, rebuild):
    """Links, hard links and strange files where an index belongs: nothing outside is changed, and nothing is lost."""
    victims = tmp_path / "victims"
    victims.mkdir()
    victim = victims / "letter.txt"
    victim.write_text("dear reader")
    place = tiles / FOLDER
    if trap == "folder":
        place.symlink_to(victims)
    else:
        update_index(tiles, index=BESIDE)
        (place / "cells.0").unlink()
        {
            "file": lambda: (place / "cells.0").symlink_to(victim),
            "hard": lambda: os.link(victim, place / "cells.0"),
            "foreign": lambda: (place / "cells.0.txt").write_text("dear reader"),
            "headless": lambda: (place / "cells.0").write_text("dear reader " * 4000),
        }[trap]()
        (tiles / "0001.jpg").unlink()
    assert update_index(tiles, rebuild=rebuild).tiles >= 59  # by default no such folder is looked at
    held = {path.name: path.read_bytes() for path in place.iterdir()}
    if trap == "headless" and rebuild:
        assert update_index(tiles, index=BESIDE, rebuild=True).tiles == 59
        return
    with pytest.raises(VertumnusError, match="is not of an index that vertumnus made"):
        update_index(tiles, index=BESIDE, rebuild=rebuild)
    assert victim.read_text() == "dear reader"
    assert [path.name for path in victims.iterdir()] == ["letter.txt"]
    assert {path.name: path.read_bytes() for path in place.iterdir() if path.name in held} == held


def test_missing_folders(tmp_path):
    with pytest.raises(VertumnusError, match="there is no such folder"):
        update_index(tmp_path / "no")


def test_near_duplicates_are_merged(tiles):
    with Image.open(tiles / "0000.jpg") as image:
        image.resize((80, 60)).save(tiles / "copy.jpg")
    update_index(tiles)
    library = TileLibrary([tiles])
    first = library.duplicates()
    copy = len(library) - 1
    assert library.tile(copy).path.name == "copy.jpg"
    assert first[copy] == 0
    kept = len(np.unique(first))
    assert library.without_duplicates() == 61 - kept
    assert len(library) == kept


def test_readers_do_not_wait_for_the_writer(tiles):
    update_index(tiles, index=BESIDE)
    began = time.monotonic()
    with TileStore(index_place(tiles, BESIDE)).writing() as writer:
        writer.forget("0000.jpg")
        assert len(TileLibrary([tiles], BESIDE)) == 60
        writer.commit()
    assert len(TileLibrary([tiles], BESIDE)) == 59
    assert time.monotonic() - began < 30
