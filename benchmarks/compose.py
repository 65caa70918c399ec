"""Does a stranger name the collage? Composing measured: one table, and the same numbers as JSON.

    python benchmarks/compose.py [--pictures FOLDER] [--nouns 20] [--seeds 3] [--json FILE] [--keep FOLDER]
                                 [--only WORDS ...] [--grid FILE]
    python benchmarks/compose.py --keep FOLDER --judge-only

The judge (`vertumnus.metrics.silhouette`) knows the nouns of an icon font that the prior does not: Font Awesome
judges, and the prior draws from Material Design, Phosphor, Remix and Elusive. Fonts draw many nouns unlike each
other, and a collage can be no more like the judge's drawing than the one it imitates. So the nouns are the first ones
of the vocabulary of which the judge names every drawing of the prior's among its first five; rows "as they come" are
of the first nouns that both have, whatever the judge makes of their drawings. Mini has learnt Font Awesome's
drawings, so in the rows that set it beside the pictogram prior families judge that neither has seen (``JUDGING`` of
`training/drawings.py`), and the nouns are those that mini knows. Phosphor, by which ``--variations`` chooses, judges
nothing here. Times are CPU seconds of one core with compiled kernels; "ratio" is a time over that of one
exact Euclidean distance transform of a 2400 x 2400 raster in the same run.

Rows of "all nouns" are judged by the classifier that `training/judge.py` trains (``--judge``, the folder of its run),
of families that no prior draws from and nothing is chosen by: of the first nouns that it names from its own drawings,
with no other selection, ``--seeds`` of each; intervals are 95 % by the bootstrap over nouns.

Rows of scenes: forty sentences of two nouns, drawn from all that the classifier and the prior know, and a side,
above or under. The picture is parted where least ink is, in its middle 40 %, across the relation; a noun is in place
if it is among the first five of its half, or, of a judge that need not tell two hundred, the nearer of the two.

``--blind SHEET.png`` writes the collages of ``--keep`` shuffled and numbered, and beside it what they are, so that
they can be read by eye first.

``--keep`` writes a picture of every collage and what was measured of it; rows that are there are not composed again,
but for those whose name holds words of ``--only``. ``--judge-only`` composes nothing: both judges look at what is
kept.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import gallery
from compose_judges import Classifier, Judge, MiniClip, Stranger, from_afar, of_families, of_fonts
from compose_kept import Kept, Made, blind_sheet, iou
from compose_scenes import LOOK, SEEN, SIZE, composed_scene, interval, scene_summary, sentences
from drawings import JUDGING
from pack import machine, reference_seconds

import vertumnus as vt
from vertumnus.composing.compose import live_compose, run
from vertumnus.elements.element import Element, make_element
from vertumnus.guidance.distillation import model_defaults
from vertumnus.guidance.options import PictogramOptions
from vertumnus.guidance.pictogram import PictogramSource
from vertumnus.guidance.protocol import Source
from vertumnus.guidance.registry import open_named
from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.vocabulary import TRAINED_FONTS, glyphs_of, nouns

JUDGE = ("fa6", "fa5")
PRIOR = ("mdi6", "phosphor", "remix", "elusive")
COUNTS = (16, 32, 64)
GOALS = {32: 0.70, 64: 0.85}


def discs() -> list[Element]:
    """Plain discs in four colours."""
    y, x = np.mgrid[:128, :128] + 0.5
    alpha = (np.clip(63 - np.hypot(x - 64, y - 64), 0, 1) * 255).astype(np.uint8)
    made = []
    for colour in ("#d8572a", "#31572c", "#f0c33c", "#3f7d8c"):
        picture = Image.new("RGB", (128, 128), colour)
        picture.putalpha(Image.fromarray(alpha))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        made.append(make_element(stream.getvalue(), None, colour, colour))
    return made


def compose(source: Source, elements: list[Element], noun: str, count: int, seed: int, **options: Any) -> Made:
    """One collage."""
    began = time.process_time()
    if "method" in options:
        source = PictogramSource(PictogramOptions(method=options.pop("method")), PRIOR)
    composition = run(
        live_compose(elements, f"a {noun}", guidance=source, size=SIZE, seed=seed, count=count, **options)
    )
    seconds = time.process_time() - began
    assert composition.optimiser.canvas is not None
    over = composition.optimiser.stages[0].renderer.coverage.forward(composition.optimiser.placements)
    overlap = float(np.maximum(over - 1, 0).sum() / max(float(over.sum()), 1e-9))
    picture = composition.document().render(scale=LOOK / SIZE, background="#ffffff00")
    wanted = composition.joint.target_alpha
    assert wanted is not None
    ink = np.asarray(picture.getchannel("A").resize(wanted.shape[::-1], Image.Resampling.BOX), np.float32) / 255
    return Made(noun, seed, seconds, overlap, iou(ink, wanted), picture)


def packed(elements: list[Element], noun: str, count: int, fonts: tuple[str, ...]) -> Made:
    """The noun packed into the true contour, the first drawing that the prior has of it."""
    glyph = glyphs_of(noun, fonts)[0]
    began = time.process_time()
    shape = f"icon:{glyph.font}.{glyph.name}"
    picture = vt.pack(elements, shape, size=SIZE, count=count).render(scale=LOOK / SIZE, background="#ffffff00")
    seconds = time.process_time() - began
    mask = vt.parse_shape(shape).mask(LOOK, LOOK).astype(np.float32)
    return Made(noun, 0, seconds, 0.0, iou(np.asarray(picture.getchannel("A"), np.float32) / 255, mask), picture)


def summary(made: list[Made], judge: Judge, clip: MiniClip) -> dict[str, Any]:
    """Shares and means of a row."""
    inks = [one.picture.getchannel("A").resize((SEEN, SEEN), Image.Resampling.BOX) for one in made]
    padded = [np.pad(np.asarray(ink, np.float32) / 255, 8) for ink in inks]
    places = np.array([judge.place(ink, one.noun) for ink, one in zip(padded, made, strict=True)])
    known = [one for one in made if one.noun in clip.nouns]
    second = np.array([clip.place(from_afar(one.picture), one.noun) for one in known])
    in_colour = np.array([clip.place(one.picture, one.noun) for one in known])
    return {
        "collages": len(made),
        "top1": float((places == 0).mean()),
        "top5": float((places < 5).mean()),
        "top5 from, to": interval((places < 5).tolist(), [one.noun for one in made])[1:],
        "seconds": statistics.median(one.seconds for one in made),
        "overlap": statistics.mean(one.overlap for one in made),
        "iou": statistics.mean(one.iou for one in made),
        "clip_top1": float((second == 0).mean()) if len(second) else None,
        "clip_top5": float((second < 5).mean()) if len(second) else None,
        "clip_colour_top1": float((in_colour == 0).mean()) if len(second) else None,
        "clip_colour_top5": float((in_colour < 5).mean()) if len(second) else None,
        "clip_collages": len(second),
        "missed": [one.noun for one, place in zip(made, places, strict=True) if place >= 5],
    }


def step_growth(prior: Source, elements: list[Element]) -> dict[str, float]:
    """Milliseconds a step for 20 and for 200 pieces."""
    found = {}
    for count in (20, 200):
        steps = iter(live_compose(elements, "star", guidance=prior, size=SIZE, count=count, strict=False))
        for _ in range(20):
            next(steps)
        began = time.process_time()
        for _ in range(200):
            next(steps)
        found[str(count)] = (time.process_time() - began) / 200 * 1000
    return found


def picture_grid(prior: Source, shown: tuple[str, ...], sets: dict[str, list[Element]], path: Path) -> None:
    """What some nouns look like, a row an element set."""
    side = 220
    grid = Image.new("RGB", (side * len(shown), side * len(sets)), "white")
    for row, elements in enumerate(sets.values()):
        for column, noun in enumerate(shown):
            live = live_compose(elements, f"a {noun}", guidance=prior, size=SIZE, seed=1, count=48)
            picture = run(live).document().render(scale=side / SIZE, background="white")
            grid.paste(picture.convert("RGB"), (column * side, row * side))
    grid.save(path)


ABLATION: dict[str, dict[str, Any]] = {
    "full": {},
    "without geometry": {"loss": {"geometry": 0}},
    "without overlap": {"loss": {"overlap": 0}},
    "SDS instead of VSD": {"method": "sds"},
    "without relocation": {"relocate": False},
    "without reach": {"gradient_blur": (0, 0)},
}
KERNELS: dict[str, dict[str, Any]] = {
    f"kernel of {n} px": {"kernel_sigma": float(n), "gradient_blur": (0, 0)} for n in (1, 2)
}
SHOWN = ("butterfly", "heart", "crown", "fish", "umbrella", "cat")
SHOWN_BY_MINI = ("star", "heart", "crown", "anchor", "umbrella", "airplane")


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of cut-outs, as one more element set")
    parser.add_argument("--nouns", type=int, default=20)
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-compose.json"))
    parser.add_argument("--seeds", type=int, default=3, help="of each noun in the ablation")
    parser.add_argument(
        "--keep", type=Path, help="a folder for pictures of the collages; rows there are not made again"
    )
    parser.add_argument("--only", nargs="+", help="make no rows but those whose name holds one of these")
    parser.add_argument("--judge-only", action="store_true", help="judge what is kept, and make nothing")
    parser.add_argument("--grid", type=Path, help="write a grid of pictures there, and one by mini beside it")
    parser.add_argument("--judge", type=Path, help="folder of the trained classifier, for all nouns and scenes")
    parser.add_argument("--blind", type=Path, help="write what is kept there, shuffled, and labels beside it")
    arguments = parser.parse_args()
    if (arguments.judge_only or arguments.blind) and not arguments.keep:
        parser.error("--judge-only and --blind: need the folder of --keep")
    console = Console(width=140)
    if arguments.blind:
        blind_sheet(Kept(arguments.keep), arguments.blind)
        return
    kept, clip = Kept(arguments.keep), MiniClip()
    known = model_defaults(mini_folder("diffusion")).wording
    stranger = Stranger(of_fonts(JUDGE), PRIOR, nouns(), arguments.nouns)
    third = Stranger(of_families(JUDGING), TRAINED_FONTS, nouns(known.nouns if known else None), arguments.nouns)
    prior, both = PictogramSource(fonts=PRIOR), {"pictogram": PictogramSource()}
    sets = {"icons": gallery.ALL, "discs": discs()}
    if arguments.pictures:
        sets["cut-outs"] = vt.collect([arguments.pictures]).elements
    console.print(f"{machine()}; the judge knows {len(stranger.judge.nouns)} nouns")
    console.print(f"of the prior's own drawings of nouns as they come it has {stranger.own[0]:.0%} first")
    console.print(f"and {stranger.own[1]:.0%} among five; the families' knows {len(third.judge.nouns)} nouns")

    def mini() -> Source:
        if "mini" not in both:
            both["mini"] = open_named("mini")
        return both["mini"]

    def icons(names: list[str], seeds: int = 1, count: int = 32, **options: Any) -> list[Made]:
        pairs = [(noun, seed) for seed in range(seeds) for noun in names]
        return [compose(prior, gallery.ALL, noun, count, seed, **options) for noun, seed in pairs]

    def side_by_side(judge: Callable[[], Source], count: int) -> list[Made]:
        return [compose(judge(), gallery.ALL, noun, count, 0) for noun in third.nouns]

    rows: dict[str, tuple[Judge, Callable[[], list[Made]]]] = {}
    for name, elements in sets.items():
        for count in COUNTS:
            rows[f"{name}, {count}"] = (
                stranger,
                lambda elements=elements, count=count: [  # type: ignore[misc]
                    compose(prior, elements, noun, count, 0) for noun in stranger.nouns
                ],
            )
    rows["32 icons packed into the contour"] = (
        stranger,
        lambda: [packed(gallery.ALL, noun, 32, PRIOR) for noun in stranger.nouns],
    )
    for count in (32, 64):
        rows[f"{count} icons, nouns as they come"] = (
            stranger,
            lambda count=count: icons(stranger.as_they_come, count=count),  # type: ignore[misc]
        )
    for seeds, table in ((arguments.seeds, ABLATION), (1, KERNELS)):
        for name, options in table.items():
            rows[f"32 icons {name}"] = (
                stranger,
                lambda seeds=seeds, options=options: icons(  # type: ignore[misc]
                    stranger.nouns, seeds, strict=False, **options
                ),
            )
    for count in (32, 64):
        for name, judge in (("pictogram", lambda: both["pictogram"]), ("mini", mini)):
            rows[f"{count} icons by {name}, families judge"] = (
                third,
                lambda judge=judge, count=count: side_by_side(judge, count),  # type: ignore[misc]
            )

    scenes: dict[str, tuple[Judge, Callable[[], list[Made]]]] = {}
    if arguments.judge:
        classifier = Classifier(arguments.judge)
        drawn = [noun for noun in classifier.nouns if glyphs_of(noun, TRAINED_FONTS)]
        console.print(f"the classifier names {len(classifier.nouns)} nouns from its own drawings")
        for name, elements in sets.items():
            for count in COUNTS:
                rows[f"{name}, {count}, all nouns"] = (
                    classifier,
                    lambda elements=elements, count=count: [  # type: ignore[misc]
                        compose(both["pictogram"], elements, noun, count, seed)
                        for seed in range(arguments.seeds)
                        for noun in drawn[: arguments.nouns]
                    ],
                )
        for count in (32, 64):
            scenes[f"{count} icons, two things"] = (
                classifier,
                lambda count=count: [  # type: ignore[misc]
                    composed_scene(both["pictogram"], told, count, 0) for told in sentences(drawn)
                ],
            )

    def obtained(name: str, make: Callable[[], list[Made]]) -> list[Made] | None:
        """A row, kept or made now; None if it is not asked for."""
        again = any(words in name for words in arguments.only or ())
        made = None if again else kept.load(name)
        if made is None and not arguments.judge_only and (again or arguments.only is None):
            made = make()
            kept.save(name, made)
        return made

    if not arguments.judge_only:
        compose(prior, gallery.ALL, "star", 16, 0, iterations=30)  # compiles
    reference = reference_seconds()
    results: dict[str, Any] = {}
    for name, (judge, make) in rows.items():
        made = obtained(name, make)
        if made is not None:
            results[name] = summary(made, judge, clip)
            console.print(f"  {name}: {results[name]}")
    found_scenes: dict[str, Any] = {}
    for name, (judge, make) in scenes.items():
        made = obtained(name, make)
        if made is not None:
            found_scenes[name] = scene_summary(made, judge)
            console.print(f"  {name}: {found_scenes[name]}")
    seen = ("mini CLIP, afar 1", "5", "in colour 1", "5")
    table = Table("", "collages", "top 1", "top 5", *seen, "IoU", "CPU s", "ratio", "overlap", "goal")
    for name, row in results.items():
        goal = next((f"top 5 {share}" for count, share in GOALS.items() if name.endswith(f", {count}")), "")
        told = [row[f"clip_{way}top{most}"] for way in ("", "colour_") for most in (1, 5)]
        second = ["" if share is None else f"{share:.2f}" for share in told]
        rest = [row["iou"], row["seconds"], row["seconds"] / reference, row["overlap"]]
        cells = [f"{row['top1']:.2f}", f"{row['top5']:.2f}", *second, *(f"{number:.3f}" for number in rest)]
        table.add_row(name, str(row["collages"]), *cells, goal)
    console.print(table)
    found = {
        "machine": machine(),
        "judge_nouns": len(stranger.judge.nouns),
        "own": stranger.own,
        "nouns": stranger.nouns,
        "as_they_come": stranger.as_they_come,
        "mini_nouns": third.nouns,
        "results": results,
        "scenes": found_scenes,
    }
    if not arguments.judge_only and arguments.only is None:
        found["step_ms"] = steps = step_growth(prior, gallery.ALL)
        console.print(f"a step: {steps['20']:.2f} ms for 20 pieces, {steps['200']:.2f} for 200,"
                      f" {steps['200'] / steps['20']:.1f} times that")  # fmt: skip
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1))
    if arguments.grid:
        picture_grid(PictogramSource(), SHOWN, sets, arguments.grid)
        picture_grid(mini(), SHOWN_BY_MINI, sets, arguments.grid.with_stem(f"{arguments.grid.stem}-mini"))


if __name__ == "__main__":
    main()
