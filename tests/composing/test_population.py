"""Several layouts side by side: who becomes whose copy, how far it mutates, the best at the end, resuming."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob
from vertumnus.composing.compose import live_compose
from vertumnus.composing.population import MUTATION, compete, mutate


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    for n in range(5):
        Image.fromarray(blob(n, 40, 50)).save(folder / f"{n}.png")
    Image.fromarray(blob(9, 64, 64)).convert("RGB").save(folder.parent / "reference.png")
    return folder


def started(pieces, **more):
    fields = {"size": 48, "count": 8, "iterations": 24, "resolution": 48, "initial": "random", "population": 4}
    fields |= {"evolution_interval": 6}
    return live_compose(str(pieces), like=pieces.parent / "reference.png", **(fields | more))


@pytest.mark.parametrize("method", ["microbial", "strategies"])
def test_the_worse_become_mutated_copies_of_the_better(pieces, method):
    live = started(pieces)
    next(iter(live))
    members = [live.optimiser, *live.search.members]
    losses = [member.loss for member in members]
    before = [member.placements.copy() for member in members]
    losers = compete(members, method, live.scene, np.random.default_rng(3))
    assert len(losers) == (1 if method == "microbial" else 3)
    best = int(np.argmin(losses))
    for n, member in enumerate(members):
        if n not in losers:
            np.testing.assert_array_equal(member.placements["pose"], before[n]["pose"])
            continue
        parent = [m for m in range(4) if m not in losers and losses[m] == member.loss]
        assert len(parent) == 1
        assert method == "microbial" or parent == [best]
        assert losses[parent[0]] <= losses[n]
        off = (member.placements.x - before[parent[0]].x) / 24
        assert 0 < np.abs(off).max() < 6 * MUTATION
        assert (member.placements.which != before[parent[0]].which).sum() <= 1


def test_a_mutation_is_as_large_as_it_says_and_leaves_what_is_pinned(pieces):
    live = started(pieces, squeeze=(0.2, 5.0), opacity=(0.0, 1.0))
    o = live.optimiser
    o.freedom.movable[2] = False
    rng, found = np.random.default_rng(0), []
    start = o.placements.copy()
    for _ in range(60):
        o.placements = start.copy()
        mutate(o, live.scene, rng, swapping=False)
        found.append([o.placements.x - start.x, o.placements.rotation - start.rotation, o.placements.log_squeeze])
    found = np.array(found)
    assert not found[:, :, 2].any()
    free = np.delete(found, 2, 2)
    inside = (start.x > 5) & (start.x < 43)
    assert found[:, 0, inside & (np.arange(8) != 2)].std() == pytest.approx(0.02 * 24, rel=0.15)
    assert free[:, 1].std() == pytest.approx(0.02, rel=0.15)
    assert free[:, 2].std() == pytest.approx(0.02, rel=0.15)


def test_the_best_is_kept_and_a_run_can_be_resumed(pieces):
    live = started(pieces)
    last, state = [], None
    for step in live:
        if step.step == 9:
            state = step.state()
        if step.search.members:
            last = [step.optimiser.loss, *(member.loss for member in step.search.members)]
    assert len(last) == 4
    again = started(pieces)
    again.restore(state)
    again.run()
    assert again.loss == live.loss
    assert again.document().model_dump() == live.document().model_dump()
    alone = started(pieces, population=1).run()
    assert live.loss <= alone.loss
