"""A tile's original is shown while it is there and what it was, and its cut after that; never another file."""

import hashlib
import io

import pytest
from PIL import Image

from drawn import blob
from vertumnus.document.collage import Collage
from vertumnus.document.layer import Layer
from vertumnus.document.pictures import Pictures
from vertumnus.errors import VertumnusError
from vertumnus.studio.originals import Original, Originals, originals_of
from vertumnus.studio.pictures import Thumbnails


def file(path, seed, side):
    Image.fromarray(blob(seed, side, side)).convert("RGB").save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def size(data):
    return Image.open(io.BytesIO(data)).size


def test_an_original_is_shown_while_it_is_what_it_was(tmp_path):
    path, held, linked = tmp_path / "a.png", Pictures(), Pictures()
    name = linked.link(path, file(path, 1, 60))
    cut = held.add_pixels(blob(1, 20, 20))
    other = held.add_pixels(blob(2, 20, 20))
    known = Originals()
    known.know({cut: Original(name, path)})
    data, whole = known.png(Thumbnails(), held, cut, 64)
    assert (size(data), whole) == ((60, 60), True)
    assert size(known.png(Thumbnails(), held, cut, 32)[0]) == (32, 32)
    data, whole = known.png(Thumbnails(), held, other, 64)
    assert (size(data), whole) == ((20, 20), False)
    with pytest.raises(VertumnusError, match="no such picture"):
        known.png(Thumbnails(), held, name, 64)
    path.unlink()
    (tmp_path / "secret.png").write_bytes(b"")
    file(tmp_path / "secret.png", 3, 60)
    path.symlink_to(tmp_path / "secret.png")
    data, whole = known.png(Thumbnails(), held, cut, 64)
    assert (size(data), whole) == ((20, 20), False)


def test_they_are_known_by_the_pictures_that_were_cut_from_them(tmp_path):
    linked, held = Collage(width=9, height=9), Collage(width=9, height=9)
    for n in range(2):
        path = tmp_path / f"{n}.png"
        crop = (0, 0, 5, 5)
        tile, cut = linked.pictures.link(path, file(path, n, 30)), held.pictures.add_pixels(blob(n, 5, 5))
        linked.layers.append(Layer(name="tile", image=tile, x=1, y=1, scale=1, crop=crop))
        held.layers.append(Layer(name="tile", image=cut, x=1, y=1, scale=1))
    found = originals_of(linked, held, {tmp_path / "1.png": tmp_path / "home.png"})
    assert [one.path.name for one in found.values()] == ["0.png", "home.png"]
    assert list(found) == [layer.image for layer in held.layers]
    assert [one.name for one in found.values()] == [layer.image for layer in linked.layers]
