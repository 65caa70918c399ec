"""``python -m hostile.crash``: kills every verb that writes, at random moments and before chosen system calls.

After each kill another command writes beside, which must find or bring everything to the old state or to the new one;
then the same command runs again (from its checkpoint, where it has one) and must make what it makes undisturbed, with
nothing left lying about. System calls are counted and stopped at by strace, where it is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from unittest import mock

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # a process that has threads must not fork

from PIL import Image  # noqa: E402

from hostile.judge import walk  # noqa: E402
from hostile.networks import stock_networks  # noqa: E402
from hostile.pantry import COMPOSE, PACK, done, frequent_checkpoints, stock  # noqa: E402
from vertumnus.writing import LOCK  # noqa: E402

CALLS = (
    "write,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,"
    "ftruncate,chmod,fchmod,fchmodat,?symlinkat"
)
FAULTS = ("torn", "mixed", "left over", "not the same again", "failed again")
LONGEST = 120  # seconds that a command may take
Tree = dict[str, str]


class Scenario(NamedTuple):
    """A verb that writes.

    command      "@" stands for what differs between the old state and the new one
    old, new     what "@" is
    together     outputs that must be old or new all at once
    checkpoint   the file it goes on from, where there is one
    """

    command: list[str]
    old: list[str]
    new: list[str]
    together: list[str]
    checkpoint: str = ""


def _seeded(*command: str, together: str, checkpoint: str = "") -> Scenario:
    return Scenario([*command, "@"], ["--seed", "3"], ["--seed", "4"], together.split(), checkpoint)


SCENARIOS = {
    "pack": _seeded("pack", "pieces", "--shape", "heart", *PACK, "-o", "out/a.collage", together="a.collage"),
    "pack, six outputs": _seeded(
        "pack", "pieces", "--shape", "heart", *PACK, "-o", "out/a.collage", "-o", "out/b.json", "-o",
        "out/a.png", "-o",
        "out/a.svg", "-o", "out/a.jpg", "-o", "out/a.dzi",
        together="a.collage b.json a.png a.svg a.jpg a.dzi a_files a.html",
    ),
    "pack with a checkpoint": _seeded(
        "pack", "pieces", "--shape", "heart", *PACK, "-o", "out/a.collage", "-o", "out/a.png", "--checkpoint",
        "c.npz",
        together="a.collage a.png", checkpoint="c.npz",
    ),
    "compose with a checkpoint": _seeded(
        "compose", "pieces", *COMPOSE, "-o", "out/a.collage", "-o", "out/a.png", "--checkpoint", "c.npz",
        together="a.collage a.png", checkpoint="c.npz",
    ),
    "mosaic": _seeded(
        "mosaic", "photograph.png", "--tiles", "pieces", "--grid", "3x4", "--size", "96", "--assign", "greedy",
        "--min-distance", "1", "--index", "index", "-o", "out/m.png", "-o", "out/m.json", "-o", "out/m.dzi", "-o",
        "out/m.tif", together="m.png m.json m.dzi m_files m.html m.tif",
    ),
    "render": Scenario(
        ["render", "@", "-o", "out/a.png", "-o", "out/a.svg", "-o", "out/a.tif", "-o", "out/a.webp", "-o",
        "out/a.dzi"],
        ["a.collage"], ["composed.collage"], ["a.png", "a.svg", "a.tif", "a.webp", "a.dzi", "a_files", "a.html"],
    ),
    "blend": Scenario(["blend", "@", "-o", "out/a.png"], ["a.collage"], ["composed.collage"], ["a.png"]),
    "again": Scenario(["again", "@", "-o", "out/a.json"], ["a.collage"], ["composed.collage"], ["a.json"]),
    "shape": Scenario(["shape", "@", "--size", "40", "-o", "out/a.png"], ["heart"], ["circle"], ["a.png"]),
    "tiles index": Scenario(["tiles", "index", "@", "--index", "out"], ["cut"], ["pieces"], []),
    "tiles prune": Scenario(["tiles", "prune", "pieces", "--index", "out"], [], [], []),
    "cutout": Scenario(["cutout", "@", "-o", "out"], ["pieces/piece0.png"], ["pieces"], []),
    "mosaic of a mosaic": Scenario(
        ["mosaic", "--assignment", "m.json", "--size", "@", "-o", "out/m.png", "-o", "out/m.dzi"], ["48"], ["96"],
        ["m.png", "m.dzi", "m_files", "m.html"],
    ),
    "mosaic of frames": Scenario(
        ["mosaic", "frames", "--tiles", "pieces", "--grid", "@", "--size", "48", "--index", "index", "-o",
        "out/film"], ["3x4"], ["2x3"], ["film"],
    ),
    "compose of frames": _seeded(
        "compose", "pieces", "--like", "frames", "--size", "40", "--iterations", "8", "-o", "out/film.gif",
        together="film.gif",
    ),
    "compose, variations": Scenario(
        ["compose", "pieces", *COMPOSE, "--variations", "2", "@", "-o", "out/a.collage"], ["--seed", "3"],
        ["--seed", "4"], [],
    ),
    "words": Scenario(
        ["words", "text.txt", "--size", "120", "@", "-o", "out/a.collage", "-o", "out/a.svg", "--html", "out/a.html"],
        ["--seed", "3"], ["--seed", "4"], ["a.collage", "a.svg", "a.html"],
    ),
    "harmonize": Scenario(
        ["harmonize", "@", "--model", "none", "-o", "out/a.collage", "-o", "out/a.png"], ["a.collage"],
        ["composed.collage"], ["a.collage", "a.png"],
    ),
    "open": Scenario(["open", "@", "-o", "out/a.collage"], ["a.svg"], ["composed.svg"], ["a.collage"]),
    "contact": Scenario(["contact", "@", "-o", "out/a.html"], ["a.collage"], ["composed.collage"], ["a.html"]),
    "schema": Scenario(["schema", "-o", "out/a.json"], [], [], []),
}  # fmt: skip
NETWORKS = {
    "harmonize with a model": _seeded(
        "harmonize", "a.collage", "--prompt", "auto", "--model", "diffusion", "--steps", "2", "-o", "out/a.png",
        "-o", "out/a.collage", together="a.png a.collage",
    ),
    "harmonize, a gallery": Scenario(
        ["harmonize", "a.collage", "--prompt", "auto", "--model", "diffusion", "--steps", "2", "--seeds", "2",
        "-o", "out/gallery"], [], [], [],
    ),
    "mosaic, generated": _seeded(
        "mosaic", "photograph.png", "--generate", "a bird", "--model", "diffusion", "--grid", "2x2", "--steps", "2",
        "-o", "out/m.png", "-o", "out/m.json", together="m.png m.json",
    ),
    "personalize": _seeded(
        "personalize", "pieces", "--name", "<ada>", "--model", "diffusion", "--steps", "3", "-o",
        "out/a.safetensors", together="a.safetensors",
    ),
}  # fmt: skip


STOCK = (
    "pieces", "cut", "frames", "photograph.png", "a.collage", "composed.collage", "a.svg", "composed.svg", "m.json",
    "text.txt",
)  # fmt: skip


def stock_more(pantry: Path) -> None:
    """What only these verbs read: frames, a collage as SVG, a mosaic."""
    (pantry / "frames").mkdir()
    for number, source in enumerate(("photograph.png", "pieces/piece0.png", "pieces/piece1.png")):
        with Image.open(pantry / source) as image:
            image.convert("RGB").resize((40, 30)).save(pantry / f"frames/{number}.png")
    shutil.copy(pantry / "mosaic.json", pantry / "m.json")
    done("render", str(pantry / "composed.collage"), "-o", str(pantry / "composed.svg"))


def tree(folder: Path, names: list[str] | None = None) -> Tree:
    """Files below a folder by the hash of their bytes; of some names alone, with all below them."""
    found = {}
    for path in walk(folder) if folder.is_dir() else ():
        name = str(path.relative_to(folder))
        if path.is_file() and (names is None or name.split("/")[0] in names):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return found


class Crashes:
    """A scenario in a folder of its own, with the old state and the new one as they are undisturbed."""

    def __init__(self, scenario: Scenario, pantry: Path, base: Path) -> None:
        self.scenario, self.folder, self.base = scenario, base / "case", base
        shutil.rmtree(base, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in (*STOCK, *(["diffusion"] if (pantry / "diffusion").exists() else [])):
            source = pantry / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns(".*"))
            else:
                shutil.copy2(source, self.folder / name)
        (self.folder / "out").mkdir()
        self.old_command, self.command = (
            [part for word in scenario.command for part in (given if word == "@" else [word])]
            for given in (scenario.old, scenario.new)
        )
        self.run(self.old_command)
        if scenario.checkpoint:
            (self.folder / scenario.checkpoint).unlink()
        shutil.copytree(self.folder, base / "before")
        self.old = tree(self.folder / "out", scenario.together)
        began = time.monotonic()
        self.run(self.command)
        self.seconds = time.monotonic() - began
        self.new = tree(self.folder / "out", scenario.together)
        self.all = self._known()
        assert self.old != self.new or not scenario.together, f"{scenario.command}: the new state is the old one"

    def _known(self) -> Tree:
        """What is compared in the end: outputs, whose index is compared by what it says and not by its bytes."""
        skip = ("tiles.sqlite", "lock", "cells.", "thumbnails.")
        return {
            name: digest
            for name, digest in tree(self.folder / "out").items()
            if not name.rpartition("/")[2].startswith(skip)
        }

    def restore(self) -> None:
        """The folder as before the command."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.base / "before", self.folder)

    def start(self, command: list[str], stopped: bool = False) -> int:
        """Runs a command in a child, which waits to be let go where it is to be watched."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
            os.chdir(self.folder)
            handle = os.open(self.base / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            if stopped:
                os.kill(os.getpid(), signal.SIGSTOP)
            from vertumnus.cli.app import run

            code = run(command)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def run(self, command: list[str]) -> None:
        """Runs a command to its end. Raises `RuntimeError` if that is not a good one."""
        if code := ended(self.start(command)):
            raise RuntimeError(f"{' '.join(command)}: {code}: {(self.base / 'said').read_text()[-2000:]}")

    def kill_after(self, seconds: float) -> None:
        """Runs the command and kills it."""
        child = self.start(self.command)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        ended(child)

    def traced(self, inject: str = "") -> int:
        """Runs the command under strace and returns how many of `CALLS` it made.

        inject   "N" to kill it as it makes the N-th of them
        """
        child = self.start(self.command, stopped=True)
        os.waitpid(child, os.WUNTRACED)
        log = self.base / "calls"
        more = ["-e", f"inject={CALLS}:signal=SIGKILL:when={inject}"] if inject else []
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-p", str(child), "-e", f"trace={CALLS}", *more, "-o", log],
            stderr=subprocess.PIPE,
        )
        assert tracer.stderr is not None
        while not traced_by(child):
            time.sleep(0.005)
        os.kill(child, signal.SIGCONT)
        ended(child)
        tracer.wait()
        tracer.stderr.close()
        return sum(1 for line in log.read_text(errors="replace").splitlines() if re.match(r"\d+ +[a-z]+", line))

    def judge(self) -> list[str]:
        """What is wrong after a kill; runs what comes next."""
        found = []
        names = self.scenario.together
        now = tree(self.folder / "out", names)
        for name in names:
            mine = {path: digest for path, digest in now.items() if path.split("/")[0] == name}
            states = [{p: d for p, d in state.items() if p.split("/")[0] == name} for state in (self.old, self.new)]
            mine.pop(f"{name}/{LOCK}", None)  # an empty file that says that its writer lives
            # A folder that is being replaced is there again when the next command has written beside it.
            if mine not in states and mine:
                print(f"torn: {name}: {mine}, of {states}")
                found.append("torn")
        self.run(["shape", "star", "--size", "40", "-o", "out/beside.png"])
        (self.folder / "out/beside.png").unlink()
        now = tree(self.folder / "out", names)
        if now not in (self.old, self.new):
            print(
                "mixed:", {name: (now.get(name), self.old.get(name), self.new.get(name)) for name in now | self.new}
            )
            found.append("mixed")
        resume = []
        if self.scenario.checkpoint and (self.folder / self.scenario.checkpoint).exists():
            resume = ["--resume"]
        try:
            self.run([*self.command, *resume])
        except RuntimeError as error:
            print(error)
            return [*found, "failed again"]
        after = self._known()
        if {name: after.get(name) for name in self.all} != self.all:
            found.append("not the same again")
        left = [
            path.name for path in walk(self.folder) if re.search(r"\.(part|old|commit|new)$|-journal$", path.name)
        ]
        if left or after.keys() - self.all.keys():
            print("left:", left, sorted(after.keys() - self.all.keys()))
            found.append("left over")
        return found


def ended(child: int) -> int:
    """Waits for a child and returns its exit code; below 0 for a signal."""
    began = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() - began > LONGEST:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.003)


def traced_by(child: int) -> bool:
    """Whether a process is traced."""
    text = Path(f"/proc/{child}/status").read_text()
    return "TracerPid:\t0" not in text


def main() -> int:
    """Kills, judges and prints the counts; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="hostile.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at random moments, over all verbs")
    parser.add_argument("--points", type=int, default=40, help="system calls that each verb is killed at, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="these scenarios alone")
    parser.add_argument("--networks", action="store_true", help="the verbs that load networks, and these alone")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    base = Path(tempfile.mkdtemp(prefix="crash-"))
    counts: Counter[tuple[str, str]] = Counter()
    strace = shutil.which("strace") if given.points else None
    try:
        stock(base / "pantry")
        stock_more(base / "pantry")
        scenarios = SCENARIOS
        if given.networks:
            stock_networks(base / "pantry")
            scenarios = NETWORKS
        with frequent_checkpoints(), mock.patch("vertumnus.live.several.POLL", 0.05):
            names = [name for name in scenarios if given.only is None or name in given.only]
            for number, name in enumerate(names):
                crashes = Crashes(scenarios[name], base / "pantry", base / "work")
                plan: list[tuple[str, float]] = [
                    ("kill", rng.random() * crashes.seconds) for _ in range(number, given.kills, len(names))
                ]
                if strace:
                    crashes.restore()
                    calls = crashes.traced()
                    points = range(1, calls + 1)
                    few = sorted(rng.sample(points, min(given.points, calls)))
                    plan += [("call", float(point)) for point in few]
                    counts[name, "calls"] = calls
                for what, at in plan:
                    crashes.restore()
                    if what == "kill":
                        crashes.kill_after(at)
                    else:
                        crashes.traced(str(int(at)))
                    counts[name, what] += 1
                    for fault in crashes.judge():
                        counts[name, fault] += 1
                        print(f"--- {name}: {what} {at:g}: {fault}", flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    columns = ("kill", "call", "calls", *FAULTS)
    print(f"{'':28s}{'kills':>7s}{'points':>8s}{'of calls':>10s}" + "".join(f"{fault:>20s}" for fault in FAULTS))
    for name in [*names, "all"]:
        cells = [sum(n for (who, what), n in counts.items() if what == c and name in (who, "all")) for c in columns]
        print(f"{name:28s}{cells[0]:7d}{cells[1]:8d}{cells[2]:10d}" + "".join(f"{n:20d}" for n in cells[3:]))
    if strace is None:
        print("strace is not installed: no system calls were counted")
    return int(any(counts[name, fault] for name in names for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
