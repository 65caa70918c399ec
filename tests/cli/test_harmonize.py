"""``vertumnus harmonize`` as a person types it: rounds, galleries, made again, and what cannot be."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vertumnus.cli.app import run
from vertumnus.document.collage import Collage


@pytest.fixture
def lunch(tmp_path, monkeypatch):
    """A red ball beside a blue cup, as two pictures in the working folder."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:40, :40] - 19.5
    for name, colour in (("ball", (220, 30, 30)), ("cup", (30, 40, 210))):
        picture = np.zeros((40, 40, 4), np.uint8)
        picture[..., :3] = colour
        picture[..., 3] = 255 * (x**2 + y**2 < 18**2)
        Image.fromarray(picture).save(f"{name}.png")
    return ["--layer", "ball.png:ball@20,32,0.8", "--layer", "cup.png:cup@44,32,0.8", "--size", "64"]


def main(command):
    """Runs what is to go well."""
    assert run(command) == 0


def refused(capsys, *command):
    """The one sentence a command ends in."""
    assert run(["harmonize", *command]) == 2
    said = capsys.readouterr().err.strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1
    return said


@pytest.mark.slow
def test_without_a_model_rounds_are_made_undone_and_made_again(lunch, capsys):
    main(["harmonize", *lunch, "--model", "none", "-o", "lunch.collage", "-o", "lunch.png"])
    first = Collage.load("lunch.collage")
    assert first.layers[0].name == "harmonized 1"
    main(["harmonize", "edit", "lunch.collage", "--layer", "cup", "--model", "none", "--seeds", "1"])
    main(["harmonize", "edit", "lunch.collage", "--layer", "cup", "--take", "0"])
    assert Collage.load("lunch.collage").layers[1].name == "harmonized 2"
    capsys.readouterr()
    main(["again", "lunch.collage"])
    assert "the same as before" in capsys.readouterr().out
    main(["harmonize", "edit", "lunch.collage", "--undo"])
    assert Collage.load("lunch.collage").layers == first.layers
    main(["harmonize", "edit", "lunch.collage", "--undo"])
    assert [layer.name for layer in Collage.load("lunch.collage").layers] == ["ball", "cup"]


@pytest.mark.slow
def test_what_cannot_be_ends_in_one_sentence(lunch, capsys, tmp_path):
    nothing = ["--model", "none", "-o", "x.png"]
    far = ["--layer", "ball.png:ball@900,900,1", "--size", "64"]
    assert "none can be seen" in refused(capsys, *far, *nothing)
    assert "COLLAGE" in refused(capsys, *nothing)
    assert "place that is no number" in refused(capsys, "--layer", "ball.png:ball@a,b,c", *nothing)
    for seeds in ("0", str(2**64)):
        assert f"--seeds: must be 1 to 1,000, not {seeds}" in refused(capsys, *lunch, *nothing, "--seeds", seeds)
    main(["harmonize", *lunch, *nothing, "-o", "lunch.collage"])
    capsys.readouterr()
    assert "there is no 'spoon'" in refused(capsys, "edit", "lunch.collage", "--layer", "spoon", "--model", "none")
    document = Collage.load("lunch.collage")
    document.layers[2].prompt = "ball"
    document.save("lunch.collage")
    assert "2 are called 'ball'" in refused(capsys, "edit", "lunch.collage", "--layer", "ball", "--model", "none")
    document.layers[1].visible = document.layers[2].visible = True
    document.layers[1].x = 5000
    del document.layers[0]
    document.made_by = None
    document.save("far.collage")
    main(["harmonize", "far.collage", *nothing])
    assert "layer 'ball' lies outside the canvas and was left out" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_with_a_model(lunch, capsys):
    pytest.importorskip("diffusers")
    quick = ["--steps", "2", "-o", "x.png"]
    assert "layer 'ball' is not in it; write for example 'ball and cup'" in refused(
        capsys, *lunch, *quick, "--prompt", "a plate"
    )
    assert "it would be cut at" in refused(
        capsys, *lunch, *quick, "--prompt", "ball, cup" + " and then some" * 40, "--method", "gh"
    )
    twice = ["--layer", "ball.png:ball@20,32,0.8", "--layer", "cup.png:ball@44,32,0.8", "--size", "64"]
    # Layers of one text have its occurrences in turn, or share the only one.
    main(
        [
            "harmonize",
            *twice,
            *quick,
            "--prompt",
            "a ball and a ball",
            "-o",
            "lunch.collage",
            "-o",
            "many",
            "--seeds",
            "2",
        ]
    )
    assert json.loads(Path("many/gallery.json").read_text())["batches"] == {"0": [0, 1], "1": [0, 1]}
    capsys.readouterr()
    main(["again", "lunch.collage"])
    assert "the same as before" in capsys.readouterr().out
    document = Collage.load("lunch.collage")
    document.made_by.report["rounds"][0]["weights"] = "0" * 64
    document.save("lunch.collage")
    assert run(["again", "lunch.collage"]) == 2
    assert "has other weights than when the collage was made" in capsys.readouterr().err
