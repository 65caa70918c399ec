"""Packing from end to end. What it promises is recomputed from scratch, by a sampler of the tests' own."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import spearmanr

import vertumnus as vt
from drawn import blob, element, png
from reference import sampled_alpha
from vertumnus.document.placement import Placement
from vertumnus.packing.pack import live_pack, run
from vertumnus.packing.run import Packing
from vertumnus.shapes import parse_shape

SIZE = 140


def silhouettes(collage):
    """Each visible layer's pixels at twice the canvas size: (surely inside, surely or perhaps inside)."""
    found = []
    for layer in collage.layers:
        if layer.visible:
            alpha = np.asarray(collage.pictures.image(layer.image).getchannel("A"))
            sampled = sampled_alpha(alpha, layer.placement, collage.width, collage.height, 2.0)
            found.append((sampled > 0.5 + 1e-4, sampled > 0.5 - 1e-4))
    return found


def check_strict(collage, shape="circle", gap=0.0, border=0.0, **how):
    """No pixel in two silhouettes, none outside; gaps are kept; the report says what is there."""
    mask = parse_shape(shape, **how).mask(collage.width * 2, collage.height * 2)
    parts = silhouettes(collage)
    cover = sum(surely.astype(int) for surely, _ in parts)
    assert cover.max() <= 1
    assert not (cover[~mask] > 0).any()
    perhaps = sum(maybe.astype(int) for _, maybe in parts)
    report = collage.made_by.report
    assert (cover[mask] > 0).mean() <= report["coverage"] + 1e-6 <= (perhaps[mask] > 0).mean() + 2e-6
    assert report["overlap"] == 0
    assert report["spill"] == 0
    if border:
        assert (ndimage.distance_transform_edt(mask)[cover > 0] > border * 2).all()
    if gap:
        for n, (surely, _) in enumerate(parts):
            others = cover - surely
            if surely.any() and others.any():
                assert ndimage.distance_transform_edt(others == 0)[surely].min() > gap * 2, n


def sizes(collage):
    """Each layer's silhouette area in canvas pixels, by name."""
    found = {}
    for layer in collage.layers:
        alpha = np.asarray(collage.pictures.image(layer.image).getchannel("A"))
        found[layer.name] = np.count_nonzero(alpha > 127) * layer.scale**2
    return found


@pytest.mark.parametrize("shape", ["circle", "text:Q", "icon:butterfly", "star"])
def test_closed_packing_is_strict_and_full(blobs, shape):
    collage = vt.pack(blobs, shape, size=SIZE, count=30, quality="fast")
    check_strict(collage, shape)
    assert collage.made_by.report["coverage"] > 0.6
    assert collage.made_by.report["unplaced"] == []
    assert len(collage.layers) == 30


def test_photographs_are_rectangles():
    photos = [
        element(np.dstack([blob(n, 60, 40)[..., :3], np.full((40, 60), 255, np.uint8)]), f"p{n}") for n in range(6)
    ]
    collage = vt.pack(photos, "canvas", size=(200, 120), count=20, quality="fast")
    check_strict(collage, "canvas")
    assert collage.made_by.report["coverage"] > 0.7


def test_same_seed_same_bytes_and_another_seed_another_layout(blobs, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        vt.pack(blobs, "circle", size=SIZE, seed=seed, quality="fast").save(tmp_path / f"{name}.collage")
    a, b, c = ((tmp_path / f"{name}.collage").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_sizes_stay_in_their_range(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, count=24, quality="fast", size_range=(0.5, 1.5))
    fair = np.count_nonzero(parse_shape("circle").mask(2 * SIZE, 2 * SIZE)) / 4 / 24
    share = np.array(list(sizes(collage).values())) / fair
    assert len(share) == 24
    assert share.max() <= 3 * share.min() * 1.001
    # A range too narrow to fill the shape is lowered for all alike, and raised again as far as it goes.
    assert 0.3 < share.min() < share.max() <= 1.5 * 1.001


def test_free_sizes_follow_weights(blobs):
    weights = {"blob0": 6.0}
    collage = vt.pack(blobs, "circle", size=SIZE, weights=weights, quality="fast", size_range=(0.6, 1.4))
    area = sizes(collage)
    assert area["blob0"] == max(area.values())
    assert area["blob0"] > 2.5 * np.median(list(area.values()))


def test_areas_go_with_weights_unless_told_otherwise(blobs):
    weights = {f"blob{n}": 1.0 + (5 * n) % 12 for n in range(12)}
    collage = vt.pack(blobs, "circle", size=SIZE, weights=weights, quality="fast")
    area = sizes(collage)
    assert spearmanr([area[name] for name in weights], list(weights.values())).statistic >= 0.9


def test_proportional_sizes_keep_their_proportions(blobs):
    weights = {f"blob{n}": float(1 + n % 4) for n in range(12)}
    collage = vt.pack(blobs, "circle", size=SIZE, weights=weights, quality="fast", sizes="proportional")
    check_strict(collage)
    area = sizes(collage)
    assert len(area) == 12
    unit = np.array([area[name] / weight for name, weight in weights.items()])
    np.testing.assert_allclose(unit, unit.mean(), rtol=2e-3)
    assert collage.made_by.report["coverage"] > 0.4


@pytest.mark.slow
def test_fixed_sizes_are_exact_and_what_finds_no_place_is_named(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, quality="fast", sizes="fixed", element_size=20.0)
    check_strict(collage)
    np.testing.assert_allclose(list(sizes(collage).values()), 400, rtol=2e-3)
    crowded = vt.pack(blobs, "circle", size=SIZE, count=60, quality="fast", sizes="fixed", element_size=20.0)
    check_strict(crowded)
    report = crowded.made_by.report
    assert report["unplaced"]
    assert len(crowded.layers) + len(report["unplaced"]) == 60
    fits = report["largest_element_size"]
    assert all(f"all fit at an element size of {fits:.4g}" in item["reason"] for item in report["unplaced"])
    assert 8 < fits < 20
    none = vt.pack(blobs, "circle", size=SIZE, count=60, quality="fast", sizes="fixed", element_size=800.0)
    assert none.layers == []
    assert none.made_by.report["largest_element_size"] == pytest.approx(fits, rel=0.1)


def test_one_piece_too_long_shrinks_all_alike_and_is_named(blobs):
    long = element(np.full((8, 160, 4), 255, np.uint8), "long")
    collage = vt.pack([*blobs[:5], long], "circle", size=100, quality="fast", sizes="proportional")
    check_strict(collage)
    area = sizes(collage)
    np.testing.assert_allclose(list(area.values()), np.mean(list(area.values())), rtol=2e-3)
    assert collage.made_by.report["limited_by"] == "long"


@pytest.mark.parametrize("options", [{"gap": 3.0, "border": 2.0}, {"block": ["icon:star"]}])
def test_proportional_sizes_keep_gaps_and_go_around_holes(blobs, options):
    collage = vt.pack(blobs, "circle", size=SIZE, quality="fast", sizes="proportional", **options)
    check_strict(collage, "circle", **options)
    assert len(collage.layers) == 12


def test_only_the_angles_asked_for(blobs):
    how = {"size": SIZE, "quality": "fast", "rotation": "0,90"}
    for kind in ("proportional", "free"):
        collage = vt.pack(blobs, "circle", sizes=kind, **how)
        check_strict(collage)
        assert {layer.rotation % 360 for layer in collage.layers} == {0.0, 90.0}


@pytest.mark.parametrize("gap", [2.0, 5.0])
def test_gap_and_border(blobs, gap):
    collage = vt.pack(blobs, "heart", size=SIZE, quality="fast", gap=gap, border=3.0)
    check_strict(collage, "heart", gap=gap, border=3.0)
    assert len(collage.layers) == 12


@pytest.mark.parametrize(("rotation", "most"), [("none", 0.0), (15.0, 15.0)])
def test_rotation_is_bounded(blobs, rotation, most):
    collage = vt.pack(blobs, "circle", size=SIZE, quality="fast", rotation=rotation)
    turns = np.array([layer.rotation for layer in collage.layers])
    assert np.abs(turns).max() <= most
    assert (np.abs(turns).max() > 0) == (most > 0)


def test_random_rotation_is_kept_from_the_start(blobs):
    packing = live_pack(blobs, "circle", size=SIZE, rotation="random", quality="fast")
    before = packing.optimiser.placements.rotation.copy()
    for _ in packing:
        pass
    after = np.deg2rad([place.rotation for place in packing.layout()])
    assert np.ptp(before) > 1
    np.testing.assert_allclose(np.sin(before - after), 0, atol=1e-4)


def test_flips_only_where_allowed(blobs):
    assert not any(layer.flip for layer in vt.pack(blobs, "circle", size=SIZE, quality="fast").layers)
    assert any(layer.flip for layer in vt.pack(blobs, "circle", size=SIZE, quality="fast", flip=True).layers)


def test_blocks_holes_and_islands(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, count=24, quality="fast", block=["icon:star"])
    check_strict(collage, "circle", block=["icon:star"])
    islands = vt.pack(blobs, "text:oT", size=SIZE, count=24, quality="fast")
    check_strict(islands, "text:oT")
    left = sum(layer.x < SIZE / 2 for layer in islands.layers)
    assert 3 < left < 21


def test_overlap_may_be_allowed(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, quality="fast", overlap="allow")
    assert collage.made_by.report["coverage"] > 0.6
    assert 0 < collage.made_by.report["overlap"] < 0.1


@pytest.mark.parametrize("init", ["distance-field", "random", "medial-axis", "ordered"])
def test_every_initialisation(blobs, init):
    collage = vt.pack(blobs, "heart", size=SIZE, quality="fast", init=init)
    check_strict(collage, "heart")


@pytest.mark.parametrize("seed", [0, 1])
def test_ordered_elements_stay_about_in_order(blobs, seed):
    collage = vt.pack(blobs, "canvas", size=(300, 60), quality="fast", init="ordered", axis="left", seed=seed)
    order = [int(layer.name.removeprefix("blob")) for layer in sorted(collage.layers, key=lambda layer: -layer.x)]
    rank = np.corrcoef(order, range(12))[0, 1]
    assert rank > 0.93


def test_what_lies_between_the_pixels_does_not_fall_for_ever(blobs):
    weights = {blobs[0].name: 1e5, blobs[1].name: 1.0}
    collage = vt.pack(blobs[:2], "square", size=20, open=True, quality="fast", weights=weights)
    assert collage.made_by.report["spill"] == 0


@pytest.mark.parametrize("gravity", ["down", "up", "left", "right", "70,20"])
def test_open_packing_lies_where_gravity_pulls(blobs, gravity):
    options = {"open": True, "fill": 0.3, "quality": "fast", "gravity": gravity}
    collage = vt.pack(blobs, "circle", size=SIZE, count=24, **options)
    check_strict(collage)
    area = sizes(collage)
    assert max(area.values()) == pytest.approx(min(area.values()), rel=2e-3)
    x, y = np.mean([layer.x for layer in collage.layers]), np.mean([layer.y for layer in collage.layers])
    to = {"down": y - 70, "up": 70 - y, "left": 70 - x, "right": x - 70, "70,20": 70 - y}[gravity]
    assert to > 15


def test_poured_elements_lie_still(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, count=20, open=True, fill=0.3, quality="normal")
    parts = [perhaps for _, perhaps in silhouettes(collage)]
    mask = parse_shape("circle").mask(2 * SIZE, 2 * SIZE)
    whole = sum(part.astype(int) for part in parts)
    held = 0
    for part in parts:
        below = np.roll(part, 3, axis=0)  # where it would be, three raster pixels lower
        held += bool((below & ((whole - part > 0) | ~mask)).any())
    assert held >= len(parts) - 1


def test_a_warm_start_keeps_the_layout_and_locked_layers_stay(blobs):
    first = vt.pack(blobs, "circle", size=SIZE, quality="fast")
    first.layers[2].locked = True
    first.layers[2].prompt = "kept"
    first.layers[3].opacity = 0.5
    first.layers[5].visible = False
    again = vt.pack([], "circle", size=SIZE, seed=9, quality="fast", start=first)
    assert [layer.name for layer in again.layers] == [layer.name for layer in first.layers]
    assert again.layers[2] == first.layers[2]
    assert again.layers[5] == first.layers[5]
    assert again.layers[3].opacity == 0.5
    moved = [
        np.hypot(a.x - b.x, a.y - b.y)
        for a, b in zip(again.layers, first.layers, strict=True)
        if a.visible and not a.locked
    ]
    assert np.median(moved) < 12
    check_strict(again)


def test_others_flow_around_what_is_locked(blobs):
    first = vt.pack(blobs, "circle", size=SIZE, quality="fast")
    layer = first.layers[0]
    layer.locked, layer.x, layer.y, layer.scale = True, 70.0, 70.0, 1.2
    again = vt.pack([], "circle", size=SIZE, quality="fast", start=first)
    check_strict(again)
    assert again.layers[0] == layer


def test_new_elements_join_a_warm_start(blobs):
    first = vt.pack(blobs[:8], "circle", size=SIZE, quality="fast")
    again = vt.pack(blobs, "circle", size=SIZE, quality="fast", start=first)
    assert len(again.layers) == 12
    check_strict(again)
    more = vt.live_pack(blobs, "circle", size=SIZE, count=6, start=first)
    assert len(more.pieces.elements) == 8 + 6
    assert {piece.image for piece in more.pieces.elements[8:]} == {layer.image for layer in again.layers[8:]}


def test_count_repeats_elements_in_turn(blobs):
    collage = vt.pack(blobs[:3], "circle", size=SIZE, count=8, quality="fast")
    assert sorted(layer.name for layer in collage.layers) == [
        "blob0", "blob0 2", "blob0 3", "blob1", "blob1 2", "blob1 3", "blob2", "blob2 2",
    ]  # fmt: skip
    assert len({layer.image for layer in collage.layers}) == 3


def test_it_can_be_watched_and_stopped(blobs):
    phases = []

    def watch(packing: Packing) -> None:
        phases.append(packing.phase)
        assert 0 <= packing.coverage <= 1.2
        if len(phases) == 40:
            packing.request_stop()

    collage = vt.pack(blobs, "circle", size=SIZE, watch=watch)
    check_strict(collage)
    assert phases.count("arrange") == 40
    assert phases.count("finish") == 1


def test_resuming_gives_the_same_collage(blobs, tmp_path):
    def job(seed=1, **more):
        return live_pack(blobs, "circle", size=SIZE, seed=seed, quality="fast", **more)

    whole = job().run().document()

    class Crash(Exception):  # noqa: N818
        pass

    def crash(packing: Packing) -> None:
        if packing.done == 700:
            raise Crash

    with pytest.raises(Crash):
        run(job(), watch=crash, checkpoint=tmp_path / "c", every=300)
    resumed = run(job(), checkpoint=tmp_path / "c", resume=True).document()
    assert resumed.model_dump() == whole.model_dump()
    for changed, field in (
        (job(2), "seed"),
        (job(block=["icon:star"]), "block"),
        (job(weights={"blob3": 2.0}), "weights"),
        (job(gap=1.0), "gap"),
        (live_pack(blobs, "heart", size=SIZE, seed=1, quality="fast"), "container"),
        (live_pack(blobs[:-1], "circle", size=SIZE, seed=1, quality="fast"), "elements"),
    ):
        with pytest.raises(vt.VertumnusError, match=f"{field}: the checkpoint is of another run"):
            run(changed, checkpoint=tmp_path / "c", resume=True)


@pytest.mark.slow
def test_the_best_of_several_starts_wins(blobs):
    single = [vt.pack(blobs, "circle", size=80, seed=n, quality="fast").made_by.report["coverage"] for n in (5, 6)]
    best = vt.pack(blobs, "circle", size=80, seed=5, starts=2, quality="fast")
    assert best.made_by.report["coverage"] == max(single)
    assert best.seed == 5 + single.index(max(single))


def test_a_layout_does_not_depend_on_the_canvas_size_it_is_drawn_at(blobs):
    collage = vt.pack(blobs, "circle", size=SIZE, quality="fast")
    small, large = (np.asarray(collage.render(scale=s).convert("RGBa")) / 255.0 for s in (1, 4))
    pooled = large.reshape(SIZE, 4, SIZE, 4, 4).mean((1, 3))
    assert np.abs(small - pooled).mean() < 0.012


@pytest.mark.slow
def test_a_large_canvas_is_strict_too(blobs):
    collage = vt.pack(blobs[:6], "circle", size=700, quality="fast")
    check_strict(collage)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "count: must be at least 1"),
        ({"gap": -1.0}, "gap: "),
        ({"sizes": "some"}, "sizes: "),
        ({"size_range": (2.0, 3.0)}, "size_range: must have its least at or below 1"),
        ({"gravity": "sideways"}, "gravity: must be none, down, up, left, right or a point"),
        ({"element_size": 5.0}, "element_size is for fixed sizes"),
        ({"colour": 1}, "colour: "),
        ({"weights": {"nobody": 1.0}}, "no element is called 'nobody'"),
        ({"resume": True}, "resume: needs the checkpoint"),
        ({"starts": 2, "checkpoint": "x"}, "checkpoint: goes with one start"),
    ],
)
def test_bad_arguments_are_one_sentence(blobs, arguments, words):
    with pytest.raises(vt.VertumnusError) as caught:
        vt.pack(blobs, "circle", size=SIZE, **arguments)
    assert words in str(caught.value).replace("`", "")
    assert "\n" not in str(caught.value)


def test_extreme_inputs(blobs, tmp_path):
    one = vt.pack(blobs[:1], "circle", size=SIZE, quality="fast")
    check_strict(one)
    tiny = vt.pack([element(np.full((1, 1, 4), 255, np.uint8), "dot")], "circle", size=40, count=5, quality="fast")
    check_strict(tiny)
    assert len(tiny.layers) == 5
    (tmp_path / "a.png").write_bytes(png(blob(1)))
    crowd = vt.pack(tmp_path / "a.png", "circle", size=30, count=200, quality="fast")
    check_strict(crowd)
    assert len(crowd.layers) + len(crowd.made_by.report["unplaced"]) == 200


def test_placements_are_written_in_few_digits(blobs):
    for layer in vt.pack(blobs, "circle", size=SIZE, quality="fast").layers:
        place: Placement = layer.placement
        assert place.x == round(place.x, 3)
        assert place.rotation == round(place.rotation, 3)
        assert place.scale == float(f"{place.scale:.7g}")


def test_pieces_bleed_over_the_edge_and_are_cut_there(tmp_path):
    """Photographs fill a clipped circle to its edge; what shows of the picture is the circle, crisp."""
    photos = [
        element(np.dstack([blob(n, 60, 40)[..., :3], np.full((40, 60), 255, np.uint8)]), f"p{n}") for n in range(6)
    ]
    plain = vt.pack(photos, "circle", size=SIZE, count=20, quality="fast")
    collage = vt.pack(photos, "circle", size=SIZE, count=20, quality="fast", clip=True)
    report = collage.made_by.report
    assert report["coverage"] > plain.made_by.report["coverage"] + 0.02
    assert (report["spill"], report["overlap"]) == (0.0, 0.0)
    assert report["cut"] > 0.02
    inside = parse_shape("circle").coverage(SIZE * 2, SIZE * 2).reshape(SIZE, 2, SIZE, 2).mean((1, 3))
    drawn = np.asarray(collage.render().getchannel("A"))
    assert (drawn[inside == 0] < 6).all()
    edge = (inside > 20) & (inside < 235)
    assert np.abs(drawn.astype(int) - inside)[edge].min() < 6  # as the shape itself is anti-aliased
    assert (drawn[edge] <= inside[edge] + 24).all()
    cut = [np.count_nonzero(surely) for surely, _ in silhouettes(collage)]
    mask = parse_shape("circle").mask(SIZE * 2, SIZE * 2)
    shown = [np.count_nonzero(surely & mask) for surely, _ in silhouettes(collage)]
    assert all(part > 0.1 * whole for part, whole in zip(shown, cut, strict=True))  # none is all but cut away
    collage.save(tmp_path / "a.collage")
    again = vt.again(vt.Collage.load(tmp_path / "a.collage"))
    again.save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()
    with pytest.raises(vt.VertumnusError, match="clip goes without"):
        vt.pack(photos, "circle", size=SIZE, clip=True, border=3)
