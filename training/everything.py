"""Makes mini again from nothing: python training/everything.py FOLDER [--sizes gpu] [--from WEIGHTS]

Icons are fetched; judges, autoencoder, diffusion model, its adapters and CLIP are trained one after another, exported
and measured; the card is written. Every step goes on where it stopped, so the same command is given again after an
interruption; steps that are done are over at once. --from goes on from weights that shipped before.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from common import HERE


def commands(
    folder: Path,
    table: str,
    before: Path | None,
    to: Path,
    threads: int,
    fetch: bool = True,
    share: float = 1.0,
) -> list[list[str]]:
    """What is run, in order, as arguments of the interpreter.

    folder   where runs, icons and samples are kept
    table    of sizes.toml
    before   weights that shipped before, to go on from; the autoencoder is then theirs
    to       where the weights go
    fetch    whole icon sets and photographs; without them, those in ``folder/icons`` or else drawings.json serve
    share    of everything that is measured
    """
    icons, runs = folder / "icons", folder / "runs"
    common = ["--sizes", table, "--threads", str(threads)]
    seen: list[str | Path] = ["--icons", icons] if fetch or icons.is_dir() else []
    vae = runs / "vae" if before is None else before / "diffusion" / "vae"
    unet = runs / "diffusion"
    made: list[list[str | Path]] = []
    if fetch:
        made.append(["fetch.py", icons, "--photographs"])
    made += [["judge.py", runs / f"judge-{name}", "--families", name, *common] for name in ("choosing", "judging")]
    if before is None:
        made.append(["vae.py", vae, *seen, *common])
    warm: list[str | Path] = [] if before is None else ["--warm", before / "diffusion"]
    chosen_by: list[str | Path] = ["--judge", runs / "judge-choosing"]
    made.append(["diffusion.py", unet, "--vae", vae, *warm, *chosen_by, *common])
    if before is None:
        made.append(["clip.py", runs / "clip", *common])
    else:
        made.append(["clip.py", runs / "clip", "--warm", before / "clip", *common])
    made.append(["second.py", runs / "second", *common])
    parts: list[str | Path] = ["--vae", vae, "--diffusion", unet, "--clip", runs / "clip"]
    kept: list[str | Path] = [] if before is None else ["--keep", before]
    made.append(["export.py", *parts, *kept, "--to", to, "--sizes", table])
    made.append(["linear.py", to / "diffusion", *seen, "--count", str(max(8, round(1200 * share)))])
    made.append(["small_decoder.py", runs / "tiny", "--weights", to / "diffusion", *seen, *common])
    for kind in ("colour", "silhouette"):
        made.append(["adapters.py", runs / kind, "--kind", kind, "--weights", to / "diffusion", *common])
    networks = [f"--{name}={runs / name}" for name in ("tiny", "colour", "silhouette")]
    made.append(["export.py", *networks, "--to", to, "--sizes", table])
    results = folder / "results.json"
    judges: list[str | Path] = ["--judge", runs / "judge-judging", "--choose", runs / "judge-choosing"]
    judges += ["--second", runs / "second", "--sizes", table, "--share", str(share)]
    made.append(["../benchmarks/mini.py", *judges, "--weights", to, "--json", results, "--images", folder / "images"])
    made.append(["card.py", "--results", results, "--weights", to])
    return [[str(HERE / str(script)), *map(str, rest)] for script, *rest in made]


def main() -> None:
    """Runs it all; stops at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", default="cpu", help="a table of sizes.toml")
    parser.add_argument("--from", dest="before", type=Path, help="weights that shipped before, to go on from")
    parser.add_argument("--to", type=Path, help="folder of the weights; FOLDER/weights by default")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fetched", action="store_true", help="fetch nothing: what is in FOLDER/icons serves")
    parser.add_argument("--share", type=float, default=1.0, help="of everything that is measured")
    parser.add_argument("--dry", action="store_true", help="only say what would be run")
    chosen = parser.parse_args()
    to = chosen.to or chosen.folder / "weights"
    options = (chosen.before, to, chosen.threads, not chosen.fetched, chosen.share)
    for command in commands(chosen.folder, chosen.sizes, *options):
        print(shlex.join(["python", *command]), flush=True)
        if not chosen.dry:
            subprocess.run([sys.executable, *command], check=True)


if __name__ == "__main__":
    main()
