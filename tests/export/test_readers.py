"""What is exported, drawn by other programs, is the picture we draw; a test is skipped without its program.

Krita is run under xvfb, for it wants a screen.
"""

import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from drawn import blob
from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.element import make_element
from vertumnus.elements.icons import icon_element
from vertumnus.export.edited import open_edited
from vertumnus.export.openraster import save_openraster
from vertumnus.export.pdf import save_pdf
from vertumnus.export.psd import save_psd
from vertumnus.export.svg import save_svg
from vertumnus.packing.pack import pack

pytestmark = pytest.mark.slow
SIZE = 300
CLOSE = 2.0  # of 255, in the mean
BADGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 60"><style>.s{stroke:#024;stroke-width:3}</style>
<defs><radialGradient id="a"><stop stop-color="gold"/><stop offset="1" stop-color="tomato"/></radialGradient>
<clipPath id="c"><rect x="5" y="5" width="90" height="50"/></clipPath></defs>
<g clip-path="url(#c)"><ellipse class="s" cx="50" cy="30" rx="45" ry="25" fill="url(#a)"/></g></svg>"""


@pytest.fixture(scope="module")
def collage(tmp_path_factory):
    """Twelve layers: photographs, drawings and icons, turned, flipped, faint, squeezed, sheared, tinted."""
    made = Collage(width=SIZE, height=SIZE, background="#fdf6e3", prompt="a bowl")
    smooth = Image.fromarray(blob(3, 60, 60)[..., :3]).resize((200, 160), Image.Resampling.BICUBIC)
    photo = tmp_path_factory.mktemp("photo") / "photo.jpg"
    smooth.save(photo, quality=95)
    elements = [
        make_element(photo.read_bytes(), None, "photo.jpg", "photo"),
        make_element(BADGE.encode(), None, "badge.svg", "badge"),
        icon_element("cat", "#246"),
    ]
    looks = [{}, {"flip": True}, {"opacity": 0.5}, {"squeeze": 0.7}, {"shear": 20.0}, {"gain": (0.6, 1.0, 0.5)}]
    for n in range(12):
        element = elements[n % 3]
        element.give_to(made.pictures)
        made.layers.append(
            Layer(
                name=f"{element.name} {n}", image=element.image, x=40.0 + 72 * (n % 4), y=50.0 + 95 * (n // 4),
                scale=70 / element.width, rotation=25.0 * n, prompt=f"thing {n}", noise=0.3, **looks[n // 2],
            )
        )  # fmt: skip
    made.name_layers()
    return made


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def run(*command):
    environment = os.environ | {"HOME": os.environ.get("TMPDIR", "/tmp")}
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=240, env=environment)


def away(picture, collage):
    """The mean difference from our drawing, of 255."""
    theirs = Image.open(picture).convert("RGB")
    if theirs.size != (2 * SIZE, 2 * SIZE):
        theirs = theirs.resize((2 * SIZE, 2 * SIZE), Image.Resampling.BOX)
    ours = np.asarray(collage.render(2).convert("RGB"), int)
    found = np.abs(np.asarray(theirs, int) - ours).mean()
    print(f"{picture.name}: {found:.2f}")
    return found


def test_inkscape_draws_the_svg(collage, tmp_path):
    need("inkscape")
    save_svg(collage, tmp_path / "a.svg")
    run(
        "inkscape", tmp_path / "a.svg", "--export-type=png", f"--export-filename={tmp_path / 'a.png'}", "-w", 2 * SIZE
    )
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_chromium_draws_the_svg(collage, tmp_path):
    need("chromium")
    save_svg(collage, tmp_path / "a.svg")
    run(
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={tmp_path / 'a.png'}",
        f"--window-size={SIZE},{SIZE}", "--force-device-scale-factor=2", "--hide-scrollbars", f"file://{tmp_path}/a.svg",
    )  # fmt: skip
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_poppler_draws_the_pdf(collage, tmp_path):
    need("pdftoppm")
    save_pdf(collage, tmp_path / "a.pdf")
    run("pdftoppm", "-r", "768", "-singlefile", "-png", tmp_path / "a.pdf", tmp_path / "a")
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_popplers_other_drawing_of_the_pdf(collage, tmp_path):
    need("pdftocairo")
    save_pdf(collage, tmp_path / "a.pdf")
    run("pdftocairo", "-r", "192", "-singlefile", "-png", tmp_path / "a.pdf", tmp_path / "a")
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_imagemagick_lays_the_psd(collage, tmp_path):
    need("identify")
    save_psd(collage, tmp_path / "a.psd", 2.0)
    run("convert", tmp_path / "a.psd[1--1]", "-background", "white", "-layers", "flatten", tmp_path / "a.png")
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_gimp_lays_the_psd(collage, tmp_path):
    need("gimp-console")
    save_psd(collage, tmp_path / "a.psd", 2.0)
    script = (
        f'(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{tmp_path}/a.psd" "a")))'
        " (layer (car (gimp-image-merge-visible-layers image CLIP-TO-IMAGE))))"
        f' (file-png-save RUN-NONINTERACTIVE image layer "{tmp_path}/a.png" "a" 0 6 0 0 0 0 0))'
    )
    run("gimp-console", "-i", "-b", script, "-b", "(gimp-quit 0)")
    assert away(tmp_path / "a.png", collage) < CLOSE


@pytest.mark.parametrize(("suffix", "save"), [(".ora", save_openraster), (".psd", save_psd)])
def test_krita_lays_the_layers(collage, tmp_path, suffix, save):
    need("krita")
    need("xvfb-run")
    save(collage, tmp_path / f"a{suffix}", 2.0)
    run("xvfb-run", "-a", "krita", tmp_path / f"a{suffix}", "--export", "--export-filename", tmp_path / "a.png")
    assert away(tmp_path / "a.png", collage) < CLOSE


def test_three_layers_moved_in_inkscape_come_back_and_packing_goes_on_around_them(collage, tmp_path):
    need("inkscape")
    save_svg(collage, tmp_path / "a.svg")
    actions = [
        "select-by-id:layer1;transform-translate:14,-9;select-clear",
        "select-by-id:layer6;transform-rotate:35;select-clear",
        "select-by-id:layer9;transform-scale:12;select-clear",
        f"export-filename:{tmp_path / 'b.svg'};export-plain-svg:false;export-do",
    ]
    run("inkscape", tmp_path / "a.svg", f"--actions={';'.join(actions)}")
    opened = open_edited(tmp_path / "b.svg", collage)
    assert opened.lost == []
    assert opened.moved == ["k2", "k7", "k10"]
    for before, after in zip(collage.layers, opened.collage.layers, strict=True):
        for field in ("id", "name", "prompt", "noise", "image", "gain", "opacity"):
            assert getattr(before, field) == getattr(after, field)
        assert (opened.collage.pictures.drawing_name(after.image)) == collage.pictures.drawing_name(before.image)
    assert opened.collage.layers[1].x == pytest.approx(collage.layers[1].x + 14, abs=0.01)
    run(
        "inkscape", tmp_path / "b.svg", "--export-type=png", f"--export-filename={tmp_path / 'b.png'}", "-w", 2 * SIZE
    )
    assert away(tmp_path / "b.png", opened.collage) < CLOSE
    for identity in opened.moved:
        opened.collage.layer(identity).locked = True
    packed = pack([], "canvas", start=opened.collage, quality="fast", overlap="allow")
    for identity in opened.moved:
        assert packed.layer(identity).placement == opened.collage.layer(identity).placement
    assert sum(layer.placement != opened.collage.layer(layer.id).placement for layer in packed.layers) == 9
