"""The command line, as a person uses it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from drawn import blob, png
from vertumnus.document.collage import Collage

FAST = ("--quality", "fast", "--size", "100")


@pytest.mark.slow
def test_pack_writes_every_kind(vertumnus, picture_folder, tmp_path):
    outputs = [tmp_path / f"a{suffix}" for suffix in (".collage", ".json", ".png", ".svg", ".jpg", ".webp", ".tif")]
    flags = [part for output in outputs for part in ("-o", output)]
    code, out, err = vertumnus("pack", picture_folder, "--shape", "heart", *FAST, *flags, "--scale", 2)
    assert (code, err) == (0, "")
    assert "8 pieces, coverage" in out
    assert all(str(output) in out and output.exists() for output in outputs)
    for name in ("a.png", "a.jpg", "a.webp", "a.tif"):
        with Image.open(tmp_path / name) as image:
            assert image.size == (200, 200)
    assert Collage.load(tmp_path / "a.json").model_dump() == Collage.load(tmp_path / "a.collage").model_dump()


def test_the_same_command_gives_the_same_bytes(vertumnus, picture_folder, tmp_path):
    for name in "ab":
        assert (
            vertumnus("pack", picture_folder, "--shape", "heart", *FAST, "-o", tmp_path / f"{name}.collage")[0] == 0
        )
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


@pytest.mark.slow
def test_a_whole_session(vertumnus, picture_folder, tmp_path):
    collage, mask = tmp_path / "a.collage", tmp_path / "mask.png"
    pixels = np.full((80, 80), 255, np.uint8)
    pixels[10:70, 10:70] = 0
    Image.fromarray(pixels).save(mask)
    (tmp_path / "w.csv").write_text("name,weight\nblob1,3\n")
    code, _, _ = vertumnus(
        "pack", picture_folder, "--shape", mask, "-o", collage, *FAST, "--count", 12, "--seed", 5, "--weights",
        tmp_path / "w.csv", "--background", "#fdf6e3", "--gap", 1, "--rotation", 30,
    )  # fmt: skip
    assert code == 0
    code, out, _ = vertumnus("measure", collage, "--shape", mask, "--json")
    measured = json.loads(out)
    assert list(measured) == ["coverage", "overlap", "spill", "area_cv", "layers", "unplaced"]
    assert measured["layers"] == 12
    assert (measured["overlap"], measured["spill"], measured["unplaced"]) == (0, 0, 0)
    assert "coverage" in vertumnus("measure", collage, "--shape", mask)[1]
    facts = json.loads(vertumnus("info", collage, "--json")[1])
    assert facts["layers"] == 12
    assert facts["seed"] == 5
    assert facts["made_by"]["options"]["rotation"] == 30
    assert "12 layers" in vertumnus("info", collage)[1]
    code, _, _ = vertumnus("render", collage, "-o", tmp_path / "b.png", "--scale", 3, "--background", "#fff")
    assert code == 0
    with Image.open(tmp_path / "b.png") as image:
        assert image.size == (300, 300)
        assert image.getpixel((1, 1)) == (255, 255, 255, 255)
    code, _, _ = vertumnus("pack", "--from", collage, "--shape", mask, "-o", tmp_path / "c.collage", *FAST)
    assert code == 0
    again = Collage.load(tmp_path / "c.collage")
    assert len(again.layers) == 12
    assert again.background == "#fdf6e3"


def test_shape_preview(vertumnus, tmp_path):
    preview = tmp_path / "q.png"
    code, out, _ = vertumnus("shape", "text:Q", "-o", preview, "--block", "icon:star", "--size", "120x90")
    assert code == 0
    assert "islands" in out
    with Image.open(preview) as image:
        assert image.size == (120, 90)
        assert len(image.convert("RGB").getcolors()) == 3


def test_schema(vertumnus, tmp_path):
    schema = json.loads(vertumnus("schema")[1])
    listed, table = schema["properties"]["layers"]["anyOf"]
    assert listed["items"]["$ref"] == "#/$defs/Layer"
    assert table["$ref"] == "#/$defs/LayerTable"
    assert "noise" in schema["$defs"]["Layer"]["properties"]
    vertumnus("schema", "-o", tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text()) == schema


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pack", "{here}/no", "--shape", "heart", "-o", "{here}/a.png"], "no: there is no such file"),
        (["pack", "{empty}", "--shape", "heart", "-o", "{here}/a.png"], "holds no picture"),
        (["pack", "--shape", "heart", "-o", "{here}/a.png"], "ELEMENTS: name pictures"),
        (["pack", "{pics}", "--shape", "hart", "-o", "{here}/a.png"], "did you mean heart"),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.bmpx"], "unknown kind of output"),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/no/a.png"], "no does not exist"),
        (
            ["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--size", "big"],
            "--size: 'big' is not a size",
        ),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--gap", "-1"], "--gap: "),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--size-range", "2", "3"], "--size-range: "),
        (
            ["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--weights", "{here}/x.csv"],
            "x.csv: cannot be",
        ),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--count", "0"], "count: must be at least 1"),
        (["pack", "icon:buterfly", "--shape", "heart", "-o", "{here}/a.png"], "did you mean butterfly"),
        (["pack", "{pics}", "--shape", "heart"], "-o"),
        (["pack", "{pics}", "--shape", "heart", "-o", "{here}/a.png", "--colour", "red"], "--colour"),
        (["render", "{here}/no.collage", "-o", "{here}/a.png"], "no.collage: there is no such file"),
        (["render", "{bad}", "-o", "{here}/a.png"], "bad.collage: not a collage"),
        (["measure", "{bad}", "--shape", "heart"], "bad.collage: not a collage"),
        (["info", "{here}/no.json"], "no.json: there is no such file"),
        (["shape", "icon:buterfly"], "did you mean butterfly"),
        (["shape", "heart", "-o", "{here}/a.jpg"], "written as .png"),
        (["pakc"], "Did you mean"),
    ],
)
def test_bad_input_is_one_sentence_and_code_two(vertumnus, picture_folder, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.collage").write_bytes(b"junk")
    places = {"here": tmp_path, "empty": tmp_path / "empty", "pics": picture_folder, "bad": tmp_path / "bad.collage"}
    code, out, err = vertumnus(*[argument.format(**places) for argument in arguments])
    assert code == 2
    assert words in err
    assert err.startswith("vertumnus: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert not (tmp_path / "a.png").exists()
    assert out == ""


def test_skipped_pictures_are_named(vertumnus, picture_folder, tmp_path):
    (picture_folder / "broken.png").write_bytes(b"junk")
    _, _, err = vertumnus("pack", picture_folder, "--shape", "heart", *FAST, "-o", tmp_path / "a.collage")
    assert "broken.png: not a picture" in err
    assert Collage.load(tmp_path / "a.collage").made_by.report["skipped"][0]["name"].endswith("broken.png")


def test_help_is_light():
    """``--help`` loads neither NumPy nor Numba, so it answers at once."""
    code = (
        "import sys\nfrom vertumnus.cli.app import run\nrun(['--help'])\n"
        "print([m for m in ('numpy', 'numba', 'PIL', 'scipy', 'pydantic') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pack" in done.stdout
    assert done.stderr.strip() == "[]"


def environment(tmp_path):
    return {**os.environ, "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(tmp_path / "cache"))}


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.slow
def test_ctrl_c_keeps_the_best_layout(tmp_path):
    for n in range(30):
        (tmp_path / f"{n}.png").write_bytes(png(blob(n)))
    command = [
        sys.executable, "-m", "vertumnus", "pack", str(tmp_path), "--shape", "heart", "--quality", "high",
        "--count", "3000", "-o", str(tmp_path / "a.collage"), "--checkpoint", str(tmp_path / "c.npz"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "c.npz"
    for _ in range(1200):
        if checkpoint.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "stopped early" in out
    collage = Collage.load(tmp_path / "a.collage")
    assert collage.made_by.report["overlap"] == 0
    assert len(collage.layers) + len(collage.made_by.report["unplaced"]) == 3000


def test_a_folder_that_cannot_be_written(vertumnus, picture_folder, tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vertumnus.writing.TemporaryFile", full)
    code, _, err = vertumnus("pack", picture_folder, "--shape", "heart", "-o", tmp_path / "a.collage")
    assert code == 2
    assert "cannot be written" in err
