"""``python -m hostile``: throws hostile files and options at every verb and counts what goes wrong, by kind.

Cases are numbered; a case follows from the seed and its number alone, so that any can be run again:
``python -m hostile --seed 1 --only 4711``. Counts are kept in ``--state``, and a run that is cut short goes on there.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # a process that has threads must not fork

from hostile.judge import FAULTS, kind_of, run_batch  # noqa: E402
from hostile.kinds import KINDS  # noqa: E402
from hostile.networks import stock_networks  # noqa: E402
from hostile.pantry import short_runs, stock  # noqa: E402

BATCH = 10  # cases that one child judges


def main() -> int:
    """Runs the cases and prints the counts; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument(
        "--only", type=int, nargs="*", default=None, help="numbers of the cases to run, shown in full"
    )
    parser.add_argument("--kind", help="this kind alone")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="by the clock, and then stop")
    parser.add_argument("--state", type=Path, help="a file of counts to go on from")
    parser.add_argument("--without", nargs="*", default=[], help="leave these kinds out")
    given = parser.parse_args()
    began = time.monotonic()
    done: dict[str, dict[str, object]] = {}
    if given.state is not None and given.state.exists():
        done = {
            entry["number"]: entry for line in given.state.read_text().splitlines() for entry in [json.loads(line)]
        }
    numbers = given.only if given.only is not None else [n for n in range(given.cases) if n not in done]
    kinds = {n: kind_of(KINDS, given.seed, n) for n in numbers}
    wanted = [n for n in numbers if given.kind in (None, kinds[n]) and kinds[n] not in given.without]
    base = Path(tempfile.mkdtemp(prefix="hostile-"))
    short_runs()
    try:
        stock(base / "pantry")
        print(f"{time.process_time():.1f} s of one core for honest things", file=sys.stderr)
        gc.collect()
        gc.freeze()  # children do not touch, and so do not copy, what the parent has
        wanted.sort(key=lambda number: KINDS[kind_of(KINDS, given.seed, number)].network)
        networks = False
        together = 1 if given.only is not None else BATCH
        for batch in (wanted[first : first + together] for first in range(0, len(wanted), together)):
            if KINDS[kind_of(KINDS, given.seed, batch[-1])].network and not networks:
                gc.unfreeze()
                stock_networks(base / "pantry")  # and with them what is large to import
                gc.freeze()
                networks = True
            if time.monotonic() - began > given.seconds:
                break
            for verdict in run_batch(KINDS, given.seed, batch, base / "pantry", base / "cases"):
                number = verdict.number
                done[number] = verdict._asdict() | {"detail": verdict.detail[-3000:] if verdict.fault else ""}
                if given.state is not None:
                    with given.state.open("a") as stream:
                        stream.write(json.dumps(done[number]) + "\n")
                if verdict.fault or given.only is not None:
                    shown = verdict.detail if given.only is not None else verdict.detail[-1500:]
                    what = verdict.fault or "as it must"
                    print(f"--- {number} {verdict.kind}: {what} ({verdict.seconds:.1f} s)\n{shown}")
                    sys.stdout.flush()
            if given.only is not None and len(given.only) == 1:  # kept, to be looked at
                kept = Path(tempfile.gettempdir()) / f"hostile-case-{given.only[0]}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(base / "cases" / str(given.only[0]), kept, symlinks=True, ignore=_special)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(table(list(done.values())))
    return int(any(entry["fault"] for entry in done.values()))


def _special(folder: str, names: list[str]) -> list[str]:
    """What cannot be copied."""
    return [
        name
        for name in names
        if not (path := Path(folder) / name).is_symlink() and not path.is_dir() and not path.is_file()
    ]


def table(entries: list[dict[str, object]]) -> str:
    """Counts by kind of case and kind of fault."""
    counts = Counter((str(entry["kind"]), str(entry["fault"])) for entry in entries)
    lines = [f"{'':15s}{'cases':>8s}{'refused':>9s}{'seconds':>9s}" + "".join(f"{fault:>16s}" for fault in FAULTS)]
    for kind in [*KINDS, "all"]:
        mine = [entry for entry in entries if kind in (entry["kind"], "all")]
        refused = sum(bool(entry["refused"]) for entry in mine)
        seconds = sum(float(str(entry["seconds"])) for entry in mine) / max(1, len(mine))
        cells = (sum(n for (k, f), n in counts.items() if f == fault and kind in (k, "all")) for fault in FAULTS)
        lines.append(f"{kind:15s}{len(mine):8d}{refused:9d}{seconds:9.2f}" + "".join(f"{n:16d}" for n in cells))
    longest = max((float(str(entry["seconds"])) for entry in entries), default=0.0)
    slow = sum(float(str(entry["seconds"])) for entry in entries)
    return "\n".join([*lines, f"{slow:.0f} s of one core, the longest {longest:.1f} s"])


if __name__ == "__main__":
    sys.exit(main())
