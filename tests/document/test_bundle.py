"""Collages on disk: what is saved is what is loaded, and nothing half or false is taken for a collage."""

import errno
import json
import math
import os
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest

from drawn import blob, png
from vertumnus import writing as atomic
from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.document.migrate import STEPS
from vertumnus.document.pictures import content_name
from vertumnus.elements.cache import file_digest
from vertumnus.errors import VertumnusError


def make_collage() -> Collage:
    collage = Collage(width=120, height=80, background="#fed", prompt="a 'quoted' prompt,\n two lines", seed=7)
    for seed in range(3):
        name = collage.pictures.add(png(blob(seed)))
        layer = Layer(
            name=f"piece {seed} é",
            image=name,
            x=0.1 + seed / 3,
            y=1e-7,
            scale=np.pi,
            rotation=-33.3,
            flip=bool(seed % 2),
        )
        layer.gain = (0.5, 1.0, 2.0)
        collage.layers.append(layer)
    collage.layers.append(collage.layers[0].model_copy(update={"visible": False, "locked": True}))
    collage.made_by = MadeBy(tool="test", options={"a": [1, 2.5, None]}, report={"coverage": 0.75})
    return collage


@pytest.mark.parametrize("name", ["a.collage", "a.json"])
def test_round_trip_is_lossless(tmp_path, name):
    collage = make_collage()
    collage.save(tmp_path / name)
    again = Collage.load(tmp_path / name)
    assert again.model_dump() == collage.model_dump()
    for layer in collage.layers:
        assert again.pictures.read(layer.image) == collage.pictures.read(layer.image)


def plainly(table):
    """The rows of a table as objects, read by the rules of docs/document.md and nothing else."""
    for number, row in enumerate(table["rows"], 1):
        fields = dict(zip(table["columns"], row, strict=True))
        for name, values in table["values"].items():
            fields[name] = values[fields[name]]
        yield (
            {"id": f"k{number}"} | table["all"] | {name: value for name, value in fields.items() if value is not None}
        )


def test_a_thousand_layers_are_written_as_a_table_and_read_the_same(tmp_path):
    collage = make_collage()
    patterns = collage.layers
    collage.layers = [
        patterns[n % 4].model_copy(
            update={"id": "", "x": n / 7, "y": -0.0 if n % 2 else 3.0, "prompt": "a pear" if n % 3 else None}
        )
        for n in range(1000)
    ]
    collage.save(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    assert len(document["layers"]["rows"]) == 1000
    loaded = Collage.load(tmp_path / "a.json")
    assert loaded.model_dump() == collage.model_dump()
    assert [math.copysign(1, layer.y) for layer in loaded.layers[:2]] == [1, -1]
    loaded.save(tmp_path / "c.json")
    assert (tmp_path / "c.json").read_bytes() == (tmp_path / "a.json").read_bytes()
    # The same as a list of objects, which is more than twice as long.
    document["layers"] = list(plainly(document["layers"]))
    (tmp_path / "b.json").write_text(json.dumps(document))
    assert Collage.load(tmp_path / "b.json").model_dump() == collage.model_dump()
    assert (tmp_path / "a.json").stat().st_size < 0.5 * (tmp_path / "b.json").stat().st_size


def test_ids_of_ones_own_and_many_names_are_columns(tmp_path):
    collage = make_collage()
    one = collage.layers[0]
    collage.layers = [one.model_copy(update={"id": f"i{n}", "name": f"n{n}", "rotation": n / 9}) for n in range(1000)]
    collage.save(tmp_path / "a.json")
    table = json.loads((tmp_path / "a.json").read_text())["layers"]
    assert {"id", "name", "rotation"} <= set(table["columns"])
    assert "values" not in table
    assert Collage.load(tmp_path / "a.json").model_dump() == collage.model_dump()
    collage.layers = [one.model_copy(update={"id": ""}) for _ in range(1000)]
    collage.save(tmp_path / "a.json")
    assert Collage.load(tmp_path / "a.json").model_dump() == collage.model_dump()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"columns": ["name", "name"]}, "columns name a field twice"),
        ({"all": {"x": 3}}, "columns name a field twice"),
        ({"all": {"id": "a"}}, "all: two layers cannot have one id"),
        ({"all": 3}, "all and values must be objects"),
        ({"values": {"image": 3}}, "values.image must be a list"),
        ({"values": {"else": []}}, "values.else must be a list, and else a column"),
        ({"values": {"image": []}}, "rows\\[0\\]\\[1\\] is no place among 0 values"),
        ({"columns": "name"}, "columns must be a list"),
        ({"rows": [[1]]}, "rows\\[0\\] is not a list of"),
        ({"rows": 3}, "rows must be a list"),
        ({"extra": 3}, "a table of layers has columns and rows"),
    ],
)
def test_a_table_of_layers_that_is_none_is_one_sentence(tmp_path, change, field):
    collage = make_collage()
    collage.layers = [layer.model_copy(update={"id": ""}) for layer in 250 * collage.layers]
    collage.save(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    document["layers"] |= change
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(VertumnusError, match=f"a.json: layers: .*{field}"):
        Collage.load(tmp_path / "a.json")


def test_same_collage_same_bytes_and_pictures_stored_once(tmp_path):
    make_collage().save(tmp_path / "a.collage")
    make_collage().save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.collage") as bundle:
        assert sorted(name.split("/")[0] for name in bundle.namelist()) == ["collage.json", *["elements"] * 3]


def test_saving_over_the_bundle_it_was_loaded_from(tmp_path):
    make_collage().save(tmp_path / "a.collage")
    collage = Collage.load(tmp_path / "a.collage")
    del collage.layers[0]
    collage.save(tmp_path / "a.collage")
    again = Collage.load(tmp_path / "a.collage")
    assert len(again.layers) == 3
    assert again.render().size == (120, 80)


def test_a_folder_loads_by_its_name(tmp_path):
    make_collage().save(tmp_path / "collage.json")
    assert len(Collage.load(tmp_path).layers) == 4


def test_fields_and_units_are_the_documented_ones():
    layer = make_collage().model_dump(mode="json")["layers"][0]
    assert list(layer) == [
        "id", "name", "image", "crop", "x", "y", "scale", "rotation", "flip", "squeeze", "shear", "opacity", "depth",
        "gain", "offset", "light", "outline", "snap", "visible", "locked", "prompt", "noise", "control", "attract",
        "repel",
    ]  # fmt: skip
    top = list(Collage(width=1, height=1).model_dump())
    assert top == [
        "format", "version", "width", "height", "background", "rendering", "clip", "prompt", "seed", "linked",
        "drawings", "layers", "made_by",
    ]  # fmt: skip


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=99), "version: 99 is newer"),
        (lambda d: d.update(version="1"), "version: must be a whole number"),
        (lambda d: d.update(format="other"), "format: not a collage"),
        (lambda d: d.update(width=0), "width: "),
        (lambda d: d.update(colour="red"), "colour: there is no such field"),
        (lambda d: d.update(background="reddish"), "background: 'reddish' is not a colour"),
        (lambda d: d["layers"][1].update(scale=-1), "layers[1].scale: "),
        (lambda d: d["layers"][1].pop("x"), "layers[1].x: this field is missing"),
        (lambda d: d["layers"][2].update(opacity=1.5), "layers[2].opacity: "),
        (lambda d: d["layers"][0].update(image="elements/../../secret.png"), "layers[0].image: must be elements/"),
        (lambda d: d["layers"][0].update(image="elements/koala.png"), "layers[0].image: must be elements/"),
        (
            lambda d: d["layers"][0].update(image="elements/0123abcd.png"),
            "elements/0123abcd.png is missing",
        ),
    ],
)
def test_a_wrong_document_is_one_sentence_naming_the_field(tmp_path, change, words):
    path = tmp_path / "a.json"
    make_collage().save(path)
    edit(path, change)
    with pytest.raises(VertumnusError, match=r"a\.json: ") as caught:
        Collage.load(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(tmp_path, text):
    path = tmp_path / "a.json"
    make_collage().save(path)
    path.write_text(path.read_text().replace('"y": 1e-07', f'"y": {text}', 1))
    with pytest.raises(VertumnusError, match=r"a\.json"):
        Collage.load(path)


def test_a_field_given_twice_is_refused(tmp_path):
    path = tmp_path / "a.json"
    make_collage().save(path)
    path.write_text(path.read_text().replace('"width": 120', '"width": 120, "width": 121'))
    with pytest.raises(VertumnusError, match="'width' stands twice"):
        Collage.load(path)


def test_a_picture_changed_by_hand_is_refused(tmp_path):
    collage = make_collage()
    collage.save(tmp_path / "a.json")
    (tmp_path / collage.layers[0].image).write_bytes(png(blob(99)))
    with pytest.raises(VertumnusError, match="wrong hash"):
        Collage.load(tmp_path / "a.json")


def test_a_link_that_leaves_the_folder_is_refused(tmp_path):
    collage = make_collage()
    (tmp_path / "in").mkdir()
    collage.save(tmp_path / "in" / "a.json")
    picture = tmp_path / "in" / collage.layers[0].image
    picture.rename(tmp_path / "outside.png")
    picture.symlink_to(tmp_path / "outside.png")
    with pytest.raises(VertumnusError, match="link that leaves"):
        Collage.load(tmp_path / "in" / "a.json")


def rezip(path, change):
    """Writes the bundle's members again as ``change`` gives them back."""
    with zipfile.ZipFile(path) as bundle:
        members = [(info.filename, bundle.read(info)) for info in bundle.infolist()]
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in change(members):
            bundle.writestr(name, data)


def twice(members):
    return [*members, members[1]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: [*m, ("../evil.png", b"x")], "leaves the collage's own folder"),
        (lambda m: [*m, ("/etc/evil.png", b"x")], "leaves the collage's own folder"),
        (lambda m: [*m, ("a\\..\\evil.png", b"x")], "leaves the collage's own folder"),
        (twice, "holds this name twice"),
        (lambda m: m[:-1], "is missing"),
        (lambda m: m[1:], "collage.json: missing"),
        (lambda m: [m[0], (m[1][0], png(blob(50))), *m[2:]], "wrong hash"),
        (lambda m: [*m, ("elements/ffff.png", bytes(300 << 20))], "too much"),
    ],
)
def test_a_wrong_bundle_is_one_sentence(tmp_path, change, words):
    path = tmp_path / "a.collage"
    make_collage().save(path)
    rezip(path, change)
    with pytest.raises(VertumnusError, match=r"a\.collage") as caught:
        Collage.load(path)
    assert words in str(caught.value)


def test_a_truncated_bundle_and_a_missing_one(tmp_path):
    path = tmp_path / "a.collage"
    make_collage().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(VertumnusError, match="not a whole zip"):
        Collage.load(path)
    with pytest.raises(VertumnusError, match="no such file"):
        Collage.load(tmp_path / "b.collage")


def giant_png(side: int) -> bytes:
    """A PNG whose header promises side x side pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_gigapixel_picture_is_refused_before_it_is_decoded(tmp_path):
    data = giant_png(55_000)
    collage = make_collage()
    name = content_name(file_digest(data), ".png")
    collage.pictures.add_source(name, data)
    collage.layers[0].image = name
    collage.save(tmp_path / "a.collage")
    with pytest.raises(VertumnusError, match=r"layers\[0\]\.image.*too large"):
        Collage.load(tmp_path / "a.collage")


def old_layer(name: str, **fields) -> dict:
    """A layer as version 1 wrote it."""
    return {
        "name": "a", "image": name, "x": 20.0, "y": 15.0, "scale": 0.5, "rotation": 33.0, "flip": True,
        "opacity": 0.75, "gain": [1.0, 1.0, 1.0], "visible": True, "locked": False, "prompt": None, "noise": 0.8,
        "control": 0.0,
    } | fields  # fmt: skip


@pytest.mark.parametrize("version", [0, 1])
def test_an_older_version_loads_and_looks_the_same(tmp_path, version):
    """The picture is the one that the program of version 1 drew, worked out here by its formula."""
    flat = np.full((64, 64, 4), [200, 100, 50, 255], np.uint8)
    data = png(flat)
    name = content_name(file_digest(data), ".png")
    old = {
        "format": "vertumnus/collage", "version": version, "width": 40, "height": 30, "background": "black",
        "prompt": None, "seed": 1, "layers": [old_layer(name, gain=[0.5, 1.0, 1.5]), old_layer(name, x=60.0)],
        "made_by": "pack" if version == 0 else {"tool": "pack", "versions": {}, "options": {}, "report": {}},
    }  # fmt: skip
    (tmp_path / "elements").mkdir()
    (tmp_path / name).write_bytes(data)
    (tmp_path / "collage.json").write_text(json.dumps(old))
    collage = Collage.load(tmp_path)
    assert collage.version == 2
    assert collage.made_by.tool == "pack"
    assert [layer.id for layer in collage.layers] == ["k1", "k2"]
    assert collage.layers[1].light == "linear"
    red, green, blue, _ = collage.render().getpixel((20, 15))
    assert (red, green, blue) == tuple(int(0.75 * v * g + 0.5) for v, g in ((200, 0.5), (100, 1.0), (50, 1.5)))
    collage.save(tmp_path / "new.json")
    assert json.loads((tmp_path / "new.json").read_text())["version"] == 2
    assert Collage.load(tmp_path / "new.json").model_dump() == collage.model_dump()


def test_every_older_version_has_its_step():
    assert sorted(STEPS) == [0, 1]


def test_ids_stay_and_are_unique(tmp_path):
    collage = make_collage()
    collage.layers[1].id = "k1"
    collage.save(tmp_path / "a.collage")
    assert [layer.id for layer in collage.layers] == ["k2", "k1", "k3", "k4"]
    again = Collage.load(tmp_path / "a.collage")
    again.layers.insert(0, again.layers.pop())
    again.layers.append(again.layers[0].model_copy(update={"id": ""}))
    again.name_layers()
    assert [layer.id for layer in again.layers] == ["k4", "k2", "k1", "k3", "k5"]
    assert again.layer("k1").x == collage.layers[1].x
    again.layers[0].id = "k2"
    with pytest.raises(VertumnusError, match=r"layers\[1\].id: 'k2' is another layer's"):
        again.save(tmp_path / "a.collage")
    with pytest.raises(VertumnusError, match="k99: there is no such layer"):
        again.layer("k99")


def test_layers_say_only_what_is_not_as_by_default(tmp_path):
    collage = make_collage()
    collage.layers[1].crop = (1, 2, 20, 21)
    collage.save(tmp_path / "a.json")
    layers = json.loads((tmp_path / "a.json").read_text())["layers"]
    assert list(layers[0]) == ["id", "name", "image", "x", "y", "scale", "rotation", "gain"]
    assert layers[1]["crop"] == [1, 2, 20, 21]


def test_a_crop_beyond_its_picture_is_refused(tmp_path):
    collage = make_collage()
    collage.layers[1].crop = (30, 2, 20, 21)
    collage.save(tmp_path / "a.json")
    with pytest.raises(VertumnusError, match=r"layers\[1\]\.crop: reaches beyond the picture of 48 x 40"):
        Collage.load(tmp_path / "a.json")


def test_linked_pictures_stay_where_they_are(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    photo = tmp_path / "photos" / "a b.png"
    photo.write_bytes(png(blob(3)))
    collage = Collage(width=60, height=50)
    name = collage.pictures.link(photo)
    collage.layers.append(Layer(name="a", image=name, x=30, y=25, scale=1))
    first = collage.render().tobytes()
    collage.save(tmp_path / "out" / "a.json")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.json"]
    document = json.loads((tmp_path / "out" / "a.json").read_text())
    assert document["linked"] == {name: "../photos/a b.png"}
    again = Collage.load(tmp_path / "out" / "a.json")
    assert again.render().tobytes() == first
    again.save(tmp_path / "out" / "a.collage")  # which takes it in
    photo.write_bytes(png(blob(4)))
    with pytest.raises(VertumnusError, match="wrong hash"):
        again.render()
    assert Collage.load(tmp_path / "out" / "a.collage").render().tobytes() == first


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_a_pictures_place_does_not_hang(tmp_path):
    collage = make_collage()
    collage.save(tmp_path / "a.json")
    picture = tmp_path / collage.layers[0].image
    picture.unlink()
    os.mkfifo(picture)
    with pytest.raises(VertumnusError, match="not a regular file"):
        Collage.load(tmp_path / "a.json")
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(VertumnusError, match="not a regular file"):
        Collage.load(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", 0), ("scale", -1), ("scale", 1e39), ("scale", 1e-39), ("x", np.nan), ("y", 1e20), ("rotation", 1e308),
     ("squeeze", 0), ("shear", 90), ("gain", (-1, 1, 1)), ("opacity", 2), ("crop", (0, 0, 0, 5)), ("image", "a.png")],
)  # fmt: skip
def test_numbers_have_bounds_and_no_pydantic_error_leaks(field, value):
    layer = make_collage().layers[0]
    with pytest.raises(VertumnusError, match=f"^Layer: {field}"):
        setattr(layer, field, value)
    with pytest.raises(VertumnusError, match=f"^Layer: {field}"):
        Layer(**{"name": "a", "image": layer.image, "x": 1, "y": 2, "scale": 1} | {field: value})


def test_no_text_that_cannot_be_written(tmp_path):
    path = tmp_path / "a.json"
    make_collage().save(path)
    path.write_text(path.read_text().replace("'quoted'", "\\ud800"))
    with pytest.raises(VertumnusError, match=r"a\.json: prompt"):
        Collage.load(path)


def test_a_notebook_shows_the_collage():
    assert make_collage()._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_disk_that_fills_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.collage"
    make_collage().save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(VertumnusError, match="No space left on device"):
        make_collage().save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.collage"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_real_full_device_is_one_sentence(tmp_path, monkeypatch):
    real_open = type(tmp_path).open

    def on_full_device(self, mode="r", *args, **kwargs):
        if mode == "xb":
            return open("/dev/full", "wb", buffering=0)  # noqa: PTH123
        return real_open(self, mode, *args, **kwargs)

    monkeypatch.setattr(type(tmp_path), "open", on_full_device)
    with pytest.raises(VertumnusError, match="No space left on device"):
        make_collage().save(tmp_path / "a.json")


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(VertumnusError, match="does not exist"):
        make_collage().save(tmp_path / "no" / "a.collage")
    with pytest.raises(VertumnusError, match=r"\*\.collage or as \*\.json"):
        make_collage().save(tmp_path / "a.txt")
    (tmp_path / "b.collage").mkdir()
    with pytest.raises(VertumnusError, match=r"b\.collage"):
        make_collage().save(tmp_path / "b.collage")


def test_a_picture_gone_since_is_named(tmp_path):
    collage = make_collage()
    collage.save(tmp_path / "a.json")
    again = Collage.load(tmp_path / "a.json")
    (tmp_path / again.layers[0].image).unlink()
    with pytest.raises(VertumnusError, match="cannot be read any more"):
        again.render()
