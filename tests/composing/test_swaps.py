"""Pieces that come to show other pictures of the library: what is chosen, what is kept, and resuming."""

import numpy as np
import pytest
from PIL import Image

from vertumnus.composing.compose import compose, live_compose
from vertumnus.composing.swaps import Swaps
from vertumnus.errors import VertumnusError

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (250, 250, 250)}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    y, x = np.mgrid[:32, :44]
    disc = np.clip((1 - np.hypot((x - 21.5) / 21.5, (y - 15.5) / 15.5)) * 12, 0, 1)
    for name, colour in COLOURS.items():
        pixels = np.dstack([np.full((32, 44, 3), colour, np.uint8), (disc * 255).astype(np.uint8)])
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Red at the left, blue at the right."""
    path = tmp_path_factory.mktemp("reference") / "two.png"
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = COLOURS["red"], COLOURS["blue"]
    Image.fromarray(picture).save(path)
    return path


FIELDS = {
    "size": 64,
    "count": 16,
    "iterations": 60,
    "colour": "own",
    "initial": "random",
    "resolution": 64,
    "seed": 4,
}


def test_pieces_come_to_show_what_the_spot_wants(library, reference):
    losses = {}
    for swaps in (0, 8):
        live = live_compose(str(library), like=reference, swaps=swaps, **FIELDS).run()
        losses[swaps] = live.loss
    assert losses[8] < 0.7 * losses[0]
    shown = [layer for layer in live.document().layers if 6 < layer.x < 58 and abs(layer.x - 32) > 8]
    right = [layer.name.split()[0] == ("red" if layer.x < 32 else "blue") for layer in shown]
    assert np.mean(right) > 0.7


def test_worth_is_the_loss_that_rendering_finds(library, reference):
    """Of pictures laid in the spot in earnest, one by one, the loss is as told but for what a small look misses."""
    live = live_compose(str(library), like=reference, swaps=1, **FIELDS)
    next(iter(live))
    optimiser, renderer = live.optimiser, live.optimiser.stages[0].renderer
    swaps = Swaps(live.scene, live.joint, renderer, 1, np.random.default_rng(0), (1.0, 1.0))
    canvas = renderer.forward(optimiser.placements)
    gradient = live.joint.guidance(canvas[None], 0.5)[1][0, ..., :4].astype(float)
    told, true = [], []
    for piece in range(0, 16, 3):
        worth = swaps._worth(optimiser.placements, piece, canvas, gradient)
        losses = np.empty(worth.shape)
        for which, turn in np.ndindex(worth.shape):
            trial = swaps._changed(optimiser, piece, which, float(swaps.turns[turn]))
            losses[which, turn] = live.joint.guidance(renderer.forward(trial)[None], 0.5)[0][0]
        told.append((worth - worth.mean()).ravel())
        true.append((losses - losses.mean()).ravel())
        assert losses.ravel()[worth.argmin()] <= np.quantile(losses, 0.2)
    assert np.corrcoef(np.concatenate(told), np.concatenate(true))[0, 1] > 0.6


def test_a_run_that_swaps_goes_on_as_if_it_had_not_stopped(library, reference, tmp_path):
    fields = FIELDS | {"swaps": 4, "colour": "rgb", "gain": (0.5, 1.0)}
    whole = live_compose(str(library), like=reference, **fields)
    states = [whole.state() for live in whole if live.step == 35]
    kept = live_compose(str(library), like=reference, **fields)
    kept.restore(states[0])
    assert kept.run().document().model_dump() == whole.document().model_dump()
    assert len({layer.image for layer in whole.document().layers}) > 1


def test_a_library_of_one_has_nothing_to_swap(library, reference):
    collage = compose(str(library / "red.png"), like=reference, swaps=4, **FIELDS)
    assert len(collage.layers) == 16


def test_swaps_are_only_so_many(library):
    with pytest.raises(VertumnusError, match="`swaps`: "):
        compose(str(library), "a heart", swaps=-1)
