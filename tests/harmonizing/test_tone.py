"""Harmonising without a model: statistics against plain ones, seams against a dense solve."""

import numpy as np
from scipy import ndimage

from harmonizing.scenes import rough
from vertumnus.harmonizing.again import again
from vertumnus.harmonizing.harmonize import harmonize
from vertumnus.harmonizing.layers import stack_of
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.harmonizing.rounds import undo_round
from vertumnus.harmonizing.tone import SAME, blend_seams, linear, match_tones, seam_gradient, seam_pixels


def noisy(side=48):
    collage = rough(side)
    rng = np.random.default_rng(3)
    for layer, base in zip(collage.layers, ((60, 120, 80), (200, 60, 60), (60, 70, 200)), strict=True):
        old = np.asarray(collage.pictures.image(layer.image).convert("RGBA"))
        picture = old.copy()
        picture[..., :3] = np.clip(base + rng.normal(0, 25, (*old.shape[:2], 1)), 0, 255)
        layer.image = collage.pictures.add_pixels(picture)
    return stack_of(collage, (side, side))


def test_linear_light_is_the_standards():
    assert np.allclose(linear(np.array([[0, 10, 255]], np.uint8)), [[0, 10 / 255 / 12.92, 1]], atol=1e-6)
    assert abs(float(linear(np.array([188], np.uint8))[0]) - 0.5029) < 1e-3


def test_a_full_match_gives_the_surroundings_statistics():
    stack = noisy()
    tone = match_tones(stack, [0.0, 1.0, 0.5])[1]
    picture = linear(stack.composite())
    seen = stack.seen(1) & (stack.alpha[1] > 0.5)
    changed = picture[seen] * tone.gain + tone.offset
    ys, xs = np.nonzero(seen)
    ring = np.zeros_like(seen)
    for y in range(48):
        for x in range(48):  # within reach of any of its pixels, the slow way
            ring[y, x] = ((ys - y) ** 2 + (xs - x) ** 2).min() <= (0.12 * 48) ** 2
    ring &= ~stack.seen(1)
    around = picture[ring]
    assert np.allclose(changed.mean(0), around.mean(0), atol=1e-4)
    bounded = np.clip(around.std(0) / picture[seen].std(0), 0.5, 2.0)
    assert np.allclose(changed.std(0) / picture[seen].std(0), bounded, rtol=1e-3)


def test_strength_nought_changes_nothing_and_more_changes_more():
    stack = noisy()
    assert match_tones(stack, [0.0] * 3) == [SAME] * 3
    half, whole = (match_tones(stack, [0.0, s, 0.0])[1] for s in (0.5, 1.0))
    assert all(abs(a) < abs(b) for a, b in zip(half.offset, whole.offset, strict=True) if abs(b) > 0.02)


def test_seams_are_solved_as_a_dense_system_would():
    stack = noisy(24)
    picture = stack.composite()
    blended = blend_seams(stack, picture, 2.5 / 24)
    changed = (blended != picture).any(-1)
    assert changed.any()
    assert seam_gradient(stack, blended) < 0.6 * seam_gradient(stack, picture)
    # The dense least squares over all pixels of the band.
    band = ndimage.distance_transform_edt(~seam_pixels(stack.visible)) < 2.5
    assert not changed[~band].any()
    names = {place: n for n, place in enumerate(zip(*np.nonzero(band), strict=True))}
    rows, right = [], []
    for y in range(24):
        for x in range(24):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v == 24 or u == 24 or ((y, x) not in names and (v, u) not in names):
                    continue
                row = np.zeros(len(names))
                step = picture[y, x].astype(float) - picture[v, u]
                side = np.zeros(3) if stack.visible[y, x] != stack.visible[v, u] else step
                for place, sign in (((y, x), 1.0), ((v, u), -1.0)):
                    if place in names:
                        row[names[place]] = sign
                    else:
                        side = side - sign * picture[place]
                rows.append(row)
                right.append(side)
    solved = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    expected = np.clip(solved, 0, 255)
    got = np.array([blended[place] for place in names], float)
    assert np.abs(got - expected).max() <= 0.51


def test_without_a_model_the_document_has_every_layers_tone():
    """The hidden layers, shown, are the result's but for its seams."""
    collage = rough(48)
    rng = np.random.default_rng(3)
    for layer, base in zip(collage.layers, ((60, 120, 80), (200, 60, 60), (60, 70, 200)), strict=True):
        old = np.asarray(collage.pictures.image(layer.image).convert("RGBA")).copy()
        old[..., :3] = np.clip(base + rng.normal(0, 25, (*old.shape[:2], 1)), 0, 255)
        layer.image = collage.pictures.add_pixels(old)
    made = harmonize(collage, model=None, options=HarmonizeOptions(method="none", longest=48, strength=1.0))
    result, *own = made.layers
    assert [layer.visible for layer in made.layers] == [True, False, False, False]
    assert [layer.toned for layer in own[1:]] == [True, True]
    shown = made.model_copy(update={"layers": [layer.model_copy(update={"visible": True}) for layer in own]})
    stack = stack_of(shown, (48, 48))
    picture = np.asarray(made.pictures.image(result.image).convert("RGB")).astype(int)
    inside = ndimage.distance_transform_edt(~seam_pixels(stack.visible)) > 2
    assert np.abs(picture - stack.composite())[inside].max() <= 3
    assert undo_round(made).layers == collage.layers
    assert (np.asarray(again(made).render()) == np.asarray(made.render())).all()
