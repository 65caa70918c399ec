"""``vertumnus mosaic --generate`` as a person uses it, with the small model that ships."""

import itertools
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from photographs import drawn
from vertumnus.document.collage import Collage

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")
QUICK = ("--grid", "2x2", "--steps", 2, "--decoder", "linear")


def test_a_whole_session(vertumnus, tmp_path):
    reference = tmp_path / "reference.png"
    drawn(96, 96).save(reference)
    outputs = [tmp_path / f"a{suffix}" for suffix in (".png", ".collage", ".dzi")]
    flags = [part for output in outputs for part in ("-o", output)]
    command = ("mosaic", reference, "--generate", "a cat", "a star", *QUICK, "--seed", 2, *flags)
    code, out, err = vertumnus(*command)
    assert (code, err) == (0, "")
    assert "4 tiles of 128 x 128 pixels" in out
    first = outputs[0].read_bytes()
    with Image.open(outputs[0]) as image:
        assert image.size == (256, 256)
    collage = Collage.load(outputs[1])
    assert {layer.prompt for layer in collage.layers} == {"a cat", "a star"}
    outputs[0].unlink()
    tile = tmp_path / "a.tiles" / "000002.png"
    before = tile.stat().st_mtime_ns
    assert vertumnus(*command)[0] == 0
    assert outputs[0].read_bytes() == first
    assert tile.stat().st_mtime_ns == before  # nothing was drawn twice
    assert vertumnus(*command, "--again", 2)[0] == 0
    with Image.open(outputs[0]) as image:
        now = np.asarray(image, int)
    outputs[0].write_bytes(first)
    with Image.open(outputs[0]) as image:
        changed = np.abs(now - np.asarray(image)).reshape(2, 128, 2, 128, 3).max((1, 3, 4)) > 0
    assert changed.tolist() == [[False, False], [True, False]]


def test_minis_own_adapter_brings_colours_and_its_tiny_decoder_guides(vertumnus, tmp_path):
    """Half red, half blue: with the adapter each tile is nearer to its own half than without."""
    reference = tmp_path / "reference.png"
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :64], picture[:, 64:] = (200, 40, 40), (40, 60, 190)
    Image.fromarray(picture).save(reference)
    errors = []
    for method in ("free", "colour-adapter"):
        out = tmp_path / f"{method}.png"
        flags = ("--method", method, "--steps", 6, "--finish", "none", "--seed", 1, "-o", out)
        assert vertumnus("mosaic", reference, "--generate", "a star", "--grid", "1x2", *flags)[0] == 0
        with Image.open(out) as image:
            drawn_ = np.asarray(image.convert("RGB"), float).reshape(128, 2, 128, 3).mean((0, 2))
        errors.append(np.abs(drawn_ - picture[0, ::64]).mean())
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    """SIGKILL in the middle, after the first tiles: what is missing is drawn as it would have been."""
    drawn(96, 96).save(tmp_path / "reference.png")

    def run(name):
        command = ("mosaic", "reference.png", "--generate", "a cat", "--grid", "2x4", "--steps", "2", "--batch", "2")
        return subprocess.Popen([sys.executable, "-m", "vertumnus", *command, "-o", name], cwd=tmp_path)

    assert run("whole.png").wait() == 0
    running = run("killed.png")
    while running.poll() is None and len(list(tmp_path.glob("killed.tiles/*.png"))) < 2:
        time.sleep(0.02)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("killed.tiles/*.png")}
    assert 0 < len(before) < 8
    assert not (tmp_path / "killed.png").exists()
    assert run("killed.png").wait() == 0
    for file in tmp_path.glob("whole.tiles/*.png"):
        assert (tmp_path / "killed.tiles" / file.name).read_bytes() == file.read_bytes()
    kept = [name for name, at in before.items() if (tmp_path / "killed.tiles" / name).stat().st_mtime_ns == at]
    assert len(kept) >= len(before) - 1  # a batch that was half written is drawn whole again
    assert (tmp_path / "killed.png").read_bytes() == (tmp_path / "whole.png").read_bytes()


def test_the_reference_may_be_drawn_first(vertumnus, tmp_path):
    code, out, _ = vertumnus(
        "mosaic", "--reference-prompt", "a red heart", "--generate", "a cat", *QUICK, "-o", tmp_path / "a.jpg"
    )
    assert code == 0
    assert "256 x 256 pixels" in out


@pytest.mark.slow
def test_a_mosaic_is_made_again_from_its_document(vertumnus, tmp_path):
    """Of a photograph, with a tile made anew and a photograph in one cell; and of a reference that was drawn."""
    left = drawn(64, 64)
    (tmp_path / "photos").mkdir()
    left.save(tmp_path / "photos" / "left.png")
    Image.new("RGB", (64, 64), "lime").save(tmp_path / "photos" / "lime.png")
    reference = Image.new("RGB", (128, 128))
    for turn, place in enumerate(((0, 0), (64, 0), (0, 64), (64, 64))):
        reference.paste(left.rotate(90 * turn), place)
    reference.save(tmp_path / "reference.jpg", quality=95)
    made = tmp_path / "a.collage"
    command = (
        "mosaic", tmp_path / "reference.jpg", "--generate", "a cat", "a star", "--tiles", tmp_path / "photos",
        "--grid", "2x2", "--steps", 1, "--method", "adain", "--batch", 2, "--seed", 3, "--again", 3, "-o", made,
    )  # fmt: skip
    code, _, err = vertumnus(*command)
    assert (code, err) == (0, "")
    (tmp_path / "photos" / "left.png").unlink()
    (tmp_path / "reference.jpg").unlink()
    code, out, err = vertumnus("again", made, "-o", tmp_path / "b.collage")
    assert (code, err) == (0, "")
    assert "4 layers, the same as before" in out
    assert (tmp_path / "b.collage").read_bytes() == made.read_bytes()
    assert [layer.name for layer in Collage.load(made).layers].count("left") == 1

    drawn(64, 64).save(tmp_path / "photos" / "left.png")
    reference.save(tmp_path / "reference.jpg", quality=95)
    structured = tmp_path / "s.collage"
    command = (
        "mosaic", tmp_path / "reference.jpg", "--generate", "a cat", "--grid", "1x2", "--steps", 4,
        "--method", "free", "--tiles", tmp_path / "photos", "--real", 0, "--guidance-scale", 1, "--finish", "none",
    )  # fmt: skip
    assert vertumnus(*command, "--structure", 0.25, "-o", structured)[0] == 0
    shutil.rmtree(tmp_path / "photos")
    code, out, _ = vertumnus("again", structured)
    assert (code, "2 layers, the same as before" in out) == (0, True)

    drawn_for = tmp_path / "c.collage"
    command = ("mosaic", "--reference-prompt", "a red heart", "--generate", "a cat", "--grid", "1x2", "--steps", 1)
    assert vertumnus(*command, "--method", "free", "-o", drawn_for)[0] == 0
    code, out, _ = vertumnus("again", drawn_for)
    assert (code, "2 layers, the same as before" in out) == (0, True)


@pytest.mark.slow
def test_photographs_take_the_cells_they_match(vertumnus, tmp_path):
    """Half of the reference is a picture that lies among the photographs; only the other half is drawn."""
    left, right = drawn(64, 64), drawn(64, 64).rotate(90)
    (tmp_path / "photos").mkdir()
    left.save(tmp_path / "photos" / "left.png")
    Image.new("RGB", (64, 64), "lime").save(tmp_path / "photos" / "lime.png")
    reference = Image.new("RGB", (128, 64))
    reference.paste(left, (0, 0))
    reference.paste(right, (64, 0))
    reference.save(tmp_path / "reference.png")
    code, out, err = vertumnus(
        "mosaic", tmp_path / "reference.png", "--generate", "a cat", "--tiles", tmp_path / "photos", "--grid", "1x2",
        "--steps", 1, "--method", "free", "-o", tmp_path / "a.collage",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "1 of 2 cells show photographs" in out
    collage = Collage.load(tmp_path / "a.collage")
    assert [layer.name for layer in collage.layers] == ["left", "a cat"]
    shown = np.asarray(collage.render().convert("RGB").resize((128, 64), Image.Resampling.BOX), int)[:, :64]
    assert np.abs(shown - np.asarray(left)).mean() < 6
    assert sorted(path.name for path in (tmp_path / "a.tiles").glob("*.png")) == ["000001.png"]


@pytest.mark.slow
def test_a_film_of_tiles(vertumnus, tmp_path):
    """Of four frames the third differs in one cell; what is drawn stays for the next run."""
    (tmp_path / "frames").mkdir()
    for number in range(4):
        frame = drawn(96, 96)
        if number > 1:
            frame.paste("white", (48, 48, 72, 96))
            frame.paste("black", (72, 48, 96, 96))
        frame.save(tmp_path / "frames" / f"{number}.png")
    command = ("mosaic", tmp_path / "frames", "--generate", "a cat", *QUICK, "--coherence", 0.2)
    code, out, err = vertumnus(*command, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "4 frames" in out
    assert 4 < len(list((tmp_path / "out.tiles").glob("*.png"))) < 13
    shown = [np.asarray(Image.open(file), int) for file in sorted((tmp_path / "out").glob("*.png"))]
    assert [picture.shape for picture in shown] == [(256, 256, 3)] * 4
    changed = [np.abs(b - a).reshape(2, 128, 2, 128, 3).max((1, 3, 4)) > 1 for a, b in itertools.pairwise(shown)]
    assert not changed[0].any()
    assert changed[1].tolist() == [[False, False], [False, True]]
    for more, words in (
        (["-o", tmp_path / "a.mp4", "-o", tmp_path / "b.mp4"], "one output"),
        (["--again", 1, "-o", tmp_path / "a.mp4"], "--again: is for still pictures"),
        (["--ray", "local", "-o", tmp_path / "a.mp4"], "--ray"),
        (["-o", tmp_path / "a.png"], "one output"),
        (["--method", "tone", "-o", tmp_path / "a.mp4"], "--method: tone draws no tile for its cell"),
    ):
        code, _, err = vertumnus(*command, *more)
        assert (code, err.count("\n")) == (2, 1)
        assert words in err


@pytest.mark.parametrize(("arguments", "words"), [
    (["{ref}", "--generate", "a spoon"], "names nothing that mini knows"),
    (["{ref}", "--generate", ""], "it is empty"),
    (["{ref}", "--generate", "a cat", "--grid", "200x200"], "smaller than the grid of 200 x 200"),
    (["{ref}", "--generate", "a cat", "--assignment", "{ref}"], "--generate: draws its own tiles"),
    (["{ref}", "--generate", "a cat", "--tiles", "{full}"], "no picture in it can be read"),
    (["{ref}", "--generate", "a cat", "--structure", "0.5"], "--structure: is that of photographs"),
    (["{ref}", "--generate", "a cat", "--shares", "1", "2"], "--shares: 2 for 1 prompts"),
    (["{ref}", "--generate", "a cat", "--real", "0.5"], "--real: is a number from 0 to 1, for photographs"),
    (["{ref}", "--generate", "a cat", "--unique"], "--unique: is for tiles that are matched"),
    (["{ref}", "--generate", "a cat", "--model", "nowhere"], "nowhere: there is no such folder"),
    (["{ref}", "--generate", "a cat", "--decoder", "best"], "--decoder: best is neither full nor linear"),
    (["{ref}", "--generate", "a cat", "--method", "magic"], "--method"),
    (["{ref}", "--generate", "a cat", "--guidance-weight", "-1"], "--guidance-weight"),
    (["{ref}", "--generate", "a cat", "--tile-size", "100"], "--tile-size: a width of 100 is no multiple of 32"),
    (["{ref}", "--generate", "a cat", "--method", "colour-adapter", "--adapter", "no"], "no: there is no such"),
    (["{ref}", "--generate", "a cat", "--region", "blau=a dog"], "--region: 'blau' is not a colour"),
    (["{ref}", "--generate", "a cat", "--region", "red=a dog"], "--region: needs a region map"),
    (["{ref}", "--generate", "a cat", "--coherence", "0.5"], "--coherence: is for videos"),
    (["{ref}", "--generate", "a cat", "--again", "99"], "--again: there is no cell 99"),
    (["{ref}", "--generate", "a cat", "--folder", "{full}"], "full: is there and holds no tiles"),
    (["{ref}", "--method", "guided"], "--generate: say what the tiles are to show"),
    (["--generate", "a cat"], "name a picture to rebuild"),
    (["{here}/no.png", "--generate", "a cat"], "no.png: cannot be read"),
    (["{ref}", "--prompts", "{here}/no.txt"], "no.txt: cannot be read"),
])  # fmt: skip
def test_bad_input_is_one_sentence_and_code_two(vertumnus, reference, tmp_path, arguments, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    places = {"ref": reference, "here": tmp_path, "full": tmp_path / "full"}
    grid = () if "--grid" in arguments else ("--grid", "1x1")
    told = [argument.format(**places) for argument in arguments]
    code, out, err = vertumnus("mosaic", *told, *grid, "--steps", 1, "-o", tmp_path / "out.png")
    assert code == 2
    assert words in err
    assert err.startswith("vertumnus: ")
    assert (out, err.count("\n")) == ("", 1)
    assert not (tmp_path / "out.png").exists()
