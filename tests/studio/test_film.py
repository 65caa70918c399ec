"""The film of a run: as many moments as it may have, each as the pieces were, whatever came and went meanwhile."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.document.layer import Layer
from vertumnus.errors import VertumnusError
from vertumnus.studio import film as films
from vertumnus.studio.drive import Members, Seen
from vertumnus.studio.exports import again_line, export
from vertumnus.studio.film import LAST, MOST, Film
from vertumnus.studio.session import Session


@pytest.fixture
def session(tmp_path):
    collage = Collage(width=40, height=20, background="white")
    for n, colour in enumerate(((255, 0, 0, 255), (0, 0, 255, 255))):
        image = collage.pictures.add_pixels(np.full((4, 4, 4), colour, np.uint8))
        collage.layers.append(Layer(id=f"k{n + 1}", name=f"{n}", image=image, x=5, y=5 + 10 * n, scale=1))
    return Session(collage, tmp_path / "a.collage")


def seen(session, step, x, ids=("k1", "k2"), placed=(True, True)):
    layers = [session.state.layers[name] for name in ids]
    members = Members(ids, tuple(one.name for one in layers), tuple(one.image for one in layers))
    full = np.full(len(ids), float(x))
    y = np.array([one.y for one in layers])
    no = np.zeros(len(ids), bool)
    return Seen(step, members, full, y, np.ones(len(ids)), 0 * full, no, np.array(placed[: len(ids)]), no)


def where(frame, channel):
    """The middle of what is red (0) or blue (2) in a frame, across; None if nothing is."""
    pixels = np.asarray(frame, int)
    found = np.flatnonzero((pixels[..., channel] - pixels[..., 1] > 128).any(axis=0))
    return float(found.mean()) if found.size else None


def test_moments_are_as_many_as_there_may_be_and_evenly_apart(session):
    film = Film(session)
    for step in range(1000):
        film.see(seen(session, step, step))
    steps = [one.seen.step for one in film.moments]
    assert MOST / 2 <= len(steps) <= MOST
    assert steps[0] == 0
    assert len(set(np.diff(steps))) == 1
    assert len({id(one.seen.members) for one in film.moments}) == 1, "what is the same is kept once"
    assert len({id(one.around) for one in film.moments}) == 1


def test_each_frame_is_the_run_as_it_was(session, monkeypatch):
    monkeypatch.setattr(films, "SIDE", 40)
    film = Film(session)
    with pytest.raises(VertumnusError, match="not begun"):
        list(film.frames())
    film.see(seen(session, 0, 10))
    film.looked({"k1": {"opacity": 0.0}})
    film.see(seen(session, 1, 20, placed=(True, False)))
    film.looked({})
    session.remove(["k2"])
    film.see(seen(session, 2, 30, ids=("k1",)))
    film.end = session.state
    frames = list(film.frames())
    assert len(frames) == 3 + LAST
    assert {frame.size for frame in frames} == {(40, 20)}
    assert [where(frame, 0) for frame in frames[:4]] == [pytest.approx(9.5), None, pytest.approx(29.5), 4.5]
    assert [where(frame, 2) for frame in frames[:4]] == [pytest.approx(9.5), None, None, None]


@pytest.mark.parametrize(("kind", "format_"), [("film", "WEBP"), ("gif", "GIF")])
def test_it_is_taken_away(session, tmp_path, monkeypatch, kind, format_):
    monkeypatch.setattr(films, "SIDE", 40)
    film = Film(session)
    for step in range(4):
        film.see(seen(session, step, 5 + 8 * step))
    path, said = export(session.collage(), kind, "my/heart", {}, tmp_path, film)
    assert path.name == f"my-heart-run{films.KINDS[kind]}"
    assert said == f"{path.name}: 34 frames, 2 seconds"
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.format == format_
        for number in range(4):
            image.seek(number)
            assert where(image.convert("RGB"), 0) == pytest.approx(4.5 + 8 * number, abs=1)


def test_without_a_run_there_is_none(studio):
    identity = studio.new()
    for kind in films.KINDS:
        answer = studio.client.get(f"/api/documents/{identity}/exports/{kind}")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(f"{kind}: nothing has run")
        assert "--record" in studio.client.get(f"/api/documents/{identity}/again?format={kind}").json()["message"]
    with pytest.raises(VertumnusError, match="no such option of a film"):
        export(Collage(width=9, height=9), "gif", "a", {"scale": "2"}, Path(), Film(None))
    with pytest.raises(VertumnusError, match="--record"):
        again_line("a.collage", "pack", "mp4", {}, True)
