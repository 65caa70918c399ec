"""Which piece goes where at the start: like ones apart, or in an order."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

import vertumnus as vt
from drawn import blob, element
from vertumnus.packing import apart
from vertumnus.packing.apart import spread_apart


def nearest_alike(points, kinds):
    away = squareform(pdist(points))
    away[~np.equal.outer(kinds, kinds) | np.eye(len(kinds), dtype=bool)] = np.inf
    return away.min(axis=1)


def test_pieces_of_a_kind_are_spread():
    rng = np.random.default_rng(1)
    points = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1).reshape(-1, 2)
    kinds = np.repeat(np.arange(16), 4)  # beside each other
    place = spread_apart(points, kinds, np.ones(64), np.ones(64, bool), rng)
    assert sorted(place) == list(range(64))
    shuffled = np.mean([nearest_alike(rng.permutation(points), kinds).mean() for _ in range(20)])
    found = nearest_alike(points[place], kinds)
    assert found.min() >= 2
    assert found.mean() > 1.2 * shuffled
    moved = spread_apart(points, kinds, np.where(kinds < 8, 1.0, 2.0), np.arange(64) % 2 == 0, rng)
    assert (moved[1::2] == np.arange(1, 64, 2)).all()  # what is locked stays
    assert (moved[:32] < 32).all()  # large ones do not go to places of small ones


def squares(count, colours, side=40):
    """Opaque pictures of the given colours, each a little different."""
    found = []
    for n in range(count):
        pixels = np.full((side, side, 4), 255, np.uint8)
        pixels[..., :3] = colours[n % len(colours)]
        pixels[: n + 1, 0, :3] = 9
        found.append(element(pixels, f"p{n}"))
    return found


def test_pictures_that_look_alike_lie_apart():
    """Four colours of six pictures each, given colour by colour."""
    pieces = sorted(squares(24, [(230, 40, 40), (40, 200, 60), (50, 60, 220), (240, 220, 60)]), key=lambda e: e.look)
    kinds = np.array([e.look.colour for e in pieces])

    def nearest(seed, apart):
        collage = vt.pack(pieces, "square", size=160, seed=seed, quality="fast", apart=apart)
        points = np.array([(layer.x, layer.y) for layer in collage.layers])
        same = np.abs(kinds[:, None] - kinds[None]).max(axis=2) < 0.1
        away = squareform(pdist(points))
        away[~same | np.eye(24, dtype=bool)] = np.inf
        return away.min(axis=1).mean()

    assert np.mean([nearest(s, True) for s in (0, 1)]) > 1.1 * np.mean([nearest(s, False) for s in (0, 1)])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("lightness", ["k", "b", "r", "g", "w"]),
        ("hue", ["r", "g", "b", "k", "w"]),
        ("name", ["b", "g", "k", "r", "w"]),
        ("given", ["w", "r", "k", "g", "b"]),
    ],
)
def test_pieces_lie_in_order(order, expected):
    colours = {"w": 255, "r": (220, 0, 0), "k": 5, "g": (0, 230, 0), "b": (0, 0, 250)}
    pieces = []
    for name, colour in colours.items():
        pixels = np.full((30, 30, 4), 255, np.uint8)
        pixels[..., :3] = colour
        pieces.append(element(pixels, name))
    collage = vt.pack(pieces, "canvas", size=(200, 40), order=order, axis="left", quality="fast")
    by_place = sorted(collage.layers, key=lambda layer: -layer.x)
    assert [layer.name for layer in by_place] == expected


def test_the_first_lie_in_the_middle():
    pieces = squares(30, [(90, 90, 90)])
    collage = vt.pack(pieces, "circle", size=150, order="name", axis="outward", quality="fast")
    away = {layer.name: np.hypot(layer.x - 75, layer.y - 75) for layer in collage.layers}
    inner, outer = np.mean([away[f"p{n}"] for n in range(8)]), np.mean([away[f"p{n}"] for n in range(22, 30)])
    assert outer > 1.7 * inner


def test_photographs_stand_upright_unless_asked(blobs):
    both = [*squares(5, [(200, 100, 50)]), element(blob(1, 30, 60), "blob")]
    turns = [
        {layer.name: layer.rotation for layer in vt.pack(both, "circle", size=120, quality="fast", **how).layers}
        for how in ({}, {"rotation": "free"})
    ]
    assert [turns[0][f"p{n}"] for n in range(5)] == [0.0] * 5
    assert turns[0]["blob"] != 0
    assert any(turns[1][f"p{n}"] for n in range(5))


def test_pieces_of_very_few_kinds_are_not_compared_for_ever(monkeypatch):
    points = np.random.default_rng(0).random((400, 2))
    kinds = np.arange(400) % 2
    looked = []

    class Counted(np.ndarray):
        """Points that tell how many of them were asked for."""

        def __getitem__(self, chosen):
            looked.append(np.size(chosen))
            return np.asarray(super().__getitem__(chosen))

    def looks(most):
        monkeypatch.setattr(apart, "DISTANCES", most)
        looked.clear()
        place = spread_apart(points.view(Counted), kinds, np.ones(400), np.ones(400, bool), np.random.default_rng(1))
        assert sorted(place) == list(range(400))
        return sum(looked)

    # What one piece tries is still tried to the end, 800 distances for each other place.
    assert 19_000 < looks(20_000) < 20_000 + 800 * apart.TRIED
    assert looks(100_000) > 3 * looks(20_000)
