"""Generating as a job: batches, folders, interruptions, tiles made anew, mosaics."""

import io
import json
import pickle

import numpy as np
import pytest
import torch

from photographs import drawn
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.generate.finish import apply_affine
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.generate import Request, make_job
from vertumnus.mosaic.generate.job import GenerateJob, cell_name, places_of
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.result import make_result
from vertumnus.mosaic.match.grid import regular_grid
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import draw_mosaic, save_mosaic
from vertumnus.mosaic.workers import RayWorkers


def job(model, rows=2, columns=3, seed=3, **options):
    grid = regular_grid(40 * columns, 40 * rows, rows, columns)
    chosen = GenerateOptions(**{"steps": 2, "strength": 1, "decoder": "linear", "batch": 2} | options)
    return GenerateJob(
        drawn(40 * columns, 40 * rows), "drawn.png", grid, ["a cat"] * len(grid), model, options=chosen, seed=seed
    )


def made(one, path):
    folder = TileFolder(path, one.identity())
    one.run(folder)
    return {file.name: file.read_bytes() for file in sorted(path.glob("*.png"))}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("method", ["guided", "quilt", "match"])
def test_an_interrupted_run_ends_in_the_same_bytes(model, tmp_path, method):
    whole = made(job(model, method=method), tmp_path / "whole")
    one = job(model, method=method)
    calls = 0

    def kill(*_):
        nonlocal calls
        calls += 1
        if calls == 4:  # in the midst of the second batch
            raise KilledError

    place = tmp_path / "again"
    with pytest.raises(KilledError):
        one.run(TileFolder(place, one.identity()), kill)
    assert len(list(place.glob("*.png"))) == 2
    # Of the first batch one tile is lost as well: what is missing is done in the batches it would have been.
    next(place.glob("*.png")).unlink()
    assert made(job(model, method=method), place) == whole


@pytest.mark.parametrize(
    "method", ["guided", "quilt", "adain", "noise-blend", "image-to-image", "factorized", "tone"]
)
def test_every_method_gives_tiles_of_the_models_size(model, tmp_path, method):
    one = job(model, 1, 2, method=method)
    found = made(one, tmp_path / "tiles")
    names = [name for name in found if not name.startswith("pool")]
    assert names == ["000000.png", "000001.png"]
    assert TileFolder(tmp_path / "tiles", one.identity()).read("000001").shape == (16, 16, 3)


def test_seeds_tell_tiles_apart_and_another_run_replaces_the_first(model, tmp_path):
    first = made(job(model, 1, 2), tmp_path / "tiles")
    assert first["000000.png"] != first["000001.png"]
    other = made(job(model, 1, 2, seed=4), tmp_path / "tiles")
    assert other["000000.png"] != first["000000.png"]
    assert made(job(model, 1, 2), tmp_path / "tiles") == first


def test_one_tile_made_anew_leaves_the_rest(model, tmp_path):
    one = job(model)
    before = made(one, tmp_path / "tiles")
    folder = TileFolder(tmp_path / "tiles", one.identity())
    one.again(folder, 4)
    once = {file.name: file.read_bytes() for file in (tmp_path / "tiles").glob("*.png")}
    one.again(folder, 4)
    twice = folder.file(cell_name(4)).read_bytes()
    assert [name for name in before if once[name] != before[name]] == ["000004.png"]
    assert len({before["000004.png"], once["000004.png"], twice}) == 3
    assert make_result(one, folder).made_by.report["again"] == {"4": 2}
    with pytest.raises(VertumnusError, match="there is no cell 6; they are numbered from 0 to 5"):
        one.again(folder, 6)


def test_tiles_begin_with_their_part_of_a_structure(model):
    """After a hundredth of the schedule they are still nearer to it than to the reference."""
    data = io.BytesIO()
    drawn(80, 40).rotate(180).save(data, "PNG")
    options = GenerateOptions(method="free", steps=100, structure=0.01, guidance_scale=1)
    one = GenerateJob(
        drawn(80, 40), "drawn.png", regular_grid(80, 40, 1, 2), ["a"] * 2, model, options=options,
        structure=data.getvalue(),
    )  # fmt: skip
    tiles = np.stack(one.draw([0, 1])).astype(float) / 255

    def far(blocks):
        seen = torch.tensor(blocks.astype(np.float32) / 255).movedim(-1, 1)
        with torch.no_grad():
            through = model.decode(model.to_latents(seen)).clamp(0, 1).movedim(1, -1).numpy()
        return np.abs(tiles - through).mean()

    assert far(one._structures) < 0.7 * far(one.pictures)
    assert one.identity() != GenerateJob(
        drawn(80, 40), "drawn.png", regular_grid(80, 40, 1, 2), ["a"] * 2, model, options=options
    ).identity()  # fmt: skip


class Elsewhere:
    """Workers that see only what can be sent to them."""

    def map(self, function, jobs, shared=None):
        for one in jobs:
            sent = pickle.loads(pickle.dumps((function, shared, one)))
            yield pickle.loads(pickle.dumps(sent[0](*sent[1:])))


def requested(folder, tmp_path, **options):
    drawn(80, 80).save(tmp_path / "reference.png")
    request = Request(tmp_path / "reference.png", ["a cat", "b"], folder)
    chosen = GenerateOptions(**{"steps": 2, "decoder": "linear", "batch": 3} | options)
    return make_job(request, seed=2, options=chosen, cells=MosaicOptions(grid="2x2"))


@pytest.mark.parametrize("method", ["guided", "match"])
def test_other_machines_draw_the_same_bytes(model, tmp_path, method):
    folder = model.pipeline.config._name_or_path
    here = made(requested(folder, tmp_path, method=method, pool=3), tmp_path / "here")
    one = requested(folder, tmp_path, method=method, pool=3)
    told = []
    one.run(TileFolder(tmp_path / "there", one.identity()), lambda *step: told.append(step), Elsewhere())
    assert {file.name: file.read_bytes() for file in sorted((tmp_path / "there").glob("*.png"))} == here
    assert told[-1] == ((8, 8) if method == "guided" else (6, 6))
    with pytest.raises(VertumnusError, match="does not say how it came to be"):
        job(model).run(TileFolder(tmp_path / "no", {}), workers=Elsewhere())


@pytest.mark.slow
def test_a_cluster_draws_the_same_bytes(model, tmp_path):
    pytest.importorskip("ray")
    folder = model.pipeline.config._name_or_path
    here = made(requested(folder, tmp_path, batch=1), tmp_path / "here")
    one = requested(folder, tmp_path, batch=1)
    one.run(TileFolder(tmp_path / "there", one.identity()), workers=RayWorkers("local"))
    assert {file.name: file.read_bytes() for file in sorted((tmp_path / "there").glob("*.png"))} == here


def test_of_several_candidates_the_nearest_is_kept(model, tmp_path):
    single, three = job(model, 1, 2), job(model, 1, 2, candidates=3)
    steps = []
    found = three.draw([0, 1], watch=lambda: steps.append(1))
    tried = [single.draw([0, 1], attempt | number << 32) for number, attempt in enumerate((0, 0, 0))]
    for cell in (0, 1):
        errors = [three.error(cell, tiles[cell]) for tiles in tried]
        assert len(set(errors)) == 3
        assert (found[cell] == tried[int(np.argmin(errors))][cell]).all()
    assert len(steps) == 6
    other = job(model, 1, 2, candidates=3, finish_gain=0.3).identity()
    assert other != three.identity()  # the finish takes part in the choice
    assert job(model, 1, 2, finish_gain=0.3).identity() == single.identity()
    assert three.finish(0, found[0])[0].min() >= 0.6 > job(model, finish_gain=0.1).finish(0, found[0])[0].min()
    # Seen from afar: means of 8 x 8 places, here of two pixels a side each.
    wanted = three.pictures[0].astype(float) / 255
    tile = apply_affine(found[0], *three.finish(0, found[0])).astype(float) / 255
    means = (tile - wanted).reshape(8, 2, 8, 2, 3).mean((1, 3))
    assert three.error(0, found[0]) == pytest.approx((means**2).mean(), rel=1e-5)


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried ..."),
])  # fmt: skip
def test_batches_shrink_until_memory_suffices(model, tmp_path, monkeypatch, error):
    one = job(model, batch=6)
    real, sizes = GenerateJob._draw_once, []

    def scarce(self, cells, *rest, **more):
        sizes.append(len(cells))
        if len(cells) > 2:
            raise error
        return real(self, cells, *rest, **more)

    monkeypatch.setattr(GenerateJob, "_draw_once", scarce)
    made(one, tmp_path / "tiles")
    assert sizes == [6, 3, 2, 2, 2]
    assert json.loads((tmp_path / "tiles" / "run.json").read_text())["state"]["batch"] == 2

    def none(*_, **__):
        raise error

    monkeypatch.setattr(GenerateJob, "_draw_once", none)
    with pytest.raises(VertumnusError, match="memory runs out with 1 tiles at once"):
        made(job(model, seed=5), tmp_path / "no")


def test_a_folder_of_others_is_refused(model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.txt").write_text("years of work")
    with pytest.raises(VertumnusError, match="thesis: is there and holds no tiles that this program generated"):
        TileFolder(tmp_path / "thesis", {})
    with pytest.raises(VertumnusError, match="no"):
        TileFolder(tmp_path / "no" / "where", {})


def test_the_mosaic_is_a_collage_that_draws_as_its_tiles(model, tmp_path):
    one = job(model)
    made(one, tmp_path / "tiles")
    folder = TileFolder(tmp_path / "tiles", one.identity())
    collage = make_result(one, folder)
    assert (len(collage.layers), collage.width, collage.height) == (6, 48, 32)
    picture = np.asarray(draw_mosaic(collage))
    tile = folder.read(cell_name(4))
    part = apply_affine(tile, *one.finish(4, tile))
    left, top, width, height = collage.layers[4].crop
    shown = part[top : top + height, left : left + width]
    assert shown.shape == (16, 16, 3)
    assert np.abs(picture[16:32, 16:32].astype(int) - shown).max() <= 1
    assert collage.layers[4].prompt == "a cat"
    save_mosaic(collage, tmp_path / "a.collage")
    assert len(Collage.load(tmp_path / "a.collage").layers) == 6
    plain = make_result(job(model, finish="none"), folder)
    assert {layer.gain for layer in plain.layers} == {(1.0, 1.0, 1.0)}


def test_places_are_rows_and_columns():
    assert places_of(regular_grid(120, 90, 2, 3)).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    brick = places_of(regular_grid(120, 90, 2, 3, "brick"))
    assert len({tuple(place) for place in brick.tolist()}) == 7


def test_a_reference_smaller_than_the_grid_is_refused(model):
    with pytest.raises(VertumnusError, match="smaller than the grid"):
        GenerateJob(drawn(), "drawn.png", regular_grid(120, 90, 91, 3), ["a cat"] * 273, model)
