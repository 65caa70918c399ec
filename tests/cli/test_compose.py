"""``vertumnus compose`` as a person runs it."""

import json
import re

import pytest
from PIL import Image

import vertumnus as vt
from drawn import blob
from vertumnus.cli.app import run


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for n in range(6):
        Image.fromarray(blob(n, 50, 44)).save(tmp_path / "photos" / f"{n}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_a_whole_session(photos, tmp_path, capsys):
    out = tmp_path / "heart.collage"
    first = ["compose", str(photos), "--prompt", "a heart", "--size", "200", "--count", "10", "--iterations", "60"]
    preview = ["--preview", str(tmp_path / "now.png"), "--preview-every", "20"]
    assert run([*first, *preview, "-o", str(out), "-o", str(tmp_path / "heart.png")]) == 0
    said = capsys.readouterr().out
    assert "10 pieces as 'a heart'" in said
    for name in ("heart.png", "now.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (200, 200)
    assert vt.Collage.load(out).prompt == "a heart"
    again = ["compose", "--from", str(out), "--prompt", "a star", "--size", "200", "--iterations", "20"]
    assert run([*again, "-o", str(tmp_path / "star.json")]) == 0
    assert json.loads((tmp_path / "star.json").read_text())["prompt"] == "a star"


def test_variations_make_a_sheet(photos, tmp_path, capsys):
    command = ["compose", str(photos), "--prompt", "a star", "--size", "120", "--iterations", "30"]
    assert run([*command, "--variations", "3", "-o", str(tmp_path / "star.collage")]) == 0
    assert sorted(path.name for path in tmp_path.glob("star*")) == [
        "star-1.collage",
        "star-2.collage",
        "star-3.collage",
        "star-sheet.png",
    ]
    said = capsys.readouterr().out
    assert re.search(r"3 variations, their figures \d+% alike; the best, by silhouettes of an icon font", said)
    assert "understood: one star" in said
    seeds = {vt.Collage.load(tmp_path / f"star-{n}.collage").seed for n in (1, 2, 3)}
    assert seeds == {0, 1, 2}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--prompt", " "], "prompt: it is empty"),
        (["--prompt", "a buterfly"], "did you mean"),
        (["--variations", "0"], "--variations"),
        (["--variations", "2", "--particles", "0"], "--particles"),
        (["--every", "0"], "--guidance-interval"),
        (["--prior", "no/such-model"], "no/such-model"),
        (["--window", "0"], "--window"),
        (["--within", "icon:hart"], "icon:hart"),
        (["-o", "nowhere/a.png"], "nowhere"),
        (["--resume"], "resume"),
    ],
)
def test_bad_input_is_one_sentence_and_code_two(photos, tmp_path, capsys, changed, words):
    command = ["compose", str(photos), "--prompt", "a heart", "--iterations", "5", "-o", str(tmp_path / "a.png")]
    if changed[0] == "--prompt":
        command = [*command[:2], *changed, *command[4:]]
        changed = []
    assert run([*command, *changed]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said


def test_mini_says_what_it_knows(photos, tmp_path, capsys):
    for needed in ("torch", "diffusers", "transformers", "peft"):
        pytest.importorskip(needed)
    command = ["compose", str(photos), "--prior", "mini", "--iterations", "10", "--every", "5", "--size", "80"]
    assert run([*command, "--prompt", "a helicopter", "-o", str(tmp_path / "a.png")]) == 2
    assert "names nothing that mini knows" in capsys.readouterr().err
    assert run([*command, "--prompt", "a heart", "--variations", "2", "-o", str(tmp_path / "b.collage")]) == 0
    said = capsys.readouterr().out
    assert "likeness" in said
    assert (tmp_path / "b-2.collage").is_file()
