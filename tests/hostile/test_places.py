"""Before anything long starts, every verb that writes finds out whether it can, and that it harms no input."""

import shutil

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from drawn import blob, png
from vertumnus.cli.app import VERBS

SILENT = {
    "tiles",
    "measure",
    "info",
    "models",
    "doctor",
    "completion",
    "studio",  # whose server has tests of its own
}  # write nothing that is named, or only their index
# What each verb is told beside where to write; what it would read is not there, and so nothing can have begun.
WRITERS = {
    "pack": [["pack", "no.png", "--shape", "heart", "-o", "@/a.collage"]],
    "compose": [
        ["compose", "no.png", "--prompt", "a bird", "-o", "@/a.png"],
        ["compose", "no.png", "--prompt", "a bird", "-o", "a.png", "--preview", "@/p.png"],
        ["compose", "no.png", "--prompt", "a bird", "--variations", "2", "-o", "@/a.png"],
        ["compose", "a.png", "--like", ".", "-o", "@/frames"],
    ],
    "harmonize": [
        ["harmonize", "no.collage", "-o", "@/a.png"],
        ["harmonize", "no.collage", "-o", "@/gallery", "--seeds", "2"],
    ],
    "mosaic": [
        ["mosaic", "no.png", "--tiles", "no", "-o", "@/a.png"],
        ["mosaic", "no.png", "--generate", "a cat", "-o", "@/a.png"],
        ["mosaic", ".", "--tiles", "no", "-o", "@/a.gif"],
    ],
    "personalize": [["personalize", "no", "--name", "<ada>", "-o", "@/a.safetensors"]],
    "cutout": [["cutout", "a.png", "-o", "a.png/cut"]],
    "again": [["again", "no.collage", "-o", "@/a.png"]],
    "render": [["render", "no.collage", "-o", "@/a.dzi"]],
    "open": [["open", "no.svg", "-o", "@/a.collage"]],
    "blend": [["blend", "no.collage", "-o", "@/a.png"]],
    "contact": [["contact", "no.collage", "-o", "@/a.html"]],
    "shape": [["shape", "no.png", "-o", "@/a.png"]],
    "words": [["words", "no.txt", "-o", "@/a.collage"]],
    "schema": [["schema", "-o", "@/a.json"]],
}


def test_every_verb_that_writes_is_here():
    assert set(VERBS) <= SILENT | set(WRITERS)


@pytest.mark.parametrize("command", [command for verb in WRITERS.values() for command in verb], ids=" ".join)
def test_a_place_that_cannot_be_written_is_said_first(vertumnus, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png(blob(0, 20, 24)))
    code, _, err = vertumnus(*(word.replace("@", "nowhere") for word in command))
    assert code == 2, err
    assert "nowhere" in err or "a.png/cut: cannot be" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_checkpoint_that_cannot_be_written_is_said_first(vertumnus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vertumnus.optimise.loop.Optimiser._step", lambda _: pytest.fail("a step was taken"))
    (tmp_path / "a.png").write_bytes(png(blob(0, 20, 24)))
    for command in (["pack", "a.png", "--shape", "heart"], ["compose", "a.png", "--prompt", "a bird"]):
        code, _, err = vertumnus(*command, "--size", 40, "-o", "a.collage", "--checkpoint", "nowhere/c.npz")
        assert (code, "nowhere/c.npz: cannot be written" in err) == (2, True), err


@pytest.mark.parametrize(
    "command",
    [
        ["cutout", "pics", "-o", "pics"],
        ["mosaic", "pics", "--tiles", "pics", "-o", "pics"],
        ["compose", "a.png", "--like", "pics", "-o", "pics"],
        ["harmonize", "a.collage", "--model", "none", "-o", "a.collage"],
        ["blend", "a.png", "-o", "a.png"],
        ["contact", "a.html", "-o", "a.html"],
        ["open", "a.svg", "-o", "a.svg"],
        ["open", "a.svg", "--original", "a.collage", "-o", "a.collage"],
        ["pack", "a.png", "--shape", "heart", "-o", "a.png"],
        ["pack", "pics", "--shape", "heart", "-o", "pics/b.png"],
        ["pack", "pics", "--shape", "a.png", "-o", "a.png"],
        ["pack", "pics", "--shape", "heart", "--block", "a.png", "-o", "a.png"],
        ["pack", "pics", "--shape", "heart", "--weights", "w.csv", "-o", "a.json", "--checkpoint", "w.csv"],
        ["pack", "pics", "--shape", "heart", "--background", "a.png", "-o", "a.png"],
        ["pack", "--from", "a.collage", "-o", "a.collage"],
        ["compose", "a.png", "--prompt", "a bird", "-o", "a.png"],
        ["compose", "pics", "--prompt", "a bird", "-o", "pics/b.png"],
        ["compose", "pics", "--like", "a.png", "-o", "a.png"],
        ["compose", "pics", "--prompt", "a bird", "-o", "a.json", "--preview", "pics/b.png"],
        ["compose", "--from", "a.collage", "--prompt", "a bird", "-o", "a.collage"],
        ["mosaic", "a.png", "--tiles", "pics", "-o", "a.png"],
        ["mosaic", "a.png", "--tiles", "pics", "-o", "pics/b.png"],
        ["mosaic", "--assignment", "a.collage", "-o", "a.collage"],
        ["mosaic", "a.png", "--tiles", "pics", "--importance", "c.png", "-o", "c.png"],
        ["harmonize", "--layer", "a.png:x@4,4,1", "--model", "none", "-o", "a.png"],
        ["cutout", "pics/b.png", "-o", "pics"],
        ["again", "a.collage", "-o", "a.collage"],
        ["render", "a.collage", "-o", "a.collage"],
        ["shape", "a.png", "-o", "a.png"],
        ["shape", "heart", "--block", "a.png", "-o", "a.png"],
        ["words", "w.csv", "--shape", "a.png", "-o", "a.png"],
        ["words", "w.csv", "--color-from", "a.png", "-o", "a.png"],
        ["words", "w.csv", "-o", "b.svg", "--html", "w.csv"],
        ["words", "w.csv", "-o", "b.svg", "--html", "b.svg"],
    ],
    ids=" ".join,
)
def test_an_output_that_names_an_input_is_refused(vertumnus, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("pics/b.png")
    (tmp_path / "a.png").write_bytes(png(blob(0, 20, 24)))
    collage = vt.Collage(width=20, height=20)
    collage.save("a.collage")
    shutil.copy("a.collage", "a.html")
    (tmp_path / "w.csv").write_text("name,weight\nb,1\n")
    shutil.copy("a.png", "c.png")
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, _, err = vertumnus(*command)
    assert code == 2, err
    assert f"{command[-1]}: is " in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
