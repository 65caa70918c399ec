"""Films of pieces: every frame goes on from the last, and pieces follow what they show."""

import numpy as np
import pytest
from PIL import Image

from vertumnus.composing.film import compose_film, moved
from vertumnus.composing.options import ComposeOptions
from vertumnus.errors import VertumnusError
from vertumnus.guidance.options import PhotoOptions

DOTS = "icon:circle"
PHOTO = PhotoOptions(reference="film", resolution=48)
OPTIONS = ComposeOptions(iterations=60, gain=(0.0, 1.0))


def frame(x, side=48):
    """A red square that lies at x, on a dark green ground with a lighter corner."""
    pixels = np.full((side, side, 3), (20, 60, 30), np.uint8)
    pixels[-16:, :16] = (90, 120, 100)
    pixels[16:32, x : x + 16] = (220, 40, 30)
    return Image.fromarray(pixels)


def away(collage, picture):
    drawn = np.asarray(collage.render(48 / collage.width).convert("RGB"), float)
    return float(np.square(drawn - np.asarray(picture)).mean())


def test_pieces_follow_and_the_rest_stays():
    frames = [frame(10), frame(12), frame(14)]
    film = list(compose_film([DOTS], iter(frames), size=96, count=60, later=20, options=OPTIONS, photo=PHOTO))
    assert len(film) == 3
    assert len({tuple(layer.name for layer in collage.layers) for collage in film}) == 1
    for n in (1, 2):
        assert away(film[n], frames[n]) < away(film[n - 1], frames[n])  # it follows
        assert away(film[n], frames[n]) < 2 * away(film[0], frames[0])
    (alone,) = compose_film([DOTS], frames[1:2], size=96, count=60, seed=1, options=OPTIONS, photo=PHOTO)
    assert 0 < moved(film[0], film[1]) < 0.3 * moved(film[0], alone)


def test_the_same_film_again_and_what_does_not_fit():
    pair = [
        list(compose_film([DOTS], [frame(10), frame(11)], size=64, count=9, later=3, options=OPTIONS, photo=PHOTO))
        for _ in range(2)
    ]
    assert pair[0][1].model_dump() == pair[1][1].model_dump()
    with pytest.raises(VertumnusError, match=r"film, frame 2: is 40 x 40 pixels, the first is 48 x 48"):
        list(compose_film([DOTS], [frame(10), frame(10, 40)], count=4, later=1, options=OPTIONS, photo=PHOTO))


def test_from_the_command_line(vertumnus, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for n in range(2):
        frame(10 + n).save(folder / f"{n}.png")
    code, out, err = vertumnus(
        "compose", DOTS, "--like", folder, "--size", "48", "--count", 9, "--iterations", 10, "-o", tmp_path / "a.gif"
    )
    assert code == 0, err
    assert "2 frames; a piece moves" in out
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 2
    code, _, err = vertumnus("compose", DOTS, "--like", folder, "--prompt", "a", "-o", tmp_path / "a.gif")
    assert code == 2
    assert "--like: a film is the only guidance; leave out --prompt" in err
    code, _, err = vertumnus("compose", DOTS, "--like", folder, "-o", tmp_path / "a.png")
    assert code == 2
    assert "-o: a film has one output" in err
