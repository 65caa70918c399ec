"""CLIP as guidance: cosines with prompts and against negative ones, parts of the canvas, its gradient."""

import numpy as np
import pytest
import torch

from tiny import clip as tiny_clip
from vertumnus.errors import VertumnusError
from vertumnus.guidance.clip import ClipSource, parts_of
from vertumnus.guidance.options import ClipOptions
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.registry import open_named
from vertumnus.models.checkpoint import find
from vertumnus.models.clip import Clip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny_clip(tmp_path_factory.mktemp("clip"))
    return Clip.load(find(folder))


def request(prompt="a cab", seed=0, shape=(24, 24)):
    return Request(prompt, shape, np.random.default_rng(seed), (1.0, 0.8, 0.4))


def canvas(shape=(24, 24)):
    found = np.random.default_rng(5).uniform(0, 1, (1, *shape, 5)).astype(np.float32)
    found[..., :3] *= found[..., 3:4]
    return found


def over(given):
    ground = np.array((1.0, 0.8, 0.4), np.float32)
    picture = given[0, ..., :3] + (1 - given[0, ..., 3:4]) * ground
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def test_value_is_minus_the_weighted_cosines(model):
    options = ClipOptions(model="tiny", looks=0, negative="bad", negative_weight=0.25, template="{} hid")
    guidance = ClipSource(options, model=model).guidance(request())
    value, gradient = guidance(canvas(), 0.0)
    picture = torch.nn.functional.interpolate(
        over(canvas()), (model.resolution,) * 2, mode="bilinear", antialias=True, align_corners=False
    )
    with torch.no_grad():
        point = model.embed_image(picture)[0].double()
        words = model.embed_text(["a cab hid", "bad"]).double()
    assert value[0] == pytest.approx(float(-(point @ words[0]) + 0.25 * (point @ words[1])), abs=1e-5)
    way = np.random.default_rng(1).standard_normal(canvas().shape).astype(np.float32)
    way[..., 4] = 0
    ahead, behind = (guidance(canvas() + np.float32(s * 1e-2) * way, 0.0)[0][0] for s in (1, -1))
    assert float((gradient * way).sum()) == pytest.approx((ahead - behind) / 2e-2, rel=3e-2, abs=1e-4)


def test_nine_windows_and_the_whole_weigh_a_fifth_and_nine_fifths_of_ten():
    prompts = ("a|b|c", "d|e|f", "g|h|i")
    parts = parts_of(ClipOptions(windows=prompts), "z")
    assert [part.prompt for part in parts] == list("abcdefghiz")
    # CLIP-CLOP divides by the ten pictures that are looked at: 9/5 + 9/5 of them; here weights add up to 1.
    local, whole = parts[0].weight, parts[-1].weight
    assert whole / local == pytest.approx(9)
    assert sum(part.weight for part in parts) == pytest.approx(1)
    # Windows of half the canvas, one every quarter.
    assert [part.box for part in parts[:4]] == [
        (0.0, 0.0, 0.5, 0.5), (0.25, 0.0, 0.75, 0.5), (0.5, 0.0, 1.0, 0.5), (0.0, 0.25, 0.5, 0.75)
    ]  # fmt: skip
    free = parts_of(ClipOptions(windows=("a|",)), "z")
    assert [part.prompt for part in free] == ["a", "z"]


def test_a_box_is_looked_at_alone(model):
    options = ClipOptions(model="tiny", looks=0, boxes=("0.5,0,1,0.5:bad",))
    guidance = ClipSource(options, model=model).guidance(request())
    guidance.parts, guidance.texts = guidance.parts[:1], guidance.texts[:1]
    gradient = guidance(canvas(), 0.0)[1][0]
    assert not gradient[:, :12].any()
    assert not gradient[12:].any()
    assert gradient[:12, 12:, :4].any()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"windows": ("a|b", "c")}, "windows: every row must have as many prompts"),
        ({"boxes": ("0,0,1:a",)}, "boxes: '0,0,1:a' is no LEFT,TOP,RIGHT,BOTTOM:PROMPT"),
        ({"boxes": ("0,0,2,1:a",)}, "boxes: "),
        ({"boxes": ("0,0,.5,.5:a", "0,0,.5,.4:b")}, "overlap by more than half of the smaller one"),
    ],
)
def test_parts_that_cannot_be(fields, words):
    with pytest.raises(VertumnusError, match=words):
        parts_of(ClipOptions(**fields), "z")


def test_options_that_cannot_be():
    for fields in ({"template": "a photo"}, {"crop": (0.9, 0.7)}, {"looks": 1000}):
        with pytest.raises(VertumnusError, match="guidance clip: "):
            open_named("clip:mini", **fields)
    with pytest.raises(VertumnusError, match="zzz"):
        open_named("clip:mini").guidance(request("a zzz"))
