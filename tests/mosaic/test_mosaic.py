"""A mosaic from end to end: chosen, drawn, written, read back."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from photographs import drawn, photograph
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import decode_srgb
from vertumnus.metrics.likeness import psnr
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.load import COLUMNS, load_mosaic
from vertumnus.mosaic.match.reference import read_reference
from vertumnus.mosaic.mosaic import MosaicMaker, make_mosaic
from vertumnus.mosaic.options import MosaicKeywords, MosaicOptions
from vertumnus.mosaic.output import draw_mosaic, layer_box, mosaic_size, save_mosaic
from vertumnus.mosaic.workers import Threads


def test_a_mosaic_looks_like_its_reference(reference, tiles):
    found = {}
    for tone in ("none", "mean:1"):
        plan = make_mosaic(reference, [tiles], count=300, tone=tone)
        found[tone] = psnr(np.asarray(draw_mosaic(plan, 480, 360)), np.asarray(drawn()), 32)
    assert found["none"] > 10
    assert found["mean:1"] > 20


def test_every_cell_is_its_tile(reference, tiles):
    """Each cell is drawn as the crop, flip and turn its layer names, from thumbnail or file alike."""
    mosaic = make_mosaic(reference, [tiles], grid="6x8", crops=3, flips=True, turns=True, edges=0.5)
    assert len({(layer.rotation, layer.flip) for layer in mosaic.layers}) > 3
    for side in (12, 60, 200):  # thumbnails serve, thumbnails serve, files are read
        whole = np.asarray(draw_mosaic(mosaic, 8 * side, 6 * side), int)
        for cell in (0, 13, 47):
            layer = mosaic.layers[cell]
            left, top, across, down = layer.crop
            with Image.open(mosaic.pictures.linked(layer.image)) as image:
                box = (left, top, left + across, top + down)
                part = image.resize((side, side), Image.Resampling.LANCZOS, box)
            part = np.asarray(part)[:, ::-1] if layer.flip else np.asarray(part)
            part = np.rot90(part, -round(layer.rotation / 90))
            y, x = divmod(cell, 8)
            there = whole[y * side : (y + 1) * side, x * side : (x + 1) * side]
            assert np.abs(there - part).mean() < 6


def test_cells_reach_the_reference_s_mean_and_deviation(reference, tiles):
    """Equation (5) through the document: gain and offset bring each cell's linear light to its part's moments."""
    mosaic = make_mosaic(reference, [tiles], grid="4x6", tone="mean-std:1", size=(360, 240))
    plain = np.asarray(draw_mosaic(mosaic.model_copy(update={
        "layers": [layer.model_copy(update={"gain": (1, 1, 1), "offset": (0, 0, 0)}) for layer in mosaic.layers]
    })))  # fmt: skip
    wanted = decode_srgb(np.asarray(drawn()) / 255)
    for cell, layer in enumerate(mosaic.layers):
        y, x = divmod(cell, 6)
        light = decode_srgb(plain[60 * y : 60 * y + 60, 60 * x : 60 * x + 60] / 255).reshape(-1, 3)
        toned = light * layer.gain + layer.offset
        part = wanted[round(22.5 * y) : round(22.5 * (y + 1)), 20 * x : 20 * x + 20].reshape(-1, 3)
        np.testing.assert_allclose(toned.mean(axis=0), part.mean(axis=0), atol=0.02)
        np.testing.assert_allclose(toned.std(axis=0), part.std(axis=0), atol=0.03)


@pytest.mark.parametrize("options", [
    {"count": 100, "cells": "hexagon"}, {"grid": "7x9", "cells": "brick"}, {"count": 120, "adaptive": True},
    {"level": 3}, {"count": 60, "aspect": "pictures"}, {"count": 60, "aspect": "3:2", "dither": True},
])  # fmt: skip
def test_grids_draw_without_holes(reference, tiles, options):
    plan = make_mosaic(reference, [tiles], tone="mean:1", **options)
    picture = np.asarray(draw_mosaic(plan, 301, 226), int)
    assert psnr(picture.astype(np.uint8), np.asarray(drawn()), 32) > 16
    for background in ("black", "white"):  # nothing of it shows
        plan.background = background
        np.testing.assert_array_equal(np.asarray(draw_mosaic(plan, 301, 226)), picture)


def test_the_same_whatever_the_threads_and_how_often(reference, tiles, tmp_path):
    for name, count in (("a", 1), ("b", 5)):
        plan = make_mosaic(
            reference, [tiles], grid="9x12", max_uses=3, seed=4, tone="mean-std:0.5", workers=Threads(count)
        )
        for suffix in (".json", ".csv", ".png", ".collage"):
            save_mosaic(plan, tmp_path / f"{name}{suffix}", "240", Threads(count))
    for suffix in (".json", ".csv", ".png", ".collage"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_cells_of_several_sizes_do_not_depend_on_the_order_of_drawing(reference, tiles):
    """Files are read, at several scales, and kept for other cells; that must not show."""
    update_index(tiles, thumbnail=16)
    mosaic = make_mosaic(reference, [tiles], count=200, adaptive=True, size=(900, 675))
    whole = np.asarray(draw_mosaic(mosaic))
    for cell in range(0, len(mosaic.layers), 7):
        alone = np.asarray(draw_mosaic(mosaic.model_copy(update={"layers": [mosaic.layers[cell]]})))
        left, top, right, bottom = (max(0, round(edge)) for edge in layer_box(mosaic, cell))
        np.testing.assert_array_equal(alone[top:bottom, left:right], whole[top:bottom, left:right])


def test_long_strips_show_their_middle(reference, tmp_path):
    folder = tmp_path / "strips"
    folder.mkdir()
    strip = Image.new("RGB", (1200, 60), "red")
    strip.paste("blue", (480, 0, 720, 60))
    strip.save(folder / "strip.png")
    mosaic = make_mosaic(reference, [folder], grid="3x4", tone="none")
    for size in ((80, 60), (800, 600)):
        assert (np.asarray(draw_mosaic(mosaic, *size)) == [0, 0, 255]).all()


def test_a_document_reads_back_and_draws_the_same(reference, tiles, tmp_path):
    mosaic = make_mosaic(reference, [tiles], count=80, cells="hexagon", tone="mean-std:0.7", flips=True)
    save_mosaic(mosaic, tmp_path / "a.json")
    again = load_mosaic(tmp_path / "a.json")
    assert again.layers == mosaic.layers
    assert again.made_by == mosaic.made_by
    assert draw_mosaic(again, 200, 150).tobytes() == draw_mosaic(mosaic, 200, 150).tobytes()
    save_mosaic(again, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[:2] in ("a.", "b.", "el")) == [
        "a.json",
        "b.json",
    ]
    save_mosaic(mosaic, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == len(mosaic.layers) + 1
    assert lines[1].endswith(".jpg")


def test_another_tone_or_reference_on_the_same_tiles(reference, tiles, tmp_path):
    for cells in ("rectangle", "hexagon"):
        plain = make_mosaic(reference, [tiles], grid="6x8", cells=cells, flips=True, turns=True)
        toned = make_mosaic(reference, [tiles], grid="6x8", cells=cells, flips=True, turns=True, tone="mean:0.5")
        save_mosaic(plain, tmp_path / "a.json")
        again = load_mosaic(tmp_path / "a.json", tone="mean:0.5")
        assert [layer.image for layer in again.layers] == [layer.image for layer in toned.layers]
        for mine, theirs in zip(again.layers, toned.layers, strict=True):
            np.testing.assert_allclose(mine.gain + mine.offset, theirs.gain + theirs.offset, atol=0.02)
            assert mine.crop == theirs.crop


def first_version(reference, tiles, path, **choices):
    """A mosaic as version 0.1 wrote it."""
    update_index(tiles)
    image, _ = read_reference(reference)
    cells = MosaicMaker(TileLibrary([tiles]), image.size, "x", MosaicOptions(**choices)).choose(image)
    height, (across, down), boxes = cells.grid.height, cells.grid.step, cells.grid.boxes.copy()
    if cells.grid.kind == "hexagon":  # the outermost points lay on the edge then, with notches between them filled
        down = down * height / (height + down / 3)
        boxes[:, [1, 3]] = boxes[:, [1, 3]] * (1 - down / 3 / height) + down / 6
    rows = np.column_stack([boxes, cells.tile, cells.crop, cells.turn, cells.flip, cells.cost])
    document = {
        "format": "vertumnus/mosaic", "version": 1, "reference": str(reference), "width": float(cells.grid.width),
        "height": float(cells.grid.height), "cells": cells.grid.kind, "step": [across, down],
        "tone": str(cells.tone), "seed": 0, "options": {}, "report": {}, "columns": list(COLUMNS),
        "tiles": [[str(t.path), t.digest, t.width, t.height, str(tiles)] for t in cells.tiles], "rows": rows.tolist(),
    }  # fmt: skip
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("choices", [
    {"grid": "6x8", "tone": "mean-std:0.5", "turns": True}, {"count": 60, "cells": "hexagon", "flips": True},
    {"count": 60, "tone": "transport:0.7"},
])  # fmt: skip
def test_documents_of_the_first_version_still_draw(reference, tiles, tmp_path, choices):
    first_version(reference, tiles, tmp_path / "old.json", **choices)
    old, new = load_mosaic(tmp_path / "old.json"), make_mosaic(reference, [tiles], **choices)
    np.testing.assert_array_equal(np.asarray(draw_mosaic(old)), np.asarray(draw_mosaic(new)))
    other = load_mosaic(tmp_path / "old.json", tone="none", size=(300, 201))
    assert (other.width, other.height) == (300, 201)
    assert all(layer.gain == (1, 1, 1) for layer in other.layers)


def test_a_collage_holds_its_tiles_once_and_looks_the_same(reference, tiles, tmp_path):
    for cells, tone in (("brick", "mean:0.5"), ("hexagon", "mean:0.5"), ("rectangle", "histogram:0.8")):
        mosaic = make_mosaic(reference, [tiles], grid="6x8", cells=cells, tone=tone, max_uses=3)
        save_mosaic(mosaic, tmp_path / "a.collage", "320x240")
        collage = Collage.load(tmp_path / "a.collage")
        assert len(collage.layers) == len(mosaic.layers)
        rendered = np.asarray(collage.render().convert("RGB"), int)
        assert np.abs(rendered - np.asarray(draw_mosaic(mosaic, 320, 240), int)).mean() < 3
        if tone == "mean:0.5":
            assert len({layer.image for layer in collage.layers}) == len({layer.image for layer in mosaic.layers})
            assert len({layer.image for layer in collage.layers}) < len(collage.layers)


def test_strong_tones_are_new_pictures(reference, tiles):
    for tone in ("histogram:1", "transport:1"):
        mosaic = make_mosaic(reference, [tiles], grid="9x12", tone=tone, size=480)
        assert not any(mosaic.pictures.linked(layer.image) for layer in mosaic.layers)
        assert psnr(np.asarray(draw_mosaic(mosaic)), np.asarray(drawn()), 32) > 20
        assert 0 <= mosaic.made_by.report["clipped"] < 0.2


def test_a_collages_zip_is_gone_through_once_and_not_for_every_picture(reference, tiles, tmp_path, monkeypatch):
    save_mosaic(make_mosaic(reference, [tiles], grid="9x12", tone="mean:1"), tmp_path / "a.collage", "120")
    opened = []
    monkeypatch.setattr("zipfile.ZipFile._RealGetContents", lambda self, was=ZipFile._RealGetContents: (
        opened.append(1), was(self)))  # fmt: skip
    collage = Collage.load(tmp_path / "a.collage")
    assert collage.render().size == (120, 90)
    assert len(collage.layers) == 108
    assert len(opened) <= 3


def test_one_picture_is_toned_to_every_cell(reference, tmp_path):
    photograph("chelsea.png").resize((200, 150)).save(tmp_path / "cat.jpg")
    plan = make_mosaic(reference, [tmp_path / "cat.jpg"], grid="12x16")
    assert plan.made_by.options["tone"] == "mean-std:1"
    assert psnr(np.asarray(draw_mosaic(plan, 320, 240)), np.asarray(drawn()), 32) > 18
    assert not list(tmp_path.glob(".vertumnus*"))


def test_several_folders_and_merged_duplicates(reference, tiles, tmp_path):
    from photographs import make_folder

    other = make_folder(tmp_path / "other", 12, seed=5)
    plan = make_mosaic(reference, [tiles, other], count=500, max_uses=7)
    assert plan.made_by.report["tiles"] == 72
    assert {plan.pictures.linked(layer.image).parent for layer in plan.layers} == {tiles, other}
    same = make_folder(tmp_path / "same", 12, seed=0)
    plan = make_mosaic(reference, [tiles, same], count=50, merge_duplicates=True)
    assert plan.made_by.report["merged"] >= 12


def test_tiles_gone_or_changed_since(reference, tiles, tmp_path):
    mosaic = make_mosaic(reference, [tiles], grid="6x8")
    victim = mosaic.pictures.linked(mosaic.layers[0].image)
    data = victim.read_bytes()
    victim.unlink()
    with pytest.raises(VertumnusError, match=f"{victim.name}: .* gone"):
        save_mosaic(mosaic, tmp_path / "a.png", "4000")
    assert not (tmp_path / "a.png").exists()
    victim.write_bytes(data + b"\0")
    with pytest.raises(VertumnusError, match=f"{victim.name}: .*wrong hash"):
        save_mosaic(mosaic, tmp_path / "a.png", "4000")
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_drawing_without_the_index(reference, tiles):
    """Thumbnails are a help, not a need."""
    plan = make_mosaic(reference, [tiles], grid="6x8")
    import shutil

    with_index = np.asarray(draw_mosaic(plan, 320, 240), int)
    shutil.rmtree(index_place(tiles))
    assert np.abs(np.asarray(draw_mosaic(plan, 320, 240), int) - with_index).mean() < 4


@pytest.mark.parametrize(("change", "words"), [
    ({"version": 9}, "version: 9 is not known"),
    ({"cells": "round"}, "cells: 'round' is not one of"),
    ({"columns": []}, "columns: not those"),
    ({"rows": [[1, 2]]}, "rows: must be lists of 12"),
    ({"rows": [[0, 0, 9, 9, 99, 0, 0, 1, 1, 0, 0, 0]]}, "rows: name a tile that is not"),
    ({"rows": [[0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0, 0]]}, "rows: hold a cell without area"),
    ({"rows": [[0, 0, 9, 9, 0, 0, 0, 2, 1, 0, 0, 0]]}, "rows: hold a crop"),
    ({"rows": [[0, 0, 9, 9, 0, 0, 0, 1, 1, 7, 0, 0]]}, "rows: hold a turn"),
    ({"tone": "loud"}, "a.json: tone: 'loud'"),
    ({"width": 0}, "width, height: must be above 0"),
    ({"seed": None}, "seed"),
])  # fmt: skip
def test_bad_assignments(reference, tiles, tmp_path, change, words):
    path = tmp_path / "a.json"
    first_version(reference, tiles, path, grid="3x4")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VertumnusError, match=words):
        load_mosaic(path)


def test_sizes(reference, tiles):
    plan = make_mosaic(reference, [tiles], grid="6x8")
    assert mosaic_size(plan, None) == (512, 384)
    assert mosaic_size(plan, "1000") == mosaic_size(plan, 1000) == (1000, 750)
    assert mosaic_size(plan, "300x301") == mosaic_size(plan, (300, 301)) == (300, 301)
    assert (np.asarray(draw_mosaic(plan, 300, 301)).shape) == (301, 300, 3)
    for size, words in (("big", "is not a size"), ("0", "is not between"), ("5", "less than a pixel")):
        with pytest.raises(VertumnusError, match=words):
            make_mosaic(reference, [tiles], grid="6x8", size=size)


def test_options_by_name_are_those_of_the_model():
    assert list(MosaicKeywords.__annotations__) == list(MosaicOptions.model_fields)
    with pytest.raises(VertumnusError, match="count"):
        make_mosaic("x.png", [], count=0)


def test_a_collage_holds_pictures_large_enough_to_print(reference, tiles, tmp_path):
    mosaic = make_mosaic(reference, [tiles], grid="3x4", size=(80, 60))  # cells of 20 pixels; tiles are 96 x 72
    sides = {}
    for pixels in (None, 50, 500):
        save_mosaic(mosaic, tmp_path / "a.collage", tile_pixels=pixels)
        held = Collage.load(tmp_path / "a.collage")
        sides[pixels] = [
            min(layer.crop[2:] if layer.crop else held.pictures.size(layer.image)) for layer in held.layers
        ]
        assert (held.width, held.height) == (80, 60)
        away = np.asarray(held.render().convert("RGB"), int) - np.asarray(draw_mosaic(mosaic), int)
        assert np.abs(away).mean() < 4
    assert max(sides[None]) <= 21
    assert all(50 <= side <= 51 for side in sides[50])
    assert set(sides[500]) == {72}  # all that the files have


def test_a_bundled_deep_zoom_needs_nothing_else(reference, tiles, tmp_path):
    mosaic = make_mosaic(reference, [tiles], grid="3x4")
    save_mosaic(mosaic, tmp_path / "a.dzi", bundle=True)
    script = (tmp_path / "a_files" / "cells.js").read_text()
    known = json.loads(script.removeprefix("const MOSAIC = ").rstrip(";\n"))
    assert str(tiles) not in script + (tmp_path / "a.html").read_text()
    for (link, name), layer in zip(
        known["pictures"], {one.image: one for one in mosaic.layers}.values(), strict=True
    ):
        with Image.open(tmp_path / link) as copy, Image.open(tiles / name) as original:
            assert copy.size == original.size == (96, 72)
            assert np.abs(np.asarray(copy, int) - np.asarray(original, int)).mean() < 6
        assert Path(name).stem == layer.name
