"""The best of several collages."""

import sys
from pathlib import Path

import pytest

import vertumnus as vt
from drawn import blob, element
from vertumnus.composing.choose import _judge, best_of
from vertumnus.metrics.silhouette import SilhouetteJudge
from vertumnus.models.mini.vocabulary import HELD_OUT_FONT

ROOT = Path(__file__).parents[2]
PIECES = [element(blob(n, 60 + 3 * n, 66 - 2 * n), f"blob{n}") for n in range(8)]


@pytest.mark.slow
def test_the_one_that_reads_best_is_best():
    """Whatever its own prior thinks."""
    packed = [vt.pack(PIECES, shape, size=200, count=24) for shape in ("square", "heart", "icon:fish")]
    best, why = best_of(packed, "a red heart", [0.9, 0.1, 0.2])
    assert (best, why) == (1, "by silhouettes of an icon font that no prior draws from")
    assert best_of(packed, "two fishes", [0.9, 0.1, 0.2])[0] == 2


def test_what_the_judge_does_not_know_is_left_to_the_prior():
    packed = [vt.pack(PIECES, shape, size=100, count=6) for shape in ("square", "heart")]
    for prompt in ("a heart and a star", "a qwxzv"):
        assert best_of(packed, prompt, [0.2, 0.1]) == (0, "by its agreement with what the prior wanted")


@pytest.mark.slow
def test_who_chooses_judges_no_benchmark(monkeypatch):
    """They share no font, and neither is a network."""
    for folder in ("training", "benchmarks", "examples"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    before = set(sys.modules)
    try:
        import compose as benchmark
        import drawings

        assert HELD_OUT_FONT not in benchmark.JUDGE
        assert HELD_OUT_FONT == "phosphor"
        assert "ph" in drawings.CHOOSING  # as that family calls it
        assert not set(drawings.CHOOSING) & set(benchmark.JUDGING)
        assert not {"fa6-solid", "mdi", "ri"} & set(benchmark.JUDGING)  # nor what the priors draw from
        assert isinstance(_judge(), SilhouetteJudge)
        assert {type(benchmark.Stranger(benchmark.of_fonts(("fa6",)), ("mdi6",), ("star", "heart"), 2).judge)} == {
            SilhouetteJudge
        }
    finally:
        for name in set(sys.modules) - before:
            if not name.startswith("vertumnus"):
                del sys.modules[name]
