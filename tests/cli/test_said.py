"""What verbs say to programs and to people who look for a fault: --json, doctor, contact."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from drawn import png
from vertumnus.cli import doctor
from vertumnus.document.collage import Collage, Layer, MadeBy

FAST = ("--quality", "fast", "--size", "100", "--count", "5")


def test_pack_prints_json_alone_on_standard_output(vertumnus, tmp_path):
    code, out, err = vertumnus(
        "pack", "icon:apple", "--shape", "heart", *FAST, "-o", tmp_path / "a.collage", "--json", "--seed", 3
    )
    facts = json.loads(out)
    assert code == 0
    assert facts["outputs"] == [str(tmp_path / "a.collage")]
    assert facts["report"] == Collage.load(tmp_path / "a.collage").made_by.report
    assert (facts["seed"], facts["layers"], facts["stopped"]) == (3, 5, False)
    assert "5 pieces, coverage" in err


def test_compose_prints_json_of_all_variations(vertumnus, tmp_path):
    code, out, _ = vertumnus(
        "compose", "icon:leaf", "--prompt", "a star", "--size", 100, "--count", 4, "--iterations", 20,
        "--variations", 2, "-o", tmp_path / "a.collage", "--json",
    )  # fmt: skip
    facts = json.loads(out)
    assert code == 0
    assert [one["seed"] for one in facts["variations"]] == [0, 1]
    assert facts["best"] in (0, 1)
    assert facts["sheet"] == str(tmp_path / "a-sheet.png")
    assert facts["variations"][1]["outputs"] == [str(tmp_path / "a-2.collage")]


def test_doctor_says_how_to_get_what_is_missing(vertumnus, monkeypatch):
    needed = ["numpy>=1", "av>=12.0; extra == 'video'", 'opencv-python-headless>=4.10 ; extra == "cutout"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: needed)
    monkeypatch.setattr(doctor, "_installed", lambda name: name != "opencv-python-headless")
    code, out, err = vertumnus("doctor")
    assert (code, err) == (0, "")
    line = next(line for line in out.splitlines() if line.startswith("cutout"))
    assert "pip install 'vertumnus[cutout]'; missing: opencv-python-headless" in line
    assert "video: installed" in out


def test_contact_is_one_page_that_needs_no_other(vertumnus, tmp_path):
    for name, prompt in (("a", "a <b>bold</b> star"), ("b", None)):
        assert vertumnus("pack", "icon:leaf", "--shape", "heart", *FAST, "-o", tmp_path / f"{name}.collage")[0] == 0
        collage = Collage.load(tmp_path / f"{name}.collage")
        collage.prompt = prompt
        collage.save(tmp_path / f"{name}.collage")
    page = tmp_path / "all.html"
    code, out, _ = vertumnus("contact", tmp_path / "a.collage", tmp_path / "b.collage", "-o", page, "--side", 50)
    assert (code, out) == (0, f"{page}: 2 collages\n")
    text = page.read_text()
    assert "a &lt;b&gt;bold&lt;/b&gt; star" in text
    assert "<b>" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", text)]
    assert [Image.open(io.BytesIO(data)).size for data in pictures] == [(100, 100), (100, 100)]


@pytest.mark.parametrize("name", ["a.collage", "page.txt"])
def test_contact_writes_pages_only(vertumnus, tmp_path, name):
    assert vertumnus("pack", "icon:leaf", "--shape", "heart", *FAST, "-o", tmp_path / "a.collage")[0] == 0
    before = (tmp_path / "a.collage").read_bytes()
    code, _, err = vertumnus("contact", tmp_path / "a.collage", "-o", tmp_path / name)
    assert code == 2
    assert str(tmp_path / name) in err
    assert (tmp_path / "a.collage").read_bytes() == before


def test_what_moved_is_locked_by_pack(tmp_path, vertumnus):
    made = Collage(width=60, height=60)
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[..., 1] = 90
    name = made.pictures.add(png(pixels))
    made.layers = [Layer(name=f"a{n}", image=name, x=15.0 + 20 * n, y=30.0, scale=1.0) for n in range(2)]
    made.made_by = MadeBy(tool="pack")
    made.save(tmp_path / "a.collage")
    assert vertumnus("render", tmp_path / "a.collage", "-o", tmp_path / "a.svg")[0] == 0
    text = (tmp_path / "a.svg").read_text()
    assert text.count("translate(15.0 30.0)") == 1
    (tmp_path / "b.svg").write_text(text.replace("translate(15.0 30.0)", "translate(12.0 20.0)"))
    opened = tmp_path / "b.collage"
    assert vertumnus("open", tmp_path / "b.svg", "--original", tmp_path / "a.collage", "-o", opened)[0] == 0
    with_it = ("--shape", "canvas", "--quality", "fast", "--lock", "moved", "-o", tmp_path / "c.collage")
    assert vertumnus("pack", "--from", opened, *with_it)[0] == 0
    first, second = Collage.load(tmp_path / "c.collage").layers
    assert first.locked
    assert (first.x, first.y) == (12, 20)
    assert not second.locked
    code, _, err = vertumnus("pack", "--from", tmp_path / "a.collage", *with_it)
    assert code == 2
    assert "--lock: goes with --from of a collage that was opened with --original" in err
