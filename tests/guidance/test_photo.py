"""A photograph as guidance: every term by its definition, gradients by finite differences."""

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from vertumnus.errors import VertumnusError
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.photo import PhotoGuidance, PhotoSource, Structure
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.registry import open_named

GROUND = (0.2, 0.6, 0.9)


def request(shape):
    return Request("", shape, np.random.default_rng(0), GROUND)


def pictures(shape=(18, 23), seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, 1, (*shape, 3)).astype(np.float32)
    canvas = rng.uniform(0, 1, (1, *shape, 5)).astype(np.float32)
    canvas[..., :3] *= canvas[..., 3:4]
    return reference, canvas


def over(canvas):
    return canvas[0, ..., :3].astype(float) + (1 - canvas[0, ..., 3:4].astype(float)) * np.array(GROUND)


@pytest.mark.parametrize("term", ["mse", "l1", "edges", "ssim"])
def test_terms_by_their_definitions_and_gradients_by_finite_differences(term):
    reference, canvas = pictures()
    weights = dict.fromkeys(("mse", "l1", "ssim", "edges"), 0.0) | {term: 3.0}
    guidance = PhotoGuidance(reference, PhotoOptions(reference="r", **weights), request(reference.shape[:2]))
    values, gradients = guidance(canvas, 0.5)
    off = over(canvas) - reference
    defined = {
        "mse": (off**2).mean(),
        "l1": np.abs(off).mean(),
        "edges": ((off[1:] - off[:-1]) ** 2).sum() / off.size + ((off[:, 1:] - off[:, :-1]) ** 2).sum() / off.size,
        "ssim": 1 - slow_ssim(over(canvas), reference.astype(float)),
    }
    assert values[0] == pytest.approx(3 * defined[term], rel=1e-4)
    way = np.random.default_rng(4).standard_normal(canvas.shape).astype(np.float32)
    way[..., 4] = 0
    way[:, (np.abs(off) < 0.02).any(-1)] = 0  # the kinks of l1
    ahead, behind = (guidance(canvas + np.float32(s * 1e-3) * way, 0)[0][0] for s in (1, -1))
    assert float((gradients * way).sum()) == pytest.approx((ahead - behind) / 2e-3, rel=2e-2, abs=1e-4)
    assert not gradients[..., 4].any()


def slow_ssim(x, y):
    """Pixel by pixel, the window's weights over what is there."""
    reach = int(3.5 * 1.5 + 0.5)
    total = []
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            r0, r1 = max(0, row - reach), min(x.shape[0], row + reach + 1)
            c0, c1 = max(0, column - reach), min(x.shape[1], column + reach + 1)
            rr, cc = np.mgrid[r0:r1, c0:c1]
            w = np.exp(-((rr - row) ** 2 + (cc - column) ** 2) / (2 * 1.5**2))
            w = (w / w.sum())[..., None]
            a, b = x[r0:r1, c0:c1], y[r0:r1, c0:c1]
            mu, nu = (w * a).sum((0, 1)), (w * b).sum((0, 1))
            va, vb = (w * a * a).sum((0, 1)) - mu**2, (w * b * b).sum((0, 1)) - nu**2
            cov = (w * a * b).sum((0, 1)) - mu * nu
            total.append((2 * mu * nu + 1e-4) * (2 * cov + 9e-4) / ((mu**2 + nu**2 + 1e-4) * (va + vb + 9e-4)))
    return float(np.mean(total))


def test_within_a_picture_it_is_ssim_of_a_library():
    reference, canvas = pictures((60, 60), 1)
    x = over(canvas).astype(np.float32)
    ours = Structure(reference)
    mu, nu = ours._local(x), ours.mean
    m2, mxy = ours._local(x * x), ours._local(x * reference)
    local = (2 * mu * nu + 1e-4) * (2 * (mxy - mu * nu) + 9e-4)
    local /= (mu**2 + nu**2 + 1e-4) * (m2 - mu**2 + ours.square - nu**2 + 9e-4)
    theirs = structural_similarity(
        x, reference, channel_axis=-1, data_range=1.0, gaussian_weights=True, use_sample_covariance=False
    )
    assert local[5:-5, 5:-5].mean() == pytest.approx(theirs, abs=1e-4)


def test_deep_features(tmp_path):
    reference, canvas = pictures((64, 64), 2)
    Image.fromarray((reference * 255).astype(np.uint8)).save(tmp_path / "r.png")
    source = open_named(f"photo:{tmp_path / 'r.png'}", mse=0, deep=1.0)
    guidance = source.guidance(request((64, 64)))
    same = np.concatenate([guidance.reference, np.ones((64, 64, 2), np.float32)], -1)[None]
    values, gradients = guidance(np.concatenate([same, canvas]), 0.0)
    assert values[0] < 1e-6 < values[1]
    way = np.random.default_rng(4).standard_normal(canvas.shape).astype(np.float32)
    way[..., 4] = 0
    ahead, behind = (guidance(canvas + np.float32(s * 3e-3) * way, 0)[0][0] for s in (1, -1))
    assert float((gradients[1] * way).sum()) == pytest.approx((ahead - behind) / 6e-3, rel=0.1, abs=1e-3)


def test_a_reference_is_seen_at_the_canvas_s_ratio(tmp_path):
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = (200, 100, 50)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    source = PhotoSource(PhotoOptions(reference=str(tmp_path / "wide.png")))
    np.testing.assert_allclose(
        source.guidance(request((20, 20))).reference * 255, np.broadcast_to((200, 100, 50), (20, 20, 3)), atol=1
    )
    assert next(iter(source.inputs().values())) != ""
    assert source.ground == "#432111"


def test_what_is_not_finite_is_skipped():
    reference, canvas = pictures()
    guidance = PhotoGuidance(reference, PhotoOptions(reference="r"), request(reference.shape[:2]))
    canvas[0, 3, 3, 0] = np.nan
    values, gradients = guidance(canvas, 0.0)
    assert np.isnan(values[0])
    assert not gradients.any()
    assert guidance.skipped == 1
    for _ in range(8):
        guidance(canvas, 0.0)
    with pytest.raises(VertumnusError, match="not finite 10 times in a row"):
        guidance(canvas, 0.0)


def test_what_it_refuses(tmp_path):
    with pytest.raises(VertumnusError, match=r"nosuch.jpg: cannot be read"):
        open_named("photo:nosuch.jpg")
    with pytest.raises(VertumnusError, match="guidance photo: of mse, l1, ssim, edges and deep one must be above 0"):
        open_named("photo:nosuch.jpg", mse=0)
    with pytest.raises(VertumnusError, match="guidance photo: reference: this field is missing"):
        open_named("photo")
    Image.new("RGB", (5, 30)).save(tmp_path / "small.png")
    with pytest.raises(VertumnusError, match="5 x 30 pixels show nothing"):
        open_named(f"photo:{tmp_path / 'small.png'}")
