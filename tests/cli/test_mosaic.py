"""``vertumnus mosaic``, ``tiles`` and ``measure --reference`` as a person uses them."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from photographs import drawn
from vertumnus.document.collage import Collage


@pytest.mark.slow
def test_a_whole_session(vertumnus, reference, tiles, tmp_path):
    code, out, err = vertumnus("tiles", "index", tiles)
    assert (code, err) == (0, "")
    assert "60 tiles; 60 files read" in out
    outputs = [tmp_path / f"a{suffix}" for suffix in (".png", ".jpg", ".tif", ".dzi", ".json", ".csv", ".collage")]
    flags = [part for output in outputs for part in ("-o", output)]
    code, out, err = vertumnus(
        "mosaic", reference, "--tiles", tiles, "--grid", "12x16", "--max-uses", 5, "--tone", "mean-std:0.5",
        "--size", 640, *flags,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "192 cells" in out
    assert "the tone clipped" in out
    assert all(output.exists() for output in outputs)
    assert len(Collage.load(tmp_path / "a.collage").layers) == 192
    page = (tmp_path / "a.html").read_text()
    known = json.loads((tmp_path / "a_files" / "cells.js").read_text().removeprefix("const MOSAIC = ").rstrip(";\n"))
    assert 'src="a_files/cells.js"' in page
    assert len(known["cells"]) == 192
    assert all((tmp_path / link).is_file() for link, _ in known["pictures"])
    code, out, err = vertumnus(
        "mosaic", "--assignment", tmp_path / "a.json", "--size", "1280", "-o", tmp_path / "b.png"
    )
    assert (code, err) == (0, "")
    with Image.open(tmp_path / "b.png") as large, Image.open(tmp_path / "a.png") as small:
        assert large.size == (1280, 960)
        assert np.abs(np.asarray(large.reduce(2), int) - np.asarray(small, int)).mean() < 6
    for picture in ("a.png", "a.collage", "a.json"):
        code, out, err = vertumnus("measure", tmp_path / picture, "--reference", reference, "--json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert found["psnr"]["32"] > 15
        assert len(found["pyramid"]) == 4
        assert ("most_uses" in found) == (picture != "a.png")
    assert "levels 1 to 4" in vertumnus("measure", tmp_path / "a.png", "--reference", reference)[1]


@pytest.mark.slow
def test_a_deep_zoom_of_others_is_not_touched(vertumnus, reference, tiles, tmp_path):
    (tmp_path / "a_files").mkdir()
    (tmp_path / "a_files" / "thesis.txt").write_text("years of work")
    command = ("mosaic", reference, "--tiles", tiles, "--grid", "3x4", "--size", 80, "-o", tmp_path / "a.dzi")
    code, out, err = vertumnus(*command)
    assert (code, out) == (2, "")
    assert "a_files: is not vertumnus's own" in err
    assert "say --force to replace it" in err
    assert [path.name for path in tmp_path.glob("a*")] == ["a_files"]
    assert vertumnus(*command, "--force")[0] == 0
    assert vertumnus(*command)[0] == 0
    assert not (tmp_path / "a_files" / "thesis.txt").exists()


def test_tiles_info_and_prune(vertumnus, tiles):
    (tiles / "broken.jpg").write_bytes(b"junk")
    _, _, err = vertumnus("tiles", "index", tiles, "--thumbnail", 32)
    assert "broken.jpg: not a picture" in err
    facts = json.loads(vertumnus("tiles", "info", tiles, "--json")[1])
    assert (facts["tiles"], facts["thumbnail"], facts["median_size"]) == (60, 32, [96, 72])
    assert facts["skipped"] == [["broken.jpg", "not a picture of a known format"]]
    assert "60 tiles" in vertumnus("tiles", "info", tiles)[1]
    (tiles / "0000.jpg").unlink()
    code, out, _ = vertumnus("tiles", "prune", tiles)
    assert code == 0
    assert "59 tiles, 1 gone" in out
    assert vertumnus("tiles", "index", tiles, "--rebuild")[0] == 0


def test_an_animation_is_its_first_frame(vertumnus, tiles, tmp_path):
    frames = [drawn(), drawn().rotate(180)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    code, _, err = vertumnus(
        "mosaic", tmp_path / "a.gif", "--tiles", tiles, "--grid", "6x8", "-o", tmp_path / "a.png"
    )
    assert code == 0
    assert "holds several pictures; the first is used" in err


def test_moving_mosaics(vertumnus, tiles, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for n in range(3):
        drawn().rotate(4 * n).save(folder / f"{n}.png")
    flags = ("--tiles", tiles, "--grid", "6x8", "--size", "160")
    for name in ("out", "out.gif"):
        code, out, err = vertumnus("mosaic", folder, *flags, "-o", tmp_path / name)
        assert (code, err) == (0, "")
        assert "3 frames" in out
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.parametrize(("arguments", "words"), [
    (["{ref}", "--tiles", "{here}/no"], "no: --tiles: there is no such folder"),
    (["{ref}", "--tiles", "{empty}"], "--tiles: no picture in it can be read"),
    (["{ref}", "--tiles", "{bad}"], "no picture in it can be read (junk.jpg: not a picture"),
    (["{ref}"], "--tiles: name at least one folder"),
    (["--tiles", "{tiles}"], "REFERENCE: name the picture"),
    (["{here}/no.png", "--tiles", "{tiles}"], "no.png: cannot be read"),
    (["{bad}/junk.jpg", "--tiles", "{tiles}"], "junk.jpg: not a picture"),
    (["{ref}", "--tiles", "{tiles}", "--grid", "200x200"], "120 x 90 pixels is smaller than a grid of 40,000 cells"),
    (["{ref}", "--tiles", "{tiles}", "--grid", "many"], "--grid: 'many' is not rows x columns"),
    (["{ref}", "--tiles", "{tiles}", "--level", "11"], "--level"),
    (["{ref}", "--tiles", "{tiles}", "--level", "3", "--count", "9"], "both say how many cells"),
    (["{ref}", "--tiles", "{tiles}", "--adaptive", "--level", "3"], "--adaptive goes with --count"),
    (["{ref}", "--tiles", "{tiles}", "--count", "100", "--unique"], "the smallest limit that works is --max-uses 2"),
    (["{ref}", "--tiles", "{tiles}", "--count", "100", "--min-distance", "40"], "are too few to keep equal ones 40"),
    (["{ref}", "--tiles", "{tiles}", "--tone", "men"], "--tone: 'men' is not one of"),
    (["{ref}", "--tiles", "{tiles}", "--assign", "best"], "--assign"),
    (["{ref}", "--tiles", "{tiles}", "--aspect", "wide"], "--aspect: 'wide'"),
    (["{ref}", "--tiles", "{tiles}", "--size", "x"], "--size: 'x' is not a size"),
    (["{ref}", "--tiles", "{tiles}", "--coherence", "1"], "--coherence: is for videos"),
    (["{ref}", "--tiles", "{tiles}", "--ray", "nowhere:1"], "--ray nowhere:1: "),
    (["--assignment", "{ref}"], "reference.png: not readable JSON"),
    (["--assignment", "{here}/no.json"], "no.json: there is no such file"),
    (["--assignment", "{here}/no.json", "--tiles", "{tiles}"], "--tiles does not go with it"),
])  # fmt: skip
def test_bad_input_is_one_sentence_and_code_two(vertumnus, reference, tiles, tmp_path, arguments, words, monkeypatch):
    for name in ("empty", "bad"):
        (tmp_path / name).mkdir()
    (tmp_path / "bad" / "junk.jpg").write_bytes(b"junk")
    if "--ray" in arguments:
        monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    places = {
        "here": tmp_path,
        "ref": reference,
        "tiles": tiles,
        "empty": tmp_path / "empty",
        "bad": tmp_path / "bad",
    }
    out_file = tmp_path / "out.png"
    out_file.write_bytes(b"what was there")
    arguments = [argument.format(**places) for argument in arguments]
    code, out, err = vertumnus("mosaic", *arguments, "-o", out_file)
    last = err.strip().splitlines()[-1]
    assert code == 2
    assert words in last
    assert last.startswith("vertumnus: ")
    assert "Traceback" not in err
    assert all(line.startswith(("skipped ", "vertumnus: ")) for line in err.splitlines())
    assert out == ""
    assert out_file.read_bytes() == b"what was there"


@pytest.mark.parametrize(("arguments", "words"), [
    (["mosaic", "{ref}", "--tiles", "{tiles}", "-o", "{here}/a.bmp"], "a.bmp: unknown kind of output"),
    (["mosaic", "{ref}", "--tiles", "{tiles}", "-o", "{here}/no/a.png"], "no does not exist"),
    (["mosaic", "{ref}", "--tiles", "{tiles}", "--size", "70000", "-o", "{here}/a.jpg"], "a JPEG holds at most"),
    (["tiles", "index", "{here}/no"], "there is no such folder"),
    (["tiles", "index", "{tiles}", "--thumbnail", "4"], "--thumbnail: must be 16 to 1024"),
    (["tiles", "info", "{tiles}"], "has no index; run vertumnus tiles index"),
    (["measure", "{ref}"], "is a picture; name the --reference"),
    (["measure", "{here}/no.png", "--reference", "{ref}"], "no.png: cannot be read"),
    (["measure", "{ref}", "--reference", "{ref}", "--lpips", "{here}/no"], "no: cannot be read"),
    (["mosaic", "{tiles}", "--tiles", "{tiles}", "-o", "{here}/a.png"], "a moving mosaic has one output"),
    (["mosaic", "{ref}", "--assignment", "{ref}", "-o", "{here}/a.gif"], "--assignment is for still pictures"),
])  # fmt: skip
def test_more_bad_input(vertumnus, reference, tiles, tmp_path, arguments, words):
    places = {"here": tmp_path, "ref": reference, "tiles": tiles}
    code, _, err = vertumnus(*[argument.format(**places) for argument in arguments])
    assert code == 2
    assert words in err
    assert err.count("\n") == 1
