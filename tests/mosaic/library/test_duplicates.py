"""Near-duplicates are found, and only they."""

import numpy as np
from PIL import Image
from scipy.fft import dctn

from photographs import NAMES, photograph
from vertumnus.mosaic.library.duplicates import near_duplicates
from vertumnus.mosaic.library.summary import _COSINES, mean_cells, perceptual_hash


def facts(image):
    cells = mean_cells(image.convert("RGB"))
    return perceptual_hash(cells), cells.mean(axis=(0, 1)) / 255


def test_low_frequencies_are_those_of_scipy():
    values = np.random.default_rng(1).random((16, 16))
    np.testing.assert_allclose(_COSINES @ values @ _COSINES.T, dctn(values, norm="ortho")[:8, :8], atol=1e-12)


def test_scaled_copies_are_found_and_recoloured_ones_are_not():
    images = [photograph(name) for name in NAMES]
    copies = [image.resize((200, 150)) for image in images]
    tinted = [Image.fromarray((np.asarray(image) * [0.4, 1, 1]).astype(np.uint8)) for image in images]
    hashes, means = zip(*[facts(image) for image in images + copies + tinted], strict=True)
    first = near_duplicates(np.array(hashes), np.array(means))
    count = len(images)
    assert first[: 2 * count].tolist() == [*range(count), *range(count)]
    assert not set(first[2 * count :].tolist()) & set(range(2 * count))


def test_all_pairs_within_three_bits_are_found():
    rng = np.random.default_rng(4)
    base = rng.integers(-(2**63), 2**63, 200)
    near = base.copy()
    for _ in range(3):
        near ^= np.int64(1) << rng.integers(0, 63, 200)
    means = np.zeros((400, 3))
    first = near_duplicates(np.concatenate([base, near]), means)
    assert first.tolist() == [*range(200), *range(200)]
