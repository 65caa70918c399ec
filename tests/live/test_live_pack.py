"""A live packing: told things while it runs and after it has finished, and made again from its document."""

import numpy as np
import pytest

import vertumnus as vt
from vertumnus.packing.pack import live_pack

SIZE = 100
FAST = {"size": SIZE, "quality": "fast"}


def strict(live):
    """Nothing overlaps or sticks out, counted anew."""
    measure = live.measure()
    assert measure.overlap == 0
    assert measure.spill == 0


def same_again(collage, tmp_path):
    """Saved, loaded and made again: the same bytes."""
    collage.save(tmp_path / "a.collage")
    loaded = vt.Collage.load(tmp_path / "a.collage")
    vt.again(loaded).save(tmp_path / "b.collage")
    assert (tmp_path / "b.collage").read_bytes() == (tmp_path / "a.collage").read_bytes()


def pose(live, piece):
    seen = live.snapshot()
    at = list(seen.pieces).index(piece)
    return seen.x[at], seen.y[at], seen.scale[at], seen.rotation[at]


def test_pinned_while_it_runs(blobs, tmp_path):
    live = live_pack(blobs, "circle", **FAST)
    for step in live:
        if step.step == 30:
            step.send(vt.Move(piece=0, x=60.0, y=55.0))
            step.send(vt.Pin(piece=0))
            held = pose(live, 0)[2:]
    x, y, *rest = pose(live, 0)
    assert (x, y) == pytest.approx((60.0, 55.0), abs=1e-9)
    assert rest == pytest.approx(held, abs=1e-9)
    strict(live)
    collage = live.document()
    assert [layer.locked for layer in collage.layers] == [True] + 11 * [False]
    same_again(collage, tmp_path)


def test_after_it_has_finished_it_goes_on(blobs, tmp_path):
    live = live_pack(blobs[:8], "circle", **FAST).run()
    assert live.finished
    before = live.snapshot()
    live.send(vt.Remove(piece=3))
    live.send(vt.Add(element=blobs[9]))
    live.send(vt.Move(piece=0, x=50.0, y=50.0))
    live.send(vt.Pin(piece=0))
    live.run()
    strict(live)
    assert list(live.snapshot().pieces) == [0, 1, 2, 4, 5, 6, 7, 8]
    assert pose(live, 0)[:2] == pytest.approx((50, 50), abs=1e-9)
    live.send(vt.Replace(piece=1, element=blobs[10]))
    live.send(vt.SetOption(name="gap", value=2.0))
    live.run()
    strict(live)
    assert live.snapshot().images[1] == blobs[10].image
    assert live.problem.strict.gap == 2.0
    collage = live.document()
    assert blobs[10].name in [layer.name for layer in collage.layers]
    same_again(collage, tmp_path)
    for _ in range(6):
        live.send(vt.Undo())
    live.run()
    after = live.snapshot()
    assert live.finished
    for name in ("x", "y", "scale", "rotation", "pieces", "images"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert live.problem.strict.gap == 0
    live.send(vt.Undo())
    live.run()
    assert live.refused[-1][1] == "there is nothing to take back"
