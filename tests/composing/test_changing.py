"""What pieces may change beside their place: form, colour, opacity, order; all of it reaches the document."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob
from vertumnus import compose
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    for n in range(4):
        Image.fromarray(blob(n, 40, 50)).save(folder / f"{n}.png")
    return str(folder)


def run(pieces, **fields):
    last = {}

    def watch(composition):
        last["canvas"] = composition.look()[..., :4]

    collage = compose(pieces, "a heart", size=48, count=9, iterations=12, strict=False, watch=watch, **fields)
    return collage, last["canvas"]


@pytest.mark.parametrize("method", ["alpha", "transparency", "masked-transparency", "opacity"])
def test_the_document_shows_what_was_composed(pieces, method):
    colour = "hsv" if method == "opacity" else "rgb"
    collage, canvas = run(
        pieces, render=method, squeeze=(0.6, 1.5), shear=20, colour=colour, gain=(0.3, 0.9), opacity=(0.6, 1.0)
    )
    assert collage.rendering == method
    drawn = np.asarray(collage.render(scale=canvas.shape[0] / 48, background="#0000")).astype(float) / 255
    drawn[..., :3] *= drawn[..., 3:]
    # What is laid over in the ordinary way is sampled more finely than composing looks.
    assert np.abs(drawn - canvas).mean() < (0.012 if method == "alpha" else 0.001)
    squeezes = [layer.squeeze for layer in collage.layers]
    # There alpha is all or nothing, and a guidance of ink feels nothing.
    assert len(set(squeezes)) == (1 if method == "opacity" else 9)
    assert 0.6 <= min(squeezes) <= max(squeezes) <= 1.5 + 1e-9
    assert all(abs(layer.shear) <= 20 + 1e-9 and 0.6 <= layer.opacity <= 1 for layer in collage.layers)
    if colour == "rgb":
        assert all(0.3 <= g <= 0.9 + 1e-9 for layer in collage.layers for g in layer.gain)
    assert (method == "opacity") == any(layer.depth for layer in collage.layers)


def test_a_collage_goes_on_from_how_it_looked(pieces, tmp_path):
    collage, _ = run(pieces, squeeze=(0.6, 1.5), colour="rgb")
    collage.save(tmp_path / "a.collage")
    again = compose([], "a heart", size=48, start=Collage.load(tmp_path / "a.collage"), iterations=1, strict=False)
    for before, after in zip(collage.layers, again.layers, strict=True):
        assert after.squeeze == pytest.approx(before.squeeze)
        assert after.gain == pytest.approx(before.gain)


def test_what_does_not_go_together(pieces):
    with pytest.raises(VertumnusError, match="`squeeze`, `strict`: pieces that change their form"):
        compose(pieces, "a heart", size=48, squeeze=(0.5, 2))
    with pytest.raises(VertumnusError, match=r"`squeeze`: .*the least, 2, is above the most, 1"):
        compose(pieces, "a heart", size=48, squeeze=(2, 1))
    with pytest.raises(VertumnusError, match="kernel_sigma: the splatting renderer draws alpha alone"):
        compose(pieces, "a heart", size=48, strict=False, kernel_sigma=1.0, render="opacity")
