"""Results by seed in a folder, and rounds in the document."""

import json

import numpy as np
import pytest

from harmonizing.scenes import rough
from vertumnus.document.collage import Collage, MadeBy
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.gallery import Gallery
from vertumnus.harmonizing.layers import stack_of
from vertumnus.harmonizing.rounds import edit_stack, first_layers, results, undo_round, with_result
from vertumnus.harmonizing.tone import SAME, Tone


def picture(seed, side=32):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_gallery_is_gone_on_with(tmp_path):
    first = Gallery(tmp_path / "g", {"prompt": "a"})
    first.put(1, picture(1))
    first.put(2, picture(2))
    again = Gallery(tmp_path / "g", {"prompt": "a"})
    assert again.missing([1, 2, 3]) == [3]
    assert (again.picture(2) == picture(2)).all()
    again.path(1).write_bytes(b"torn")
    assert again.missing([1, 2]) == [1]
    with pytest.raises(VertumnusError, match="no result of seed 1"):
        again.picture(1)


def test_a_contact_sheet_shows_all(tmp_path):
    gallery = Gallery(tmp_path / "g", {})
    for seed in range(6):
        gallery.put(seed, picture(seed))
    gallery.contact_sheet()
    assert (tmp_path / "g" / "contact.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("not json", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": "vertumnus/gallery", "identity": {}, "pictures": {"-1": 3}}', "is not the index"),
        ('{"format": "vertumnus/gallery", "identity": {"prompt": "b"}, "pictures": {}}', "another collage"),
    ],
)
def test_another_folders_content_is_refused_and_left_alone(tmp_path, content, sentence):
    (tmp_path / "gallery.json").write_text(content)
    with pytest.raises(VertumnusError, match=sentence):
        Gallery(tmp_path, {"prompt": "a"})
    assert (tmp_path / "gallery.json").read_text() == content


def test_a_users_folder_is_refused(tmp_path):
    (tmp_path / "holiday.png").write_bytes(b"mine")
    with pytest.raises(VertumnusError, match="not a gallery"):
        Gallery(tmp_path, {})
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(VertumnusError, match="is a file"):
        Gallery(tmp_path / "file", {})


def test_rounds_are_layers_and_are_taken_back(tmp_path):
    collage = rough()
    collage.made_by = MadeBy(tool="pack", pictures=[collage.layers[0].image])
    collage.layers[2].visible = False
    before = collage.model_dump()
    one = with_result(collage, picture(1, 64), prompt="a dream", seed=5, facts={"model": "mini"})
    assert one.made_by.report["rounds"][0]["model"] == "mini"
    assert [layer.visible for layer in first_layers(one)] == [True, True, False]
    two = with_result(one, picture(2, 64), seed=6)
    assert (two.prompt, two.seed) == ("a dream", 6)
    two.save(tmp_path / "c.collage")
    two = Collage.load(tmp_path / "c.collage")
    assert [layer.name for layer in results(two)] == ["harmonized 1", "harmonized 2"]
    assert (np.asarray(two.render().convert("RGB")) == picture(2, 64)).all()
    back = undo_round(two)
    assert (np.asarray(back.render().convert("RGB")) == picture(1, 64)).all()
    assert back.seed == 5
    first = undo_round(back)
    assert first.model_dump() == before
    assert collage.model_dump() == before
    with pytest.raises(VertumnusError, match="no round"):
        undo_round(first)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"made_by": {"tool": {"a": 1}}}, r"rounds: .*\[0\]\.before\.made_by\.tool: input should be a valid string"),
        ({"seed": "five"}, r"rounds: .*\[0\]\.before\.seed: "),
        (None, r"rounds: .*\[0\]\.before: "),
    ],
)
def test_what_a_round_says_was_before_it_is_checked_whole(wrong, message):
    done = with_result(rough(), picture(1, 64), seed=5)
    said = done.made_by.report["rounds"][0]
    said["before"] = wrong and {**said["before"], **wrong}
    with pytest.raises(VertumnusError, match=message):
        undo_round(done)


def test_editing_takes_the_result_and_one_layer():
    collage = rough()
    with pytest.raises(VertumnusError, match="harmonise it first"):
        edit_stack(collage, "ball", (64, 64))
    done = with_result(collage, picture(1, 64))
    stack = edit_stack(done, "ball", (64, 64))
    assert [layer.name for layer in stack.layers] == ["harmonized 1", "ball"]
    assert (stack.seen(1) == stack_of(collage, (64, 64)).seen(1)).all()
    assert (stack.composite(1) == picture(1, 64)).all()
    with pytest.raises(VertumnusError, match="there are table, ball, cup"):
        edit_stack(done, "spoon", (64, 64))


def test_layers_of_one_name_are_told_apart_by_id():
    collage = rough()
    collage.layers[2].prompt = "ball"
    done = with_result(collage, picture(1, 64))
    with pytest.raises(VertumnusError, match="2 are called 'ball'; name one by its id: k2 at 19,32, k3 at 45,32"):
        edit_stack(done, "ball", (64, 64))
    assert edit_stack(done, "k3", (64, 64)).layers[1].name == "cup"


def test_tones_are_put_onto_layers_and_taken_off_again():
    collage = rough()
    collage.layers[1].gain, collage.layers[1].offset = (0.5, 1.0, 2.0), (0.1, 0.0, 0.0)
    collage.layers[2].light = "srgb"
    before = [layer.model_dump() for layer in collage.layers]
    tone = Tone((0.5, 0.8, 1.0), (0.1, 0.0, -0.2))
    collage.name_layers()
    done = with_result(collage, picture(1, 64), tones={"k1": SAME, "k2": tone, "k3": tone})
    ball, cup = done.layers[2], done.layers[3]
    # g2 (g1 v + o1) + o2, channel by channel
    assert np.allclose(ball.gain, (0.25, 0.8, 2.0))
    assert np.allclose(ball.offset, (0.15, 0.0, -0.2))
    assert not cup.toned  # works on sRGB values
    assert [layer.model_dump(exclude={"id"}) for layer in first_layers(done)] == [
        {key: value for key, value in one.items() if key != "id"} for one in before
    ]
    two = with_result(done, picture(2, 64), tones={"k2": tone})
    assert first_layers(two)[1].gain == (0.5, 1.0, 2.0)
    assert undo_round(two).layers[2].gain == ball.gain
    assert undo_round(undo_round(two)).layers[1].gain == (0.5, 1.0, 2.0)
    done.layers[2].gain = (3.0, 3.0, 3.0)  # by hand, since
    assert undo_round(done).layers[1].gain == (3.0, 3.0, 3.0)


def test_an_index_is_plain_json(tmp_path):
    gallery = Gallery(tmp_path / "g", {"noise": 0.5})
    gallery.put(3, picture(3))
    index = json.loads((tmp_path / "g" / "gallery.json").read_text())
    assert index["identity"] == {"noise": 0.5}
    assert list(index["pictures"]) == ["3"]
