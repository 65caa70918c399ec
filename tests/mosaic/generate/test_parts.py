"""Blocks, finish, pool, layout and prompts against plain computations."""

import numpy as np
import pytest
from PIL import Image

from photographs import drawn
from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import LINEAR
from vertumnus.mosaic.generate.blocks import Extent, cut_blocks, shown_parts, tile_extent
from vertumnus.mosaic.generate.finish import GAINS, affine_towards, apply_affine
from vertumnus.mosaic.generate.generate import Request
from vertumnus.mosaic.generate.pool import fill_from_pool, nearest
from vertumnus.mosaic.generate.prompts import Region, place_prompts, read_prompts
from vertumnus.mosaic.match.grid import regular_grid


def noise(seed, side=16):
    return np.random.default_rng(seed).integers(40, 200, (side, side, 3)).astype(np.uint8)


def test_blocks_are_means_of_the_references_pixels():
    picture = drawn(96, 64)
    pixels = np.asarray(picture, float)
    blocks = cut_blocks(picture, regular_grid(96, 64, 2, 3), Extent(16, 16), (4, 4))
    for n in range(6):
        part = pixels[32 * (n // 3) :, 32 * (n % 3) :][:32, :32]
        assert np.abs(blocks[n] - part.reshape(4, 8, 4, 8, 3).mean((1, 3))).max() <= 1


def test_a_tile_stands_for_more_than_a_cell_of_another_aspect():
    """Cells twice as wide as high show the middle of square tiles, which stand for squares around the cells."""
    picture, grid = drawn(64, 64), regular_grid(64, 64, 4, 2)
    assert shown_parts(grid, Extent(16, 16))[0].tolist() == [0, 0.25, 1, 0.75]
    blocks = cut_blocks(picture, grid, Extent(16, 16), (32, 32))
    pixels = np.asarray(picture)
    assert (blocks[2] == pixels[8:40, :32]).all()
    assert (blocks[0][8:] == pixels[:24, :32]).all()
    assert (blocks[0][:8] == pixels[:1, :32]).all()  # beyond the edge, the edge


def test_extents_follow_the_cells():
    assert tile_extent(None, 128, 32, 1.2) == (128, 128)
    assert tile_extent(None, 512, 64, 2.0) == (704, 384)
    assert tile_extent("768x512", 512, 64, 1.0) == (768, 512)
    with pytest.raises(VertumnusError, match="width of 100 is no multiple of 32; try 96"):
        tile_extent("100", 128, 32, 1.0)
    with pytest.raises(VertumnusError, match="'big' is not a size"):
        tile_extent("big", 128, 32, 1.0)


def test_the_finish_undoes_an_affine_change_of_light():
    tile = noise(1, 64)
    block = apply_affine(tile, np.array([0.8, 1.2, 1.0]), np.array([0.02, -0.01, 0.0]))
    gain, offset = affine_towards(tile, block)
    assert np.allclose(gain, [0.8, 1.2, 1.0], atol=0.02)
    assert np.allclose(offset, [0.02, -0.01, 0.0], atol=0.006)


def test_the_finish_is_the_best_within_bounds_and_keeps_means():
    tile, other = noise(1, 64), noise(2, 64)
    other[..., 0] //= 8  # so dark that light is clipped
    gain, offset = affine_towards(tile, other)
    assert ((gain >= GAINS[0]) & (gain <= GAINS[1])).all()

    def afar(picture):
        return (picture / 255).reshape(8, 8, 8, 8, 3).mean((1, 3))

    finished = apply_affine(tile, gain, offset)
    assert np.allclose(afar(finished).mean((0, 1)), afar(other).mean((0, 1)), atol=2e-3)
    best = ((afar(finished) - afar(other)) ** 2).sum((0, 1))
    for trial in np.linspace(*GAINS, 7):
        shifts = np.linspace(-0.5, 0.5, 201)
        errors = [((afar(apply_affine(tile, trial, shift)) - afar(other)) ** 2).sum((0, 1)) for shift in shifts]
        assert (np.min(errors, axis=0) >= 0.94 * best - 1e-4).all()


def test_a_flat_tile_gets_its_blocks_mean():
    flat = np.full((16, 16, 3), 90, np.uint8)
    gain, offset = affine_towards(flat, noise(3))
    assert np.allclose(gain, 1)
    assert np.abs(apply_affine(flat, gain, offset).mean((0, 1)) - noise(3).mean((0, 1))).max() < 1


def test_the_pool_gives_the_nearest_in_the_blocks_tone():
    pool = [noise(n) for n in range(5)]
    block = np.clip(pool[3].astype(int) + np.random.default_rng(0).integers(-9, 9, (16, 16, 3)), 0, 255)
    block = block.astype(np.uint8)
    assert nearest(pool, block) == 3
    tile = fill_from_pool(pool, block, "match")
    assert np.allclose(LINEAR[tile].mean((0, 1)), LINEAR[block].mean((0, 1)), atol=0.01)
    assert np.allclose(LINEAR[tile].std((0, 1)), LINEAR[block].std((0, 1)), atol=0.01)
    first = fill_from_pool(pool, block, "histogram")
    assert np.abs(np.sort(first[..., 0].ravel()).astype(int) - np.sort(block[..., 0].ravel())).mean() < 2


def test_layouts_are_the_latents_under_the_tiles(model):
    import torch

    from vertumnus.mosaic.generate.layout import layout_of, low_resolution_latents

    latents = low_resolution_latents(drawn(64, 64), model, 4)
    assert latents.shape == (1, 4, 8, 8)
    grid = regular_grid(64, 64, 2, 2)
    found = layout_of(latents, grid, Extent(16, 16), [0, 3], (4, 4))
    assert torch.allclose(found[0], latents[0, :, :4, :4], atol=1e-5)
    assert torch.allclose(found[1], latents[0, :, 4:, 4:], atol=1e-5)
    assert layout_of(latents, grid, Extent(16, 16), [1], (8, 8)).shape == (1, 4, 8, 8)


def placed(**more):
    seed = more.pop("seed", 1)
    request = Request(None, more.pop("prompts", ["a cat"]), **more)
    return place_prompts(regular_grid(120, 90, 3, 4), (120, 90), request, seed)


def test_prompts_by_list_and_at_random(tmp_path):
    assert placed() == ["a cat"] * 12
    mixed = placed(prompts=["a cat", "a dog"])
    assert set(mixed) == {"a cat", "a dog"}
    assert mixed == placed(prompts=["a cat", "a dog"])
    assert set(placed(prompts=["a cat", "a dog"], shares=[0, 2])) == {"a dog"}
    many = [placed(prompts=["a cat", "a dog"], shares=[3, 1], seed=n).count("a cat") for n in range(40)]
    assert np.mean(many) == pytest.approx(9, abs=3 * (12 * 0.75 * 0.25 / 40) ** 0.5)
    for shares, words in (([1], "1 for 2 prompts"), ([0, 0], "not all 0"), ([1, np.nan], "not below 0")):
        with pytest.raises(VertumnusError, match=words):
            placed(prompts=["a cat", "a dog"], shares=shares)
    each = [f"a star {n}" for n in range(12)]
    (tmp_path / "list.txt").write_text("\n\n".join(each), "utf-8")
    assert placed(each=read_prompts(tmp_path / "list.txt")) == each
    with pytest.raises(VertumnusError, match="11 for 12 cells"):
        placed(each=each[:11])
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(VertumnusError, match=r"empty.txt: holds no prompt"):
        read_prompts(tmp_path / "empty.txt")


def test_prompts_by_region(tmp_path):
    area = np.zeros((9, 12, 3), np.uint8)
    area[:3] = (255, 0, 0)
    area[3:, 6:] = (0, 0, 255)
    Image.fromarray(area).save(tmp_path / "map.png")
    regions = [Region.parse("red=a bird"), Region.parse("#0000ff=a fish")]
    found = placed(regions=regions, region_map=tmp_path / "map.png")
    assert found == ["a bird"] * 4 + ["a cat", "a cat", "a fish", "a fish"] * 2
    with pytest.raises(VertumnusError, match=r"map.png: shows no green .* it shows #ff0000, #000000, #0000ff"):
        placed(regions=[Region.parse("green=a leaf")], region_map=tmp_path / "map.png")
    with pytest.raises(VertumnusError, match="'skyish' is not a colour"):
        Region.parse("skyish=a bird")
    with pytest.raises(VertumnusError, match="needs a region map"):
        placed(regions=regions)
    Image.fromarray(area[:3]).save(tmp_path / "flat.png")
    with pytest.raises(VertumnusError, match=r"flat.png: is 12 x 3, not the aspect"):
        placed(regions=regions, region_map=tmp_path / "flat.png")
