"""Cut-outs: what is found, how soft its edge is and whose its colours are; networks; folders; what is refused."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import vertumnus as vt
from vertumnus.elements.collect import collect
from vertumnus.elements.cutout.cut import CutoutOptions, cut_out
from vertumnus.elements.cutout.edge import clean_colours
from vertumnus.elements.cutout.folder import cut_folder
from vertumnus.elements.cutout.matting import Matting
from vertumnus.errors import VertumnusError

SIZE = (150, 200)  # rows, columns


def disc(centre=(80, 110), radius=45, soft=2.0):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip(0.5 + (radius - np.hypot(rows - centre[0], columns - centre[1])) / soft, 0, 1)


def photograph(alpha, ground, noise=0.02, front=(0.8, 0.3, 0.1), seed=0):
    rng = np.random.default_rng(seed)
    picture = alpha[..., None] * np.array(front) + (1 - alpha[..., None]) * ground
    picture = picture + rng.normal(0, noise, picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def encoded(pixels, kind="PNG", **more):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **more)
    return stream.getvalue()


def whole_alpha(cut):
    """A cut's alpha, back in the photograph."""
    alpha = np.zeros((cut.size[1], cut.size[0]))
    left, top, width, height = cut.box
    alpha[top : top + height, left : left + width] = np.asarray(cut.picture.getchannel("A")) / 255
    return alpha


def fading():
    """A wall that darkens from left to right."""
    return np.linspace(0.9, 0.7, SIZE[1])[None, :, None] * np.ones((SIZE[0], 1, 3))


def busy():
    rng = np.random.default_rng(3)
    blobs = ndimage.gaussian_filter(rng.standard_normal((*SIZE, 3)), (5, 5, 0))
    return np.clip(0.35 + blobs / blobs.std() * 0.12, 0, 1) * (0.4, 1.0, 0.9)


@pytest.mark.parametrize(("ground", "method"), [(fading(), "ground"), (busy(), "grabcut")])
def test_an_object_is_found_with_a_soft_edge_in_its_own_colours(ground, method):
    alpha = disc()
    (cut,) = cut_out(encoded(photograph(alpha, ground)), "p.png", CutoutOptions())
    assert cut.method == method
    found = whole_alpha(cut)
    assert np.minimum(found, alpha).sum() / np.maximum(found, alpha).sum() > 0.95
    edge = (alpha > 0.05) & (alpha < 0.95)
    assert np.abs(found - alpha)[edge].mean() < 0.35
    assert cut.share == pytest.approx(np.pi * 45**2 / alpha.size, rel=0.03)
    # Trimmed to it, with a margin.
    assert np.abs(np.array(cut.box) - (63, 33, 94, 94)).max() <= 6
    pixels = np.asarray(cut.picture).astype(float) / 255
    seen = pixels[..., 3] > 0.1
    off = np.abs(pixels[seen][:, :3] - (0.8, 0.3, 0.1))
    raw = np.abs(photograph(alpha, ground)[found > 0.1] / 255 - (0.8, 0.3, 0.1))
    assert off.mean() < raw.mean()


def test_colours_without_the_ground_s():
    """Where the alpha is known, the object's colour comes back."""
    alpha = disc(soft=6).astype(np.float32)
    front, back = np.array((0.9, 0.2, 0.1)), np.array((0.1, 0.4, 0.9))
    mixed = (alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.float32)
    edge = (alpha > 0.3) & (alpha < 0.9)
    clean = clean_colours(mixed, alpha)
    assert np.abs(clean[edge] - front).mean() < 0.5 * np.abs(mixed[edge] - front).mean()
    np.testing.assert_array_equal(clean[alpha > 0.9995], mixed[alpha > 0.9995])


def test_alpha_that_is_there_is_kept_and_objects_are_taken_apart():
    alpha = np.maximum(disc((50, 50), 30), disc((100, 150), 20))
    rgba = np.dstack([np.full((*SIZE, 3), 90, np.uint8), (alpha * 255).astype(np.uint8)])
    cuts = cut_out(encoded(rgba), "p.png", CutoutOptions(objects=5))
    assert [cut.method for cut in cuts] == ["alpha", "alpha"]
    assert cuts[0].share > cuts[1].share
    np.testing.assert_allclose(sum(whole_alpha(cut) for cut in cuts), alpha, atol=0.03)
    assert len(cut_out(encoded(rgba), "p.png", CutoutOptions())) == 1


def test_a_photograph_is_cut_upright():
    pixels = photograph(disc(), fading())
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    turned = encoded(np.rot90(pixels).copy(), "JPEG", quality=95, exif=exif.tobytes())
    (cut,) = cut_out(turned, "p.jpg", CutoutOptions())
    assert cut.size == (200, 150)
    assert np.abs(np.array(cut.box) - (63, 33, 94, 94)).max() <= 6


def test_a_box_says_which():
    alpha = np.maximum(disc((75, 50), 32), disc((75, 150), 32))
    data = encoded(photograph(alpha, busy()))
    (cut,) = cut_out(data, "p.png", CutoutOptions(box=(0.52, 0.2, 0.98, 0.8)))
    found = whole_alpha(cut)
    right = disc((75, 150), 32)
    assert np.minimum(found, right).sum() / np.maximum(found, right).sum() > 0.9


def onnx_model(path, shape=(1, 3, 64, 64), outputs=1):
    """A matting network in four operations: 20 (red - blue) as logits, channels normalised by ImageNet's numbers."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.array([0.229 * 20, 0, -0.225 * 20], np.float32).reshape(1, 3, 1, 1)
    bias = np.array([20 * (0.485 - 0.406)], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], kernel_shape=[1, 1])],
        "matting",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (shape[0], 1, *shape[2:]))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def test_a_matting_network_cuts(tmp_path):
    alpha = disc((60, 60), 30)
    model = Matting(onnx_model(tmp_path / "u2net.onnx"))
    picture = photograph(alpha, busy(), noise=0).astype(np.float32) / 255
    logits = 20 * (picture[..., 0] - picture[..., 2])
    said = model(picture)
    flat = np.abs(ndimage.sobel(logits, 0)) + np.abs(ndimage.sobel(logits, 1)) < 1
    assert np.abs(said - 1 / (1 + np.exp(-logits)))[flat].mean() < 0.03
    (cut,) = cut_out(encoded(photograph(alpha, busy())), "p.png", CutoutOptions(), model)
    assert cut.method == "model"
    found = whole_alpha(cut)
    assert np.minimum(found, alpha).sum() / np.maximum(found, alpha).sum() > 0.85


def test_networks_that_are_none(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07nonsense")
    for path, words in ((broken, "cannot be read as an ONNX model"), (tmp_path / "no.onnx", "there is no such file")):
        with pytest.raises(VertumnusError, match=words) as error:
            Matting(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    flat = Matting(onnx_model(tmp_path / "batch.onnx", (2, 3, 8, 8)))
    with pytest.raises(VertumnusError, match=r"cannot be run"):
        flat(np.zeros((9, 9, 3), np.float32))


def test_a_folder_of_objects_and_what_gave_none(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(3):
        (photos / f"{n}.png").write_bytes(encoded(photograph(disc((70 + 4 * n, 100)), fading(), seed=n)))
    (photos / "empty.png").write_bytes(encoded(np.full((60, 80, 3), 200, np.uint8)))
    (photos / "no.png").write_bytes(b"nothing")
    found = cut_folder([photos], tmp_path / "out")
    assert [entry["file"] for entry in found.entries] == ["0.png", "1.png", "2.png"]
    assert {reason for _, reason in found.skipped if "told from" in reason}
    assert len(found.skipped) == 2
    listed = json.loads((tmp_path / "out" / "elements.json").read_text())
    assert listed["elements"] == found.entries
    assert len(collect([tmp_path / "out"], cache_folder=tmp_path / "cache").elements) == 3
    with Image.open(tmp_path / "out" / ".sheet" / "contact.jpg") as sheet:
        assert sheet.width == 3 * 160
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.*") if path.is_file()}
    cut_folder([photos], tmp_path / "out")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.*") if path.is_file()}


def test_what_is_refused(tmp_path):
    plain = encoded(np.full((60, 80, 3), 200, np.uint8))
    with pytest.raises(VertumnusError, match=r"p.png: nothing in it can be told from its ground"):
        cut_out(plain, "p.png", CutoutOptions())
    with pytest.raises(VertumnusError, match=r"p.png: nothing of it is transparent"):
        cut_out(plain, "p.png", CutoutOptions(method="alpha"))
    with pytest.raises(VertumnusError, match=r"p.png: its ground is not plain"):
        cut_out(encoded(photograph(disc(), busy())), "p.png", CutoutOptions(method="ground"))
    with pytest.raises(VertumnusError, match=r"method: model needs the file of one"):
        cut_out(plain, "p.png", CutoutOptions(method="model"))
    with pytest.raises(VertumnusError, match=r"nosuch: there is no such file"):
        cut_folder(["nosuch"], tmp_path / "out")
    (tmp_path / "a.png").write_bytes(plain)
    with pytest.raises(VertumnusError, match=r"nothing was cut out"):
        cut_folder([tmp_path / "a.png"], tmp_path / "out")


class Parts:
    """A network that finds a cat to the left, and two trees that it does not tell apart to the right."""

    def segments(self, picture, box=None):
        rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] / np.array(picture.shape[:2])[:, None, None]
        cat = np.hypot(rows - 0.5, columns - 0.25) < 0.15
        trees = (np.hypot(rows - 0.3, columns - 0.7) < 0.1) | (np.hypot(rows - 0.75, columns - 0.75) < 0.12)
        return [
            SimpleNamespace(mask=cat.astype(np.float32), label="tabby cat", whole=True),
            SimpleNamespace(mask=trees.astype(np.float32), label="tree", whole=False),
        ]


def test_labels_become_the_layers_prompts(tmp_path):
    data = encoded(photograph(disc(), busy()))
    cuts = cut_out(data, "p.png", CutoutOptions(objects=9), Parts())
    assert [cut.label for cut in cuts] == ["tabby cat", "tree", "tree"]
    assert [round(cut.box[0] + cut.box[2] / 2) for cut in cuts] == pytest.approx([50, 150, 140], abs=8)
    (tmp_path / "p.png").write_bytes(data)
    out = tmp_path / "out"
    found = cut_folder([tmp_path / "p.png"], out, CutoutOptions(objects=9), Parts())
    assert [entry["file"] for entry in found.entries] == ["p-tabby-cat.png", "p-tree.png", "p-tree 2.png"]
    made = collect([out], cache_folder=tmp_path / "cache").elements
    assert {one.name: one.label for one in made} == {"p-tabby-cat": "tabby cat", "p-tree": "tree", "p-tree 2": "tree"}
    collage = vt.compose(made, "a heart", size=64, iterations=2)
    again = vt.again(collage)
    assert [layer.prompt for layer in collage.layers] == [one.label for one in made]
    assert [layer.prompt for layer in again.layers] == [one.label for one in made]
    (out / "elements.json").write_text("[]")
    broken = collect([out], cache_folder=tmp_path / "cache")
    assert {one.label for one in broken.elements} == {""}
    assert any("elements.json" in name for name, _ in broken.skipped)
