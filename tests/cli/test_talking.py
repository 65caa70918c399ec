"""What is said before much is begun, what was passed over, and what completes commands."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.cli import estimate
from vertumnus.document.collage import Collage


def test_estimates_are_near_what_was_measured():
    assert estimate.drawing((16_000, 16_000), 1.0, [Path("a.png")]).seconds == pytest.approx(17, rel=0.5)
    assert estimate.matching(10_000).seconds == pytest.approx(5.4, rel=0.1)
    assert estimate.packing(10_000, (600, 600), 1, False).seconds == pytest.approx(9.6, rel=0.5)
    # 1,024 tiles by the model that ships took 150 s of one core (docs/generated-mosaics.md).
    assert estimate.generating(1024, 50, 64 * 64, False, False).seconds == pytest.approx(150, rel=0.2)
    assert not estimate.packing(100, (600, 600), 1, False).much
    assert estimate.packing(37, (7000, 7000), 1, False).seconds == pytest.approx(15, rel=0.2)
    assert estimate.packing(37, (7000, 7000), 1, False).memory == pytest.approx(2141 << 20, rel=0.1)
    assert estimate.composing(900, (600, 600), 120, 0, 1).seconds == pytest.approx(2, rel=0.5)
    assert estimate.composing(48, (600, 600), 1_500, 1, 1).much
    assert not estimate.drawing((600, 600), 4.0, [Path("a.png"), Path("a.svg"), Path("a.collage")]).much
    much = estimate.drawing((600, 600), 100.0, [Path("a.png")])
    assert much.much
    assert str(much) == "about 5 minutes and 0.2 GB of memory"
    assert str(estimate.matching(2_000_000)) == "about 52 minutes and 3.9 GB of memory"
    assert str(much + estimate.matching(4_000_000)) == "about 2 hours and 7.6 GB of memory"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("Yes\n", True), ("\n", False), ("n\n", False)])
def test_at_a_terminal_much_is_asked(monkeypatch, answer, goes_on):
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)
    much = estimate.Estimate(600.0)
    for yes, typed in ((True, ""), (False, answer)):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        if yes or goes_on:
            estimate.go_on(much, yes)
        else:
            with pytest.raises(KeyboardInterrupt):
                estimate.go_on(much, yes)
    assert said.getvalue().count("this takes about 10 minutes") == 2
    assert said.getvalue().count("go on?") == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    estimate.go_on(much, False)  # nobody is there to be asked
    assert said.getvalue().count("go on?") == 1


def test_what_is_long_is_said_and_what_is_short_is_not(monkeypatch):
    monkeypatch.setattr(sys, "stderr", said := Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal())
    estimate.go_on(estimate.Estimate(5.0), False)
    assert said.getvalue() == ""
    estimate.go_on(estimate.Estimate(33.0), False)
    assert said.getvalue() == "this takes about 33 s and 0.2 GB of memory, by a rough estimate\n"


def test_a_no_leaves_everything_as_it_was(vertumnus, tmp_path, monkeypatch):
    from vertumnus.document.collage import Collage, Layer

    collage = Collage(width=300, height=300)
    collage.layers.append(Layer(name="a", image=collage.pictures.add(png(blob(1, 9, 9))), x=9, y=9, scale=1))
    collage.save(tmp_path / "a.collage")
    monkeypatch.setattr(estimate, "go_on", lambda *_: None)
    monkeypatch.setattr("vertumnus.cli.render.go_on", refuse)
    code, _, err = vertumnus("render", tmp_path / "a.collage", "-o", tmp_path / "b.png", "--scale", "300")
    assert (code, "stopped" in err) == (130, True)
    assert not (tmp_path / "b.png").exists()


def refuse(what, yes):
    assert what.much
    assert not yes
    raise KeyboardInterrupt


def test_the_summary_says_what_was_passed_over(vertumnus, tmp_path):
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(png(blob(n, 30, 30)))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("hello")
    code, out, _ = vertumnus(
        "pack", tmp_path, "--shape", "canvas", "--size", "60", "--quality", "fast", "-o", tmp_path / "a.json"
    )
    assert code == 0
    assert "3 pictures read, passed over: " in out
    assert "1 (not a picture file)" in out
    assert "1 (not a picture of a known format)" in out


def test_a_mosaic_says_what_was_passed_over_and_asks_before_long_films(vertumnus, tmp_path, monkeypatch):
    (tmp_path / "tiles").mkdir()
    for n in range(3):
        (tmp_path / "tiles" / f"{n}.png").write_bytes(png(blob(n, 30, 30)))
    (tmp_path / "tiles" / "bad.png").write_bytes(b"no picture")
    reference = tmp_path / "tiles" / "0.png"
    options = ("--tiles", tmp_path / "tiles", "--grid", "3x3", "--size", "48")
    code, out, _ = vertumnus("mosaic", reference, *options, "-o", tmp_path / "m.png")
    assert code == 0
    assert "3 pictures read, passed over: 1 (" in out
    monkeypatch.setattr("vertumnus.cli.video.filming", lambda frames, *_: estimate.Estimate(1000.0 * frames))
    monkeypatch.setattr("vertumnus.cli.video.go_on", refuse)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "0.png").write_bytes(reference.read_bytes())
    code, _, err = vertumnus("mosaic", tmp_path / "frames", *options, "-o", tmp_path / "m.gif")
    assert (code, "stopped" in err) == (130, True)
    assert not (tmp_path / "m.gif").exists()


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_verbs_and_options(vertumnus, shell):
    code, out, _ = vertumnus("completion", shell)
    assert code == 0
    assert "harmonize" in out
    assert "crop-marks" in out


@pytest.mark.slow
def test_a_run_is_recorded_as_a_film(vertumnus, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(3):
        (pictures / f"{n}.png").write_bytes(png(blob(n, 30, 30)))
    (pictures / "bad.png").write_bytes(b"no picture")
    for verb, given in (("pack", ["--shape", "heart", "--quality", "fast"]), ("compose", ["--iterations", "9"])):
        more = ["--guidance", "shape:heart"] if verb == "compose" else []
        code, out, err = vertumnus(
            verb, pictures, *given, *more, "--size", "60", "--count", "5", "--record", tmp_path / f"{verb}.webp",
            "-o", tmp_path / f"{verb}.collage",
        )  # fmt: skip
        assert code == 0, err
        assert "3 pictures read, passed over: 1 (" in out
        with Image.open(tmp_path / f"{verb}.webp") as film:
            assert film.n_frames > 5
            assert film.size == (540, 540)
            shown = np.asarray(film.convert("RGB"), int)
            film.seek(film.n_frames - 1)
            last = np.asarray(film.convert("RGB"), int)
        done = Collage.load(tmp_path / f"{verb}.collage").render(9, background="white").convert("RGB")
        assert np.abs(last - np.asarray(done, int)).mean() < 4  # of a lossy film
        assert np.abs(shown - last).mean() > 8
    code, _, err = vertumnus("pack", tmp_path, "--shape", "heart", "--record", tmp_path / "a.txt", "-o", "a.json")
    assert code == 2
    assert "--record" in err
