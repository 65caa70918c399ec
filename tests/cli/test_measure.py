"""``vertumnus measure`` with a prompt: what can be computed is printed, and the rest says what it lacks."""

import json
import sys

import numpy as np
import pytest

from drawn import blob
from harmonizing.scenes import rough
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.rounds import with_result

NUMBERS = ["overlap", "area_cv", "layers", "unplaced", "clip_rgb", "clip_contour", "aesthetic", "vlm", "missing"]


class Clip:
    """Every picture and text alike, but for how bright a picture is."""

    def image_features(self, images):
        bright = [np.asarray(image, np.float64).mean() / 255 for image in images]
        return np.array([[1, value, *[0] * 766] for value in bright])

    def text_features(self, texts):
        return np.eye(1, 768)


@pytest.fixture
def collage(tmp_path):
    made = Collage(width=120, height=60)
    name = made.pictures.add_pixels(blob(1))
    made.layers.append(Layer(name="a", image=name, x=60, y=30, scale=1))
    made.save(tmp_path / "a.collage")
    return tmp_path / "a.collage"


@pytest.fixture
def clip(monkeypatch):
    monkeypatch.setattr("vertumnus.cli.measure.load_clip", lambda spec, dtype: Clip())


@pytest.fixture
def head(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.eye(1, 768, 1), "bias": np.array([4.0])}, tmp_path / "head.safetensors")
    return tmp_path / "head.safetensors"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_without_weights_the_rest_is_printed(vertumnus, collage):
    code, out, err = vertumnus("measure", collage, "--prompt", "a blob", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == NUMBERS
    assert (found["overlap"], found["layers"]) == (0, 1)
    assert [found[name] for name in ("clip_rgb", "clip_contour", "aesthetic", "vlm")] == [None] * 4
    assert "--clip" in found["missing"]["clip_rgb"]
    assert "--aesthetic" in found["missing"]["aesthetic"]
    assert "--vlm" in found["missing"]["vlm"]
    code, out, _ = vertumnus("measure", collage, "--prompt", "a blob")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert list(lines) == NUMBERS[:-1]
    assert "needs a CLIP model" in lines["clip_rgb"]
    assert "as clip_rgb" in lines["clip_contour"]
    assert "needs LAION's predictor" in lines["aesthetic"]


def test_with_a_shape_both_are_printed(vertumnus, collage):
    found = json.loads(vertumnus("measure", collage, "--shape", "canvas", "--prompt", "a blob", "--json")[1])
    assert list(found) == ["coverage", "overlap", "spill", *NUMBERS[1:]]


def test_with_weights(vertumnus, collage, clip, head):
    arguments = ("measure", collage, "--prompt", "a blob", "--clip", "x", "--aesthetic", head)
    found = json.loads(vertumnus(*arguments, "--json")[1])
    assert list(found["missing"]) == ["vlm"]
    # The contours are black lines on white, so brighter than the picture.
    assert 0 < found["clip_contour"] < found["clip_rgb"] < 100
    bright = np.tan(np.arccos(found["clip_rgb"] / 100))
    assert found["aesthetic"] == pytest.approx(4 + bright / np.hypot(1, bright), abs=1e-5)
    _, out, _ = vertumnus(*arguments)
    assert f"clip_rgb     {found['clip_rgb']:8.4f}" in out


def test_a_clip_that_is_not_there_leaves_a_line(vertumnus, collage, head, monkeypatch):
    def fail(spec, dtype):
        raise VertumnusError(f"{spec}: is not on this machine; fetch it so")

    monkeypatch.setattr("vertumnus.cli.measure.load_clip", fail)
    code, out, err = vertumnus("measure", collage, "--prompt", "x", "--clip", "far/away", "--aesthetic", head)
    assert (code, err) == (0, "")
    assert out.count("far/away: is not on this machine; fetch it so") == 1
    assert out.count("as clip_rgb") == 2
    assert "overlap" in out


def test_an_opaque_collage_has_no_contour_and_the_rest_is_printed(vertumnus, tmp_path, clip):
    made = Collage(width=50, height=50)
    name = made.pictures.add_pixels(np.full((80, 80, 4), 255, np.uint8))
    made.layers.append(Layer(name="a", image=name, x=25, y=25, scale=1))
    made.save(tmp_path / "b.collage")
    found = json.loads(vertumnus("measure", tmp_path / "b.collage", "--prompt", "x", "--clip", "x", "--json")[1])
    assert found["clip_rgb"] > 0
    assert found["clip_contour"] is None
    assert "opaque everywhere" in found["missing"]["clip_contour"]


def test_the_collage_s_background_is_what_clip_sees(vertumnus, collage, clip):
    made = Collage.load(collage)
    made.background = "black"
    made.save(collage.with_name("dark.collage"))
    found = [
        json.loads(vertumnus("measure", path, "--prompt", "x", "--clip", "x", "--json")[1])
        for path in (collage, collage.with_name("dark.collage"))
    ]
    assert found[0]["clip_rgb"] < found[1]["clip_rgb"]  # brighter is farther
    assert found[0]["clip_contour"] == found[1]["clip_contour"]


def test_ratings(vertumnus, collage, monkeypatch):
    from vertumnus.metrics.vision_language import Ratings

    asked = []

    def rate(picture, prompt, endpoint, sleep, ground):
        asked.append((prompt, endpoint.url, endpoint.model))
        if len(asked) == 3:
            raise VertumnusError("http://localhost/v1: nobody there")
        return Ratings(8, 7, 9.5)

    monkeypatch.setattr("vertumnus.metrics.vision_language.vlm_score", rate)
    arguments = ("measure", collage, "--prompt", "a blob", "--vlm", "http://localhost/v1", "--vlm-model", "seer")
    found = json.loads(vertumnus(*arguments, "--json")[1])["vlm"]
    assert found == {"contour_expression": 8, "layout_rationality": 7, "aesthetic_quality": 9.5, "mean": 8.166667}
    assert asked == [("a blob", "http://localhost/v1", "seer")]
    assert "8.2  of 10: contour expression 8, layout rationality 7, aesthetic quality 9.5" in vertumnus(*arguments)[1]
    code, out, _ = vertumnus(*arguments)
    assert code == 0
    assert "http://localhost/v1: nobody there" in out


def test_the_collage_s_own_prompt(vertumnus, collage):
    made = Collage.load(collage)
    made.prompt = "a blob"
    made.save(collage)
    assert list(json.loads(vertumnus("measure", collage, "--json")[1])) == NUMBERS
    assert "clip_rgb" not in vertumnus("measure", collage, "--shape", "canvas")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--prompt: say what the collage is to show"),
        (["--clip", "mini"], "--prompt: say what"),
        (["--prompt", " "], "--prompt: it is empty"),
        (["--prompt", "x", "--invert"], "--shape: --block, --invert and --font go with it"),
        (["--prompt", "x", "--aesthetic", "{here}/no.safetensors"], "no.safetensors: there is no such file"),
        (["--prompt", "x", "--aesthetic", "{here}/a.collage"], "a.collage: is not a safetensors file"),
        (["--prompt", "x", "--vlm", "nowhere", "--vlm-model", "m"], "--vlm: 'nowhere' is not a web address"),
        (["--prompt", "x", "--vlm", "http://localhost"], "--vlm-model: name the model"),
        (["--prompt", "x", "--vlm-model", "m"], "--vlm: name an endpoint"),
    ],
)
def test_bad_input_is_one_sentence_and_code_two(vertumnus, collage, arguments, words):
    code, out, err = vertumnus("measure", collage, *[part.format(here=collage.parent) for part in arguments])
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_no_model_is_loaded_where_none_is_asked_for(vertumnus, collage, monkeypatch):
    monkeypatch.setitem(sys.modules, "vertumnus.models", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert vertumnus("measure", collage, "--prompt", "x")[0] == 0


def test_layers_are_measured_one_by_one(vertumnus, tmp_path, monkeypatch):
    class MeanColour:
        def image_features(self, images):
            return np.stack([np.asarray(image, np.float64).mean((0, 1)) - 128 for image in images])

        def text_features(self, texts):
            return np.array([{"table": (-1, 1, -1), "ball": (1, -1, -1), "cup": (-1, -1, 1)}[one] for one in texts])

    monkeypatch.setattr("vertumnus.cli.measure.load_clip", lambda spec, dtype: MeanColour())
    rough().save(tmp_path / "c.collage")
    code, out, err = vertumnus("measure", tmp_path / "c.collage", "--layers", "--clip", "x", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [one["text"] for one in found["layers"]] == ["table", "ball", "cup"]
    assert all(one["text_image"] > 70 and one["image_image"] is None for one in found["layers"])
    done = with_result(rough(), np.full((64, 64, 3), (220, 30, 30), np.uint8))
    done.save(tmp_path / "d.collage")
    code, out, _ = vertumnus("measure", tmp_path / "d.collage", "--layers", "--clip", "x", "--json")
    table, ball, cup = json.loads(out)["layers"]
    assert ball["image_image"] > 99
    assert max(table["image_image"], cup["image_image"], cup["text_image"]) < 30
    code, out, _ = vertumnus("measure", tmp_path / "d.collage", "--layers", "--clip", "x")
    assert "mean" in out
    code, _, err = vertumnus("measure", tmp_path / "d.collage", "--layers")
    assert (code, "--clip" in err) == (2, True)


def test_classifiers_say_what_they_see(vertumnus, collage):
    pytest.importorskip("efficientnet_lite_pytorch")
    code, out, err = vertumnus("measure", collage, "--prompt", "a balloon", "--classifier", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    for name in ("lite2", "lite0"):
        assert 1 <= found[name]["place"] <= 1000
        assert found[name]["taken_for"].count(",") == 2
    code, out, _ = vertumnus("measure", collage, "--prompt", "qwerty", "--classifier")
    assert code == 0
    assert "lite2               -  prompt: 'qwerty' names nothing that the classifier knows" in out
