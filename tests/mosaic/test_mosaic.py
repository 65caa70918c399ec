"""A mosaic from end to end: chosen, drawn, written, read back."""

import json
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from photographs import drawn, photograph
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.metrics.likeness import psnr
from vertumnus.mosaic.bands import Bands
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.mosaic import make_mosaic
from vertumnus.mosaic.output import draw_mosaic, make_painter, output_size, save_mosaic
from vertumnus.mosaic.plan import load_plan, save_plan
from vertumnus.mosaic.workers import Threads


def test_a_mosaic_looks_like_its_reference(reference, tiles):
    found = {}
    for tone in ("none", "mean:1"):
        plan = make_mosaic(reference, [tiles], count=300, tone=tone)
        found[tone] = psnr(np.asarray(draw_mosaic(plan, 480, 360)), np.asarray(drawn()), 32)
    assert found["none"] > 10
    assert found["mean:1"] > 20


def test_every_cell_is_its_tile(reference, tiles):
    """Each cell is drawn as the crop, flip and turn the plan names, from thumbnail or file alike."""
    plan = make_mosaic(reference, [tiles], grid="6x8", crops=3, flips=True, turns=True, edges=0.5)
    assert len(set(zip(plan.turn.tolist(), plan.flip.tolist(), strict=True))) > 3
    for side in (12, 60, 200):  # thumbnails serve, thumbnails serve, files are read
        whole = np.asarray(draw_mosaic(plan, 8 * side, 6 * side), int)
        for cell in (0, 13, 47):
            with Image.open(plan.sources[plan.tile[cell]].path) as image:
                box = tuple(plan.crop[cell] * np.array([image.width, image.height] * 2))
                part = image.resize((side, side), Image.Resampling.LANCZOS, box)
            part = np.asarray(part)[:, ::-1] if plan.flip[cell] else np.asarray(part)
            part = np.rot90(part, -int(plan.turn[cell]))
            y, x = divmod(cell, 8)
            there = whole[y * side : (y + 1) * side, x * side : (x + 1) * side]
            assert np.abs(there - part).mean() < 6


@pytest.mark.parametrize("options", [
    {"count": 100, "cells": "hexagon"}, {"grid": "7x9", "cells": "brick"}, {"count": 120, "adaptive": True},
    {"level": 3}, {"count": 60, "aspect": "pictures"}, {"count": 60, "aspect": "3:2", "dither": True},
])  # fmt: skip
def test_grids_draw_without_holes(reference, tiles, options):
    plan = make_mosaic(reference, [tiles], tone="mean:1", **options)
    picture = np.asarray(draw_mosaic(plan, 301, 226), int)
    assert psnr(picture.astype(np.uint8), np.asarray(drawn()), 32) > 16
    assert (picture.sum(axis=2) == 0).mean() < 0.01


def test_the_same_whatever_the_threads_and_how_often(reference, tiles, tmp_path):
    for name, count in (("a", 1), ("b", 5)):
        plan = make_mosaic(
            reference, [tiles], grid="9x12", max_uses=3, seed=4, tone="mean-std:0.5", workers=Threads(count)
        )
        for suffix in (".json", ".csv", ".png", ".collage"):
            save_mosaic(plan, tmp_path / f"{name}{suffix}", "240", Threads(count))
    for suffix in (".json", ".csv", ".png", ".collage"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_cells_of_several_sizes_do_not_depend_on_the_order_of_drawing(reference, tiles, tmp_path):
    """Files are read, at several scales, and kept for other cells; that must not show."""
    update_index(tiles, thumbnail=16)
    plan = make_mosaic(reference, [tiles], count=200, adaptive=True)
    painter = make_painter(plan, 900, 675)
    drawn_by = [np.concatenate(list(Bands(painter, Threads(count)))) for count in (1, 6)]
    alone = [make_painter(plan, 900, 675).paint(cell)[0] for cell in range(0, len(plan.grid), 7)]
    np.testing.assert_array_equal(*drawn_by)
    for n, pixels in enumerate(alone):
        left, top, right, bottom = painter.boxes[7 * n]
        np.testing.assert_array_equal(drawn_by[0][top:bottom, left:right], pixels)


def test_long_strips_show_their_middle(reference, tmp_path):
    folder = tmp_path / "strips"
    folder.mkdir()
    strip = Image.new("RGB", (1200, 60), "red")
    strip.paste("blue", (480, 0, 720, 60))
    strip.save(folder / "strip.png")
    plan = make_mosaic(reference, [folder], grid="3x4", tone="none")
    for size in ("80x60", "800x600"):
        picture = np.asarray(draw_mosaic(plan, *output_size(plan, size)))
        assert (picture == [0, 0, 255]).all()


def test_an_assignment_reads_back_and_draws_the_same(reference, tiles, tmp_path):
    plan = make_mosaic(reference, [tiles], count=80, cells="hexagon", tone="transport:0.7", flips=True)
    save_plan(plan, tmp_path / "a.json")
    again = load_plan(tmp_path / "a.json")
    np.testing.assert_array_equal(again.rows(), plan.rows())
    assert (again.sources, again.tone, again.seed) == (plan.sources, plan.tone, plan.seed)
    assert draw_mosaic(again, 200, 150).tobytes() == draw_mosaic(plan, 200, 150).tobytes()
    save_plan(again, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    save_plan(plan, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == len(plan.grid) + 1
    assert lines[1].endswith(".jpg")


def test_a_collage_has_a_layer_for_each_cell_and_looks_the_same(reference, tiles, tmp_path):
    for cells in ("brick", "hexagon"):
        plan = make_mosaic(reference, [tiles], grid="6x8", cells=cells, tone="mean:0.5")
        save_mosaic(plan, tmp_path / "a.collage", "320x240")
        collage = Collage.load(tmp_path / "a.collage")
        assert len(collage.layers) == len(plan.grid)
        rendered = np.asarray(collage.render().convert("RGB"), int)
        assert np.abs(rendered - np.asarray(draw_mosaic(plan, 320, 240), int)).mean() < 3


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
    assert str(plan.tone) == "mean-std:1"
    assert psnr(np.asarray(draw_mosaic(plan, 320, 240)), np.asarray(drawn()), 32) > 18
    assert not list(tmp_path.glob(".vertumnus*"))


def test_several_folders_and_merged_duplicates(reference, tiles, tmp_path):
    from photographs import make_folder

    other = make_folder(tmp_path / "other", 12, seed=5)
    plan = make_mosaic(reference, [tiles, other], count=500, max_uses=7)
    assert plan.report["tiles"] == 72
    assert {source.store for source in plan.sources} == {index_place(tiles), index_place(other)}
    same = make_folder(tmp_path / "same", 12, seed=0)
    plan = make_mosaic(reference, [tiles, same], count=50, merge_duplicates=True)
    assert plan.report["merged"] >= 12


def test_tiles_gone_or_changed_since(reference, tiles, tmp_path):
    plan = make_mosaic(reference, [tiles], grid="6x8")
    victim = plan.sources[0].path
    data = victim.read_bytes()
    victim.unlink()
    draw_mosaic(plan, 160, 120)  # thumbnails are enough
    with pytest.raises(VertumnusError, match="the tile is gone since it was indexed"):
        save_mosaic(plan, tmp_path / "a.png", "4000")
    assert not (tmp_path / "a.png").exists()
    victim.write_bytes(data + b"\0")
    with pytest.raises(VertumnusError, match="has changed since it was indexed"):
        save_mosaic(plan, tmp_path / "a.png", "4000")
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_drawing_without_the_index(reference, tiles):
    """Thumbnails are a help, not a need."""
    plan = make_mosaic(reference, [tiles], grid="6x8")
    import shutil

    with_index = np.asarray(draw_mosaic(plan, 320, 240), int)
    shutil.rmtree(index_place(tiles))
    assert np.abs(np.asarray(draw_mosaic(plan, 320, 240), int) - with_index).mean() < 4


@pytest.mark.parametrize(("change", "words"), [
    ({"format": "vertumnus/collage"}, "format: not a mosaic"),
    ({"version": 9}, "version: 9 is not known"),
    ({"cells": "round"}, "cells: 'round' is not one of"),
    ({"columns": []}, "columns: not those"),
    ({"rows": [[1, 2]]}, "rows: must be lists of 12"),
    ({"rows": [[0, 0, 9, 9, 99, 0, 0, 1, 1, 0, 0, 0]]}, "rows: name a tile that is not"),
    ({"rows": [[0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0, 0]]}, "rows: hold a cell without area"),
    ({"rows": [[0, 0, 9, 9, 0, 0, 0, 2, 1, 0, 0, 0]]}, "rows: hold a crop"),
    ({"rows": [[0, 0, 9, 9, 0, 0, 0, 1, 1, 7, 0, 0]]}, "rows: hold a turn"),
    ({"tone": "loud"}, "`tone`: 'loud'"),
    ({"width": 0}, "width, height: must be above 0"),
    ({"seed": None}, "not a whole mosaic"),
])  # fmt: skip
def test_bad_assignments(reference, tiles, tmp_path, change, words):
    path = tmp_path / "a.json"
    save_plan(make_mosaic(reference, [tiles], grid="3x4"), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VertumnusError, match=words):
        load_plan(path)


def test_sizes(reference, tiles):
    plan = make_mosaic(reference, [tiles], grid="6x8")
    assert output_size(plan, None) == (512, 384)
    assert output_size(plan, "1000") == (1000, 750)
    assert output_size(plan, "300x301") == (300, 301)
    for text, words in (("big", "is not a size"), ("0", "is not between"), ("5", "less than a pixel")):
        with pytest.raises(VertumnusError, match=words):
            output_size(plan, text)
