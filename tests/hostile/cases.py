"""One hostile case: files in a folder, commands that read them, and what must and must not happen."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Command = list[str]


@dataclass
class Case:
    """What a generator has put into a folder.

    commands   run one after another; they write into ``out/`` alone
    names      of which an error must hold one: the file that is wrong, or the option
    writes     files beside ``out/`` that may change: a checkpoint, say
    same       outputs that must be as if nothing were wrong, with the bytes they must have, where a command ends well
    """

    commands: list[Command]
    names: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    same: dict[str, bytes] = field(default_factory=dict)


class Kitchen(NamedTuple):
    """What a generator works with: chance, the honest things, and the folder it fills."""

    rng: random.Random
    pantry: Path
    folder: Path

    def put(self, name: str, data: bytes) -> str:
        """Writes a file of the case."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return name

    def take(self, name: str, new: str | None = None) -> str:
        """Copies an honest file or folder into the case."""
        source, place = self.pantry / name, self.folder / (new or name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy2(source, place)
        return new or name

    def read(self, name: str) -> bytes:
        """The bytes of an honest file."""
        return (self.pantry / name).read_bytes()


Generator = Callable[[Kitchen], Case]


class Kind(NamedTuple):
    """A kind of case.

    share     of all cases, to those of the others
    network   whether its commands load networks, which is done apart from the rest
    """

    generate: Generator
    share: float
    network: bool = False
