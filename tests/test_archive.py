"""Zip archives of every method, truncated, lying and bursting: bounded while they are read."""

import contextlib
import io
import struct
import tracemalloc
import zipfile

import pytest

from vertumnus.archive import list_members, read_member
from vertumnus.errors import VertumnusError

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def write(path, data, method, change=lambda archive: archive):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("first", b"before")
        archive.writestr("a", data)
    path.write_bytes(change(buffer.getvalue()))


def read(path, most=1 << 20):
    with path.open("rb") as stream:
        info = next((info for info in list_members(stream, "z") if info.filename == "a"), None)
        return read_member(stream, info, "z", most) if info else None


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_read(tmp_path, method):
    for data in (b"", b"x", bytes(range(256)) * 300):
        write(tmp_path / "z", data, method)
        assert read(tmp_path / "z") == data


def promise(size):
    """Writes another length into the list of members."""

    def change(archive):
        place = archive.rindex(b"PK\1\2") + 24
        return archive[:place] + struct.pack("<I", size) + archive[place + 4 :]

    return change


@pytest.mark.parametrize("method", METHODS)
def test_a_bomb_is_not_unpacked(tmp_path, method):
    write(tmp_path / "z", bytes(40 << 20), method)
    with pytest.raises(VertumnusError, match="z: a: unpacks to 41,943,040 bytes"):
        read(tmp_path / "z")
    write(tmp_path / "z", bytes(40 << 20), method, promise(1000))  # one that lies about it
    tracemalloc.start()
    try:
        with pytest.raises(VertumnusError, match=r"z: a: (not as long as the archive says|damaged, its checksum)"):
            read(tmp_path / "z")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < (12 << 20) or method == zipfile.ZIP_STORED


@pytest.mark.parametrize("method", METHODS)
def test_wrong_lengths_methods_and_bytes_are_named(tmp_path, method):
    data = bytes(range(256)) * 30
    for change in (
        promise(len(data) + 7),
        lambda archive: archive.replace(b"PK\3\4", b"PK\3\5"),
        lambda archive: archive[: (i := archive.rindex(b"PK\1\2") + 10)] + struct.pack("<H", 93) + archive[i + 2 :],
        lambda archive: archive[: (i := archive.rindex(b"PK\1\2") + 8)] + b"\1" + archive[i + 1 :],  # encrypted
        lambda archive: archive[: (i := archive.rindex(b"PK\1\2") + 16)] + b"\0\0\0\0" + archive[i + 4 :],
        lambda archive: archive[: (i := archive.rindex(b"PK\1\2") + 42)] + b"\xf0\xff\xff\x0f" + archive[i + 4 :],
    ):
        write(tmp_path / "z", data, method, change)
        with pytest.raises(VertumnusError, match="z: "):
            read(tmp_path / "z")


@pytest.mark.parametrize("method", METHODS)
def test_cut_and_flipped_archives_are_errors_of_one_kind(tmp_path, method):
    data = bytes(range(256)) * 4
    write(tmp_path / "z", data, method)
    whole = (tmp_path / "z").read_bytes()
    for place in range(0, len(whole), 7):
        for broken in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            (tmp_path / "z").write_bytes(broken)
            with contextlib.suppress(VertumnusError):
                assert read(tmp_path / "z") in (data, None)


def test_lzma_may_not_look_back_for_ever(tmp_path):
    def change(archive):  # of the member's own head: two bytes of version, two of length, a byte, the dictionary
        place = archive.index(b"PK\3\4", 10) + 30 + 1 + 4 + 1
        return archive[:place] + struct.pack("<I", 0xFFFFFFFF) + archive[place + 4 :]

    write(tmp_path / "z", bytes(1000), zipfile.ZIP_LZMA, change)
    with pytest.raises(VertumnusError, match=r"z: a: cannot be read \(Memory usage limit"):
        read(tmp_path / "z")


def test_a_list_of_members_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("vertumnus.archive.MAX_DIRECTORY", 1 << 16)
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}", b"")
    with (tmp_path / "z").open("rb") as stream, pytest.raises(VertumnusError, match="list of members is longer"):
        list_members(stream, "z")


def test_the_checksum_is_looked_at(tmp_path):
    write(tmp_path / "z", b"stored as it is", zipfile.ZIP_STORED, lambda a: a.replace(b"stored", b"staged"))
    with pytest.raises(VertumnusError, match="checksum"):
        read(tmp_path / "z")
