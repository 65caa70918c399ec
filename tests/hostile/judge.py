"""Running cases in children of a process that has everything loaded, and saying what went wrong."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import stat
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hostile.cases import Case, Kind, Kitchen

SECONDS = 20  # of the processor, and then it hangs
PATIENCE = 400  # seconds by the clock: the machine may have others to serve
STILL = 30  # seconds by the clock without any work
ESTIMATE = "by a rough estimate"
MEMORY = 2 << 30  # bytes beyond what the parent has
FAULTS = (
    "traceback", "hang", "over 2 GB", "signal", "unnamed", "changed outside", "left behind", "another result",
    "warning",
)  # fmt: skip
UNHANDLED, UNNAMED, CHANGED, LEFT, OTHER, WARNED, TOO_MUCH = 70, 71, 72, 73, 74, 75, 76
CODES = {
    UNHANDLED: "traceback", UNNAMED: "unnamed", CHANGED: "changed outside", LEFT: "left behind",
    OTHER: "another result",
    WARNED: "warning", TOO_MUCH: "over 2 GB",
}  # fmt: skip


class Verdict(NamedTuple):
    """What became of a case.

    fault     one of `FAULTS`, or "" if all went as it must
    detail    the commands, and what they said
    refused   whether any command was refused, which most must be
    """

    kind: str
    number: int
    fault: str
    detail: str
    refused: bool
    seconds: float


def kind_of(kinds: dict[str, Kind], seed: int, number: int) -> str:
    """The kind of a case, by its number alone; every fiftieth has to do with networks."""
    names = [name for name in sorted(kinds) if kinds[name].network == (number % 50 == 49)]
    return random.Random(f"{seed}/{number}/kind").choices(names, [kinds[name].share for name in names])[0]


def snapshot(folder: Path, leave: list[str]) -> dict[str, tuple[object, ...]]:
    """Everything in a folder but what may change."""
    found: dict[str, tuple[object, ...]] = {}
    for path in walk(folder):
        name = str(path.relative_to(folder))
        if any(name == other or name.startswith(other + "/") for other in leave):
            continue
        facts = path.lstat()
        body: object = None
        if stat.S_ISREG(facts.st_mode) and facts.st_size < 1 << 22:
            body = hashlib.sha256(path.read_bytes()).digest()
        elif stat.S_ISLNK(facts.st_mode):
            body = path.readlink()
        times = facts.st_mtime_ns if not stat.S_ISDIR(facts.st_mode) else 0
        found[name] = (facts.st_mode, facts.st_size if body else 0, times, body)
    return found


def walk(folder: Path) -> Iterator[Path]:
    """What is below a folder, links not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry.path))


def run_case(kinds: dict[str, Kind], seed: int, number: int, pantry: Path, folder: Path) -> Verdict:
    """Makes and judges one case in a child."""
    kind = kind_of(kinds, seed, number)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    said = _said(folder)
    child = os.fork()
    if child == 0:
        gc.disable()
        os._exit(_attempt(kinds[kind], seed, number, pantry, folder, said))
    status, usage = _ended(child, PATIENCE)
    detail = said.read_bytes().decode("utf-8", "backslashreplace") if said.exists() else ""
    refused = "vertumnus: " in detail
    fault = ""
    if os.WIFSIGNALED(status):
        number_of = os.WTERMSIG(status)
        fault = "hang" if number_of == signal.SIGXCPU else "signal"
        if fault == "hang" and ESTIMATE in detail:
            fault = ""  # much work that was asked for, and was said to be
        detail += f"\nended by {signal.Signals(number_of).name}"
    elif (code := os.waitstatus_to_exitcode(status)) != 0:
        fault = CODES.get(code, "traceback")
        detail += f"\nexit code {code}" if code not in CODES else ""
    if not fault and usage.ru_maxrss * 1024 > MEMORY:
        fault = "over 2 GB"
    return Verdict(kind, number, fault, detail, refused, usage.ru_utime + usage.ru_stime)


def run_batch(kinds: dict[str, Kind], seed: int, numbers: list[int], pantry: Path, base: Path) -> list[Verdict]:
    """Makes and judges some cases, one after the other in one child, which is cheaper.

    What is not as it must be is made and judged again in a child of its own, and that counts.
    """
    found: dict[int, Verdict] = {}
    notes = base / "verdicts"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    if len(numbers) > 1:
        child = os.fork()
        if child == 0:
            gc.disable()
            try:
                for number in numbers:
                    _note(kinds, seed, number, pantry, base / str(number), notes)
            finally:
                os._exit(0)
        status, usage = _ended(child, PATIENCE * len(numbers))
        if status == 0 and usage.ru_maxrss * 1024 <= MEMORY and notes.exists():
            for line in notes.read_text().splitlines():
                number, refused, seconds = json.loads(line)
                found[number] = Verdict(kind_of(kinds, seed, number), number, "", "", refused, seconds)
    return [found.get(number) or run_case(kinds, seed, number, pantry, base / str(number)) for number in numbers]


def _note(kinds: dict[str, Kind], seed: int, number: int, pantry: Path, folder: Path, notes: Path) -> None:
    """Makes and judges a case, and writes down if all went as it must."""
    spent = time.process_time()
    folder.mkdir()
    said = _said(folder)
    if _attempt(kinds[kind_of(kinds, seed, number)], seed, number, pantry, folder, said) == 0:
        refused = b"vertumnus: " in said.read_bytes()
        with notes.open("a") as stream:
            stream.write(json.dumps([number, refused, time.process_time() - spent]) + "\n")
    os.chdir(notes.parent)
    shutil.rmtree(folder, ignore_errors=True)


def _said(folder: Path) -> Path:
    return folder.with_name(folder.name + ".said")


def _ended(child: int, patience: float) -> tuple[int, Any]:
    """Waits for a child; its status, and what it used. One that waits for ever is killed, and has hung."""
    moved = began = time.monotonic()
    spent = -1
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
        if time.monotonic() - began > patience or time.monotonic() - moved > STILL:
            os.kill(child, signal.SIGKILL)
            return signal.SIGXCPU, os.wait4(child, 0)[2]
        time.sleep(0.002)
        if time.monotonic() - moved > 1 and (now := _ticks(child)) != spent:
            spent, moved = now, time.monotonic()


def _ticks(child: int) -> int:
    """What a process has spent of the processor; a child that waits for ever spends nothing."""
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _attempt(kind: Kind, seed: int, number: int, pantry: Path, folder: Path, said: Path) -> int:
    """Makes a case and runs its commands, all that is said going to a file; what was wrong, as a code."""
    try:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout = open(1, "w", errors="surrogateescape", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
        os.close(handle)
        os.close(nothing)
        return _judged(kind, seed, number, pantry, folder, said)
    except BaseException:
        traceback.print_exc()
        return UNHANDLED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _judged(kind: Kind, seed: int, number: int, pantry: Path, folder: Path, said: Path) -> int:
    from vertumnus.cli.app import run

    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    (folder / "out").mkdir()
    (folder / "treasure").mkdir()
    (folder / "treasure/gold.txt").write_text("gold")
    case: Case = kind.generate(Kitchen(random.Random(f"{seed}/{number}"), pantry, folder))
    leave = ["out", "cache", *case.writes]
    before = snapshot(folder, leave)
    os.chdir(folder)
    _limit()
    for command in case.commands:
        print("$", *(word[:300].encode("utf-8", "backslashreplace").decode() for word in command), file=sys.stderr)
        at = said.stat().st_size
        code = run(
            [
                word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") if word.isascii() else word
                for word in command
            ]
        )
        sys.stdout.flush()
        sys.stderr.flush()
        text = said.read_bytes()[at:].decode("utf-8", "backslashreplace")
        if "Traceback (most recent call last)" in text or code not in (0, 2):
            return UNHANDLED
        if "not enough memory" in text:
            return TOO_MUCH
        if code == 2 and not any(
            name and name.encode("utf-8", "backslashreplace").decode() in text for name in case.names
        ):
            return UNNAMED
        if "Warning:" in text or "Exception ignored" in text:
            return WARNED
        if code == 0 and any((folder / name).read_bytes() != data for name, data in case.same.items()):
            return OTHER
    after = snapshot(folder, leave)
    if before != after:
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                print(f"changed: {name!r}: {before.get(name)} -> {after.get(name)}", file=sys.stderr)
        return CHANGED
    left = [path for path in walk(folder) if path.name.endswith((".part", ".old", ".commit"))]
    if left:
        print(f"left behind: {left}", file=sys.stderr)
        return LEFT
    return 0


def _limit() -> None:
    """Bounds what the child may use from here on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + MEMORY
    spent = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(spent.ru_utime + spent.ru_stime) + SECONDS
    bounds = ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 1 << 30))
    for what, most in (*bounds, (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))
