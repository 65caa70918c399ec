"""The final picture by the render methods of CLIP-CLOP: the renderer's own formulae, at any size, in bands."""

import numpy as np
import pytest

from drawn import blob, png
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.render import added
from vertumnus.render.picture import render
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, premultiplied
from vertumnus.render.transparency import METHODS, TransparencyRenderer


def scattered(method, **more):
    rng = np.random.default_rng(3)
    collage = Collage(width=48, height=40, rendering=method)
    names = [collage.pictures.add(png(blob(n, 20, 24))) for n in range(3)]
    for n in range(9):
        collage.layers.append(
            Layer(
                name=f"{n}",
                image=names[n % 3],
                x=rng.uniform(0, 48),
                y=rng.uniform(0, 40),
                scale=1.0,
                rotation=rng.uniform(-180, 180),
                squeeze=rng.uniform(0.8, 1.2),
                shear=rng.uniform(-10, 10),
                opacity=rng.uniform(0.6, 1),
                depth=rng.uniform(0, 1),
                gain=tuple(rng.uniform(0.4, 1, 3)),
                light="srgb",
            ).model_copy(update=more)
        )
    return collage


@pytest.mark.parametrize("method", METHODS)
def test_it_is_what_the_optimiser_saw_and_bands_do_not_show(method, monkeypatch):
    collage = scattered(method)
    names = list(dict.fromkeys(layer.image for layer in collage.layers))
    sprites = Sprites.of([premultiplied(collage.pictures.image(name)) for name in names], [(24, 20)] * 3, [0] * 3)
    sprites.size[:] = [collage.pictures.size(name) for name in names]
    placements = Placements.of(
        [layer.placement for layer in collage.layers],
        [names.index(layer.image) for layer in collage.layers],
        opacity=[layer.opacity for layer in collage.layers],
        order=[layer.depth for layer in collage.layers],
        gain=[layer.gain for layer in collage.layers],
    )
    white = np.ones((40, 48, 4), np.float32)
    canvas = TransparencyRenderer(sprites, 48, 40, method, ground=white).forward(placements)
    drawn = np.asarray(render(collage, background="white"))
    np.testing.assert_allclose(drawn[..., :3] / 255, np.clip(canvas[..., :3], 0, 1), atol=0.6 / 255)
    monkeypatch.setattr(added, "BAND_PIXELS", 48 * 7)
    np.testing.assert_allclose(np.asarray(render(collage, background="white")).astype(int), drawn, atol=1)


def test_a_tone_in_linear_light_is_that_of_ordinary_layers():
    collage = scattered("masked-transparency", light="linear", opacity=1.0)
    collage.layers = collage.layers[:1]
    same = collage.model_copy(update={"rendering": "alpha"})
    same.pictures.take_from(collage.pictures, collage.layers[0].image)
    a, b = (np.asarray(render(each, background="black")).astype(int) for each in (collage, same))
    assert np.abs(a - b).mean() < 0.5


def test_a_mosaic_s_cells_are_refused():
    with pytest.raises(VertumnusError, match="are drawn by the rendering alpha alone, not by opacity"):
        render(scattered("opacity", snap=True))
