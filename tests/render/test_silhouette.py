"""Silhouettes: which pixels, what fits, and gaps, each against a slow plain reference."""

import numpy as np
import pytest
from scipy import ndimage

from drawn import blob, element
from reference import sampled_alpha
from vertumnus.document.placement import Placement
from vertumnus.render.silhouette import COUNT, EVERYWHERE, NO_LIMIT, PUT, TAKE, fits, stamp, walk
from vertumnus.render.sprites import Sprites, alpha_sprite

WIDTH, HEIGHT = 90, 70
PICTURES = [blob(1, 60, 40), blob(2, 33, 57), np.full((30, 50, 4), 255, np.uint8)]
MADE = [element(picture) for picture in PICTURES]
# Trimmed as elements are, so that silhouettes and probes are of the same picture.
ALPHAS = []
for picture in PICTURES:
    seen = np.argwhere(picture[..., 3] >= 4)
    (top, left), (bottom, right) = seen.min(0), seen.max(0) + 1
    ALPHAS.append(np.ascontiguousarray(picture[top:bottom, left:right, 3]))
SPRITES = Sprites.of(
    [alpha_sprite(alpha, 0)[0] for alpha in ALPHAS], [(alpha.shape[1], alpha.shape[0]) for alpha in ALPHAS], [0, 0, 0]
)
ARRAYS = (SPRITES.texels, SPRITES.table, SPRITES.size)
PROBES = tuple(np.stack([getattr(made.probes, part) for made in MADE]) for part in ("points", "number", "depth"))


def random_place(rng) -> tuple[Placement, int]:
    scale = float(np.exp(rng.uniform(np.log(0.05), np.log(2.5))))
    x, y = rng.uniform(-10, WIDTH + 10), rng.uniform(-10, HEIGHT + 10)
    return Placement(x, y, scale, rng.uniform(-400, 400), bool(rng.random() < 0.5)), int(rng.integers(3))


def call(task, taken, place, which, limit=NO_LIMIT):
    turn = np.deg2rad(place.rotation)
    return walk(
        task,
        limit,
        EVERYWHERE,
        taken,
        place.x,
        place.y,
        place.scale,
        np.cos(turn),
        np.sin(turn),
        place.flip,
        which,
        *ARRAYS,
    )


def by_reference(place, which, margin=0):
    """Surely inside, and surely or perhaps inside (rounding may decide where alpha is a half)."""
    shifted = place._replace(x=place.x + margin, y=place.y + margin)
    alpha = sampled_alpha(ALPHAS[which], shifted, WIDTH + 2 * margin, HEIGHT + 2 * margin, 1.0)
    return alpha > 0.5 + 1e-4, alpha > 0.5 - 1e-4


@pytest.mark.parametrize("seed", range(40))
def test_the_pixels_of_a_silhouette(seed):
    rng = np.random.default_rng(seed)
    place, which = random_place(rng)
    taken = np.zeros((HEIGHT, WIDTH), np.uint16)
    found = call(PUT, taken, place, which)
    surely, perhaps = by_reference(place, which)
    assert found == taken.sum()
    assert (taken[surely] == 1).all()
    assert not taken[~perhaps].any()
    ground = (rng.random((HEIGHT, WIDTH)) < 0.1).astype(np.uint16)
    beyond = np.pad(ground, 60, constant_values=1)
    surely, perhaps = by_reference(place, which, 60)
    count = call(COUNT, ground, place, which)
    assert (surely & (beyond > 0)).sum() <= count <= (perhaps & (beyond > 0)).sum()
    assert call(COUNT, ground, place, which, limit=1) == min(count, 1)
    call(TAKE, taken, place, which)
    assert not taken.any()


def test_fits_says_what_the_whole_silhouette_says():
    rng = np.random.default_rng(0)
    taken = np.zeros((HEIGHT, WIDTH), np.uint16)
    taken[:, :8] = taken[:, -8:] = taken[:8] = taken[-8:] = 1
    taken[30:34, 40:44] = 1
    seen = {True: 0, False: 0}
    for _ in range(3000):
        place, which = random_place(rng)
        place = place._replace(scale=place.scale * 0.5)
        answer = fits(
            taken, place.x, place.y, place.scale, np.deg2rad(place.rotation), place.flip, which, *ARRAYS, *PROBES
        )
        assert answer == (call(COUNT, taken, place, which) == 0)
        seen[answer] += 1
    assert min(seen.values()) > 200


@pytest.mark.parametrize("gap", [0.0, 1.0, 2.5, 7.0])
def test_stamping_keeps_a_gap(gap):
    for seed in range(8):
        place, which = random_place(np.random.default_rng(seed))
        plain = np.zeros((HEIGHT + 80, WIDTH + 80), np.uint16)
        moved = place._replace(x=place.x + 40, y=place.y + 40)
        call(PUT, plain, moved, which)
        grown = np.zeros_like(plain)
        turn = np.deg2rad(moved.rotation)
        stamp(1, gap, grown, moved.x, moved.y, moved.scale, turn, moved.flip, which, *ARRAYS)
        expected = ndimage.distance_transform_edt(plain == 0) <= gap if plain.any() else plain > 0
        np.testing.assert_array_equal(grown > 0, expected)
        assert grown.max() <= 1
        stamp(-1, gap, grown, moved.x, moved.y, moved.scale, turn, moved.flip, which, *ARRAYS)
        assert not grown.any()
