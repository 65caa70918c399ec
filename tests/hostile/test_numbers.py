"""Numbers have bounds, once: however one comes, beyond them it is one sentence that names file and field."""

import json

import numpy as np
import pytest

import vertumnus as vt
from drawn import blob, png
from vertumnus.document.collage import MadeBy
from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError
from vertumnus.live.commands import Move, Scale
from vertumnus.optimise.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A picture, and a collage of it as JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png(blob(1, 20, 24)))
    collage = vt.Collage(width=40, height=40)
    name = collage.pictures.add((tmp_path / "a.png").read_bytes())
    collage.layers.append(vt.Layer(name="a", image=name, x=20, y=20, scale=1.0))
    collage.made_by = MadeBy(tool="pack", options={})
    collage.save(tmp_path / "c.json")
    return tmp_path


OPTIONS = [
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--gap", "1e5"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--gap", "nan"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--starts", "0"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--seed", "-1"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--max-side", "0"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--size", "1000000"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--scale", "1e9"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--loss.overlap", "1e300 1e300"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json", "--sizes", "fixed"], "--element-size", "1e-300"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--gravity", "1e300,0"),
    (["pack", "a.png", "--shape", "heart", "-o", "o.json"], "--rotation", "1e308"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--gap", "1e5"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--size", "1000000"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--seed", "-1"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--max-side", "0"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--step", "1e300 1e300"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--kernel-sigma", "1e5"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--loss.render", "1e300"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--rotation", "1e300"),
    (["compose", "a.png", "--prompt", "a bird", "-o", "o.json"], "--iterations", "99999999999"),
    (["mosaic", "a.png", "--tiles", "a.png", "-o", "o.png"], "--seed", "-1"),
    (["mosaic", "a.png", "--tiles", "a.png", "-o", "o.png"], "--min-distance", "1e300"),
    (["mosaic", "a.png", "--tiles", "a.png", "-o", "o.png"], "--colour", "1e300"),
    (["mosaic", "a.png", "--tiles", "a.png", "-o", "o.png"], "--count", "1000000000000"),
    (["shape", "heart", "-o", "o.png"], "--size", "1000000"),
    (["render", "c.json", "-o", "o.png"], "--scale", "1e9"),
    (["blend", "c.json", "-o", "o.png"], "--scale", "nan"),
]


@pytest.mark.parametrize(("command", "option", "value"), OPTIONS)
def test_options(folder, vertumnus, command, option, value):
    before = sorted(folder.iterdir())
    code, _, err = vertumnus(*command, option, *value.split())
    assert code == 2
    assert option in err
    assert len(err.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


LAYER = [
    ("scale", 1e39), ("scale", 1e-39), ("scale", 0), ("rotation", 1e308), ("x", 1e20), ("y", -1e20),
    ("x", float("nan")),
    ("squeeze", 1e9), ("shear", 90), ("gain", [1e9, 1, 1]), ("opacity", 2), ("crop", [0, 0, 2**70, 1]),
    ("name", "\ud800"),
]  # fmt: skip
DOCUMENT = [
    ("width", True), ("width", 10**400), ("height", 0), ("prompt", "\ud800"), ("background", "\ud800"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), LAYER)
@pytest.mark.parametrize("verb", ["info", "render", "measure"])
def test_layers(folder, vertumnus, verb, field, value):
    tree = json.loads((folder / "c.json").read_text())
    tree["layers"][0][field] = value
    (folder / "wrong.json").write_text(json.dumps(tree))
    more = {"info": [], "render": ["-o", "o.png"], "measure": ["--shape", "heart"]}[verb]
    code, _, err = vertumnus(verb, "wrong.json", *more)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "wrong.json" in err
    if value == value:  # JSON has no NaN, so that is no field yet
        assert f"layers[0].{field}" in err


@pytest.mark.parametrize(("field", "value"), DOCUMENT)
def test_documents(folder, vertumnus, field, value):
    tree = json.loads((folder / "c.json").read_text())
    text = json.dumps(tree | {field: 12345678}).replace("12345678", "@")
    (folder / "wrong.json").write_text(text.replace("@", "1" + "0" * 400 if value == 10**400 else json.dumps(value)))
    code, _, err = vertumnus("info", "wrong.json")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "wrong.json" in err
    assert field in err


@pytest.mark.parametrize("verb", ["info", "again", "render"])
def test_options_nested_deep(folder, vertumnus, verb):
    tree = json.loads((folder / "c.json").read_text())
    tree["made_by"]["options"] = {"gap": json.loads("[" * 900 + "1" + "]" * 900)}
    (folder / "wrong.json").write_text(json.dumps(tree))
    code, _, err = vertumnus(verb, "wrong.json", *(["-o", "o.json"] if verb == "render" else []))
    assert code == 2
    assert "wrong.json" in err
    assert "made_by.options" in err


def test_measure_of_the_largest_canvas(folder, vertumnus):
    """It would be drawn at twice its size, four times as many pixels."""
    tree = json.loads((folder / "c.json").read_text()) | {"width": 1_000_000, "height": 1_000_000}
    (folder / "wrong.json").write_text(json.dumps(tree))
    code, _, err = vertumnus("measure", "wrong.json", "--shape", "heart")
    assert code == 2
    assert "wrong.json" in err


@pytest.mark.parametrize("weight", ["1e100", "1e-300", "nan", "inf", "-1", "0"])
def test_weights(folder, vertumnus, weight):
    (folder / "w.csv").write_text(f"name,weight\na,{weight}\n")
    code, _, err = vertumnus("pack", "a.png", "--shape", "heart", "--weights", "w.csv", "-o", "o.json")
    assert code == 2
    assert "w.csv: line 2: weight" in err


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("field", ["placements.pose", "adam.pose.mean", "adam.pose.square"])
def test_checkpoints(folder, number, field):
    live = vt.live_pack(["a.png"], "heart", size=40, count=3, quality="fast")
    for step in live:
        if step.step == 5:
            break
    state = live.state()
    wrong = state[field].copy()
    wrong.flat[0] = number
    save_checkpoint(folder / "wrong.npz", live.spec.identity(), state | {field: wrong})
    again = vt.live_pack(["a.png"], "heart", size=40, count=3, quality="fast")
    with pytest.raises(VertumnusError, match=r"wrong\.npz"):
        again.restore(load_checkpoint(folder / "wrong.npz", again.spec.identity()))
    save_checkpoint(folder / "right.npz", live.spec.identity(), state)
    again.restore(load_checkpoint(folder / "right.npz", again.spec.identity()))
    assert again.step == 5


@pytest.mark.parametrize("weight", [0.0, -1, 1e9, True, None, "1"])
def test_weights_of_checkpoints(folder, weight):
    live = vt.live_pack(["a.png"], "heart", size=40, count=3, quality="fast")
    next(iter(live))
    state = live.state()
    state["pieces"] = [dict(piece, weight=weight) for piece in state["pieces"]]
    save_checkpoint(folder / "wrong.npz", live.spec.identity(), state)
    again = vt.live_pack(["a.png"], "heart", size=40, count=3, quality="fast")
    with pytest.raises(VertumnusError, match=r"wrong\.npz: pieces: weight"):
        again.restore(load_checkpoint(folder / "wrong.npz", again.spec.identity()))


def test_a_checkpoint_that_promises_more_than_it_holds(folder):
    save_checkpoint(folder / "a.npz", {}, {"x": np.zeros(4)})
    data = (folder / "a.npz").read_bytes().replace(b"'shape': (4,), }      ", b"'shape': (400000000,), }"[:22])
    (folder / "wrong.npz").write_bytes(data.replace(b"(4,)", b"(9,)"))
    with pytest.raises(VertumnusError, match=r"wrong\.npz"):
        load_checkpoint(folder / "wrong.npz", {})


@pytest.mark.parametrize("field", ["x", "y", "scale", "rotation", "squeeze", "shear"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300])
def test_python(field, number):
    good = {"x": 0.0, "y": 0.0, "scale": 1.0}
    with pytest.raises(VertumnusError, match=field):
        Placement(**good | {field: number})
    with pytest.raises(VertumnusError, match=field):
        vt.Layer(name="a", image="elements/0000.png", **good | {field: number})


@pytest.mark.parametrize("number", [float("nan"), 1e300, "1e300", True, None])
def test_commands(number):
    with pytest.raises(VertumnusError, match="scale"):
        Scale(piece=0, scale=number)
    if number is not None and number is not True:
        with pytest.raises(VertumnusError, match="x"):
            Move(piece=0, x=number)


@pytest.mark.parametrize(
    "choice", [{"gap": 1e5}, {"gap": "a"}, {"noise": float("nan")}, {"count": 10**9}, {"seed": -1}]
)
def test_pack_from_python(folder, choice):
    with pytest.raises(VertumnusError, match=next(iter(choice))):
        vt.pack(["a.png"], "heart", size=40, **choice)
