"""Poisson blending: steps go, gradients and the ground stay."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from reference import poisson_directly as direct
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.render.blend import BlendOptions, blend


def flat(colour, width=20, height=20):
    return np.full((height, width, 4), [*colour, 255], np.uint8)


def collage_of(*pieces, width=60, height=50, background="#406080"):
    collage = Collage(width=width, height=height, background=background)
    for number, (pixels, x, y) in enumerate(pieces):
        name = collage.pictures.add(png(pixels))
        collage.layers.append(Layer(name=f"p{number}", image=name, x=x, y=y, scale=1.0))
    return collage


def pixels(image):
    return np.asarray(image).astype(int)


def test_a_flat_piece_on_flat_ground_is_unchanged():
    collage = collage_of((flat((200, 40, 30)), 30, 25))
    assert np.abs(pixels(blend(collage).image) - pixels(collage.render())).max() <= 1


def test_turned_soft_pieces_apart_from_each_other_are_unchanged():
    collage = collage_of((blob(0), 25, 25), (blob(1), 75, 25), width=100)
    collage.layers[0].rotation = 31.0
    assert np.abs(pixels(blend(collage).image) - pixels(collage.render())).max() <= 1


def test_strength_zero_is_the_plain_picture():
    collage = collage_of((blob(0), 25, 25), (blob(1), 35, 25))
    found = blend(collage, BlendOptions(strength=0.0))
    assert found.free == 0
    assert np.abs(pixels(found.image) - pixels(collage.render())).max() <= 1


def test_a_flat_piece_melts_wholly_into_flat_ground_if_asked():
    collage = collage_of((flat((200, 40, 30)), 30, 25))
    found = pixels(blend(collage, BlendOptions(into_ground=True)).image)
    assert np.abs(found - [0x40, 0x60, 0x80, 255]).max() <= 1


def test_the_step_between_two_pieces_goes_and_the_ground_stays():
    collage = collage_of((flat((200, 40, 30), 30, 30), 20, 25), (flat((60, 160, 90), 30, 30), 40, 25))
    before, after = pixels(collage.render()), pixels(blend(collage).image)
    seam = slice(14, 36), slice(24, 26)
    assert np.abs(np.diff(before[seam][..., :3], axis=1)).max() > 100
    assert np.abs(np.diff(after[seam][..., :3], axis=1)).max() <= 22  # a melted seam is as steep as its surroundings
    outside = np.ones(before.shape[:2], bool)
    outside[10:40, 5:55] = False
    assert (after[outside] == before[outside]).all()


def test_equals_perez_on_a_photograph():
    """A rectangle cloned into a picture: the membrane interpolant of the difference on its border, eq. 5 to 7."""
    rng = np.random.default_rng(0)
    smooth = [
        np.asarray(Image.fromarray(rng.integers(60, 190, (4, 5, 3), np.uint8)).resize((40, 30), 2)) for _ in "ab"
    ]
    below, piece = (np.dstack([part, np.full((30, 40), 255, np.uint8)]) for part in smooth)
    collage = collage_of((below, 20, 15), (piece[:16, :20], 20, 15), width=40, height=30)
    found = pixels(blend(collage).image)[..., :3]
    free = np.zeros((30, 40), bool)
    free[7:23, 10:30] = True
    source = np.zeros((30, 40, 3))
    source[7:23, 10:30] = piece[:16, :20, :3]
    target = below[..., :3].astype(float)
    rhs = np.zeros((30, 40, 3))
    for y, x in np.argwhere(free):
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if free[v, u]:
                rhs[y, x] += source[y, x] - source[v, u]
            else:  # the piece ends here: the gradient is the ground's own
                rhs[y, x] += target[v, u] + target[y, x] - target[v, u]
    expected = np.where(free[..., None], np.clip(direct(rhs, free), 0, 255), target)
    assert np.abs(found - expected).max() <= 1


def test_mixed_gradients_let_what_is_below_through():
    rng = np.random.default_rng(1)
    rough = np.dstack([rng.integers(100, 156, (50, 60, 3), np.uint8), np.full((50, 60), 255, np.uint8)])
    collage = collage_of((rough, 30, 25), (flat((130, 130, 130)), 30, 25))
    inner = slice(18, 32), slice(23, 37)
    plain = pixels(blend(collage).image)[inner][..., :3].std((0, 1)).mean()
    mixed = pixels(blend(collage, BlendOptions(mixed=True)).image)[inner][..., :3].std((0, 1)).mean()
    assert mixed > 4 * plain


def test_corrections_fade_within_reach():
    collage = collage_of((flat((200, 40, 30), 60, 50), 30, 25), (flat((60, 160, 90), 60, 50), 60, 25))
    collage.layers[0].x = 0.0
    found = pixels(blend(collage, BlendOptions(reach=3)).image)
    assert np.abs(found[:, :3, :3] - [200, 40, 30]).max() <= 1
    assert np.abs(found[:, -3:, :3] - [60, 160, 90]).max() <= 1


def test_transparent_ground_stays_transparent():
    collage = collage_of((blob(0), 25, 25), (blob(1), 35, 25), background=None)
    before, after = pixels(collage.render()), pixels(blend(collage).image)
    assert np.abs(after[..., 3] - before[..., 3]).max() <= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strength": 1.5}, "strength"),
        ({"strengths": {"nobody": 0.5}}, "no layer is called 'nobody'"),
        ({"reach": -1.0}, "reach"),
    ],
)
def test_bad_options(options, sentence):
    with pytest.raises(VertumnusError, match=sentence):
        blend(collage_of((flat((1, 2, 3)), 20, 20)), BlendOptions(**options))


def test_the_verb(vertumnus, tmp_path):
    path = tmp_path / "c.collage"
    collage_of((blob(0), 25, 25), (blob(1), 35, 25)).save(path)
    code, out, _ = vertumnus(
        "blend", path, "-o", tmp_path / "a.png", "-o", tmp_path / "a.jpg", "--strength", "p1=0.5"
    )
    assert code == 0
    assert "60 x 50 pixels" in out
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (60, 50)
    assert vertumnus("blend", path, "-o", tmp_path / "a.svg")[0] == 2
    assert vertumnus("blend", path, "-o", tmp_path / "a.png", "--strength", "p1=much")[0] == 2
