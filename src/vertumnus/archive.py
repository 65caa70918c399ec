"""Reading zip archives that anybody may have made: no byte more is unpacked than is bearable, by any method."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import struct
import zipfile
import zlib
from typing import IO, Any

from vertumnus.errors import VertumnusError

MAX_DIRECTORY = 64 << 20  # bytes of the list of members: half a million of them
MAX_DICTIONARY = 128 << 20  # bytes that LZMA may look back
_END = 1 << 17  # bytes at an archive's end in which its own head is: it can be followed by 64 kB of comment
_ENCRYPTED = 0x1


class _Careful(io.BufferedReader):
    """A file that `zipfile` reads the list of members from: at one go, however long it claims to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _END
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members is longer than {MAX_DIRECTORY:,} bytes")
        return super().read(min(size, os.fstat(self.fileno()).st_size))


def list_members(stream: IO[bytes], where: str) -> list[zipfile.ZipInfo]:
    """What an archive says that it holds.

    stream   of an open file, with a file descriptor

    Raises `VertumnusError` if it is no whole zip archive.
    """
    careful = _Careful(io.FileIO(stream.fileno(), closefd=False))
    try:
        with zipfile.ZipFile(careful) as archive:
            return archive.infolist()
    except Exception as error:  # a damaged list of members ends in whatever it meets first
        raise VertumnusError(f"{where}: cannot be read, not a whole zip archive ({error})") from None
    finally:
        careful.close()


def read_member(stream: IO[bytes], info: zipfile.ZipInfo, where: str, most: int) -> bytes:
    """One member, as long as the archive's list says and as its checksum says.

    Raises `VertumnusError` if it is not, is longer than ``most`` bytes, or is packed as nothing here unpacks it.
    """
    name = f"{where}: {info.filename}"
    if info.file_size > most:
        raise VertumnusError(f"{name}: unpacks to {info.file_size:,} bytes, which is too much")
    if info.flag_bits & _ENCRYPTED:
        raise VertumnusError(f"{name}: is encrypted")
    try:
        stream.seek(info.header_offset)
        header = stream.read(30)
        if header[:4] != b"PK\3\4":
            raise zipfile.BadZipFile("it is not where the list of members says")
        stream.seek(sum(struct.unpack("<HH", header[26:30])), 1)  # its name, and what follows that
        packed = stream.read(min(info.compress_size, most + (1 << 20)))
        data = _unpack(packed, info)
    except (OSError, ValueError, EOFError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise VertumnusError(f"{name}: cannot be read ({error})") from None
    if len(data) != info.file_size:
        raise VertumnusError(f"{name}: not as long as the archive says")
    if zlib.crc32(data) != info.CRC:
        raise VertumnusError(f"{name}: damaged, its checksum is not the one in the archive")
    return data


def _unpack(packed: bytes, info: zipfile.ZipInfo) -> bytes:
    """The unpacked bytes, and at most one more than the archive says."""
    if info.compress_type == zipfile.ZIP_STORED:
        return packed
    most = info.file_size + 1
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    unpacker: Any
    if info.compress_type == zipfile.ZIP_BZIP2:
        unpacker = bz2.BZ2Decompressor()
    elif info.compress_type == zipfile.ZIP_LZMA:
        # A zip's member has its own short head; with the head of a lone file the memory can be limited.
        size = struct.unpack("<H", packed[2:4])[0]
        packed = packed[4 : 4 + size] + b"\xff" * 8 + packed[4 + size :]
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_DICTIONARY)
    else:
        raise zipfile.BadZipFile(f"packed by method {info.compress_type}, which is not known")
    found = unpacker.decompress(packed, most)
    while len(found) < most and not unpacker.eof:
        more = unpacker.decompress(b"", most - len(found))
        if not more:
            break
        found += more
    return bytes(found)
