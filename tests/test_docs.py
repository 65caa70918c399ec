"""Every command and every piece of Python in the documentation runs as it is written."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from drawn import blob
from vertumnus.cli.app import run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def readers_folder(tmp_path_factory):
    """What a reader of the documentation has: some pictures, weights, a logo, a collage, a mosaic."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("photos", "drawings"):
        (folder / name).mkdir()
        for n in range(5):
            Image.fromarray(blob(n, 60, 50)).save(folder / name / f"{n}.png")
    (folder / "frames").mkdir()
    for n in range(3):
        Image.fromarray(blob(n + 20, 120, 80)).convert("RGB").save(folder / "frames" / f"{n}.png")
    rng = np.random.default_rng(0)
    (folder / "holidays").mkdir()
    for n in range(2400):
        colour = rng.integers(0, 256, (2, 2, 3), np.uint8)
        Image.fromarray(colour).resize((18, 12), Image.Resampling.BILINEAR).save(folder / "holidays" / f"{n}.png")
    Image.fromarray(blob(30, 180, 120)).convert("RGB").save(folder / "cat.jpg")
    (folder / "weights.csv").write_text("0,3\n1,2\n")
    (folder / "speech.txt").write_text("Ladies and gentlemen, the fig is sweet. The pear and the fig are ripe. " * 3)
    (folder / "sales.csv").write_text("word,weight,group,link\nfig,3,fruit,https://fig.example\nleek,2,roots,\n")
    Image.fromarray(blob(9, 200, 200)).save(folder / "photo-of-a-logo.png")
    plan = vt.make_mosaic(folder / "cat.jpg", [folder / "holidays"], count=60)
    vt.save_mosaic(plan, folder / "again.json")
    vt.save_mosaic(plan, folder / "cat.png", "200")
    vt.pack(folder / "photos", "heart", size=300, quality="fast").save(folder / "love.collage")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page, readers_folder, monkeypatch, capsys):
    monkeypatch.chdir(readers_folder)
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "python":
            exec(compile(text, page.name, "exec"), {"__name__": "example"})
            continue
        for line in text.replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line)
            assert program == "vertumnus", line
            assert run(arguments) == 0, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
