"""Documents are opened, edited, seen by all and saved."""

import pytest

from vertumnus.document.collage import Collage
from vertumnus.studio.live import RunEndedError


@pytest.fixture
def fruits(studio):
    identity = studio.new()
    answer = studio.command(identity, kind="add", elements=[{"icon": "apple"}, {"icon": "lemon"}, {"icon": "carrot"}])
    assert answer.json()["ids"] == ["k1", "k2", "k3"]
    return identity


def test_what_one_tab_does_the_other_sees_and_the_last_one_wins(studio, fruits):
    with studio.live(fruits) as one, studio.live(fruits) as two:
        assert one.welcome["document"] == two.welcome["document"]
        one.say("edit", layers=[{"id": "k1", "changes": {"x": 10.0}}], name="Move")
        seen = two.hear("changed")
        assert [(layer["id"], layer["x"]) for layer in seen["layers"]] == [("k1", 10.0)]
        assert seen["by"] == one.welcome["client"]
        two.say("edit", layers=[{"id": "k1", "changes": {"x": 20.0}}, {"id": "k2", "changes": {"opacity": 0.5}}])
        assert one.hear("changed")["revision"] == seen["revision"] + 1
    with studio.live(fruits) as again:
        x = {layer["id"]: (layer["x"], layer["opacity"]) for layer in again.welcome["document"]["layers"]}
    assert x["k1"] == (20.0, 1.0)
    assert x["k2"][1] == 0.5


def test_a_drag_is_one_step(studio, fruits):
    with studio.live(fruits) as tab:
        before = tab.welcome["document"]["layers"][0]["x"]
        for x in range(5):
            tab.say("edit", layers=[{"id": "k1", "changes": {"x": float(x)}}], name="Move", transient=True)
        tab.say("edit", layers=[{"id": "k1", "changes": {"x": 9.0}}], name="Move")
        assert tab.heard[-2] == {"kind": "history", "steps": ["Add 3 layers", "Move"], "at": 2}
        tab.say("undo")
        assert tab.heard[-3]["layers"][0]["x"] == before
        tab.say("redo")
        assert tab.heard[-3]["layers"][0]["x"] == 9.0


def test_every_command_of_an_editor(studio, fruits):
    with studio.live(fruits) as tab:
        assert tab.say("reorder", ids=["k1"], to=2)["kind"] == "done"
        assert tab.say("remove", ids=["k2"])["kind"] == "done"
        assert tab.say("replace", id="k3", element={"icon": "cat"})["kind"] == "done"
        assert tab.say("pin", ids=["k1", "k3"])["kind"] == "done"
        assert tab.say("canvas", width=500, background=None)["kind"] == "done"
        added = tab.say("add", text="fig\npear", color="#ff0000")["ids"]
        assert added == ["k4", "k5"]
        assert tab.say("add", elements=[{"image": tab.welcome["document"]["layers"][0]["image"]}])["ids"] == ["k6"]
        assert tab.say("save")["kind"] == "done"
    collage = Collage.load(studio.root / "A.collage")
    assert [layer.id for layer in collage.layers] == ["k3", "k1", "k4", "k5", "k6"]
    assert [layer.name for layer in collage.layers] == ["cat", "apple", "fig", "pear", "apple"]
    assert (collage.width, collage.background, collage.layers[0].locked) == (500, None, True)
    with studio.live(fruits) as tab:
        assert tab.say("go", step=0)["kind"] == "done"
        assert tab.say("save")["kind"] == "done"
        assert not Collage.load(studio.root / "A.collage").layers
        assert tab.say("go", step=8)["kind"] == "done"
        tab.say("save")
    assert [layer.id for layer in Collage.load(studio.root / "A.collage").layers] == ["k3", "k1", "k4", "k5", "k6"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "edit", "layers": [{"id": "k1", "changes": {"scale": -1.0}}]}, "apple: scale: "),
        ({"kind": "edit", "layers": [{"id": "k1", "changes": {"image": "elements/0000.png"}}]}, "no such field"),
        ({"kind": "edit", "layers": [{"id": "k9", "changes": {"x": 1.0}}]}, "k9: there is no such layer"),
        ({"kind": "edit", "layers": [{"id": "k1", "changes": {"crop": [0, 0, 9999, 9]}}]}, "beyond the picture"),
        ({"kind": "add", "elements": [{"icon": "aple"}]}, "did you mean"),
        ({"kind": "add", "elements": [{}]}, "name one of"),
        ({"kind": "add", "text": "a", "font": "/etc/passwd"}, "font"),
        ({"kind": "canvas", "background": "no colour"}, "background"),
        ({"kind": "canvas", "clip": "M0"}, "clip"),
        ({"kind": "go", "step": 99}, "steps"),
        ({"kind": "nothing"}, "nothing"),
        ({"kind": "edit", "layers": []}, "layers"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(studio, fruits, fields, sentence):
    before = studio.client.get(f"/api/documents/{fruits}").json()
    answer = studio.command(fruits, **fields)
    assert answer.status_code in (400, 404)
    assert sentence in answer.json()["message"]
    assert studio.client.get(f"/api/documents/{fruits}").json() == before


def test_a_run_that_ends_before_it_hears(studio):
    """What it was to be told is told to the document that it left."""
    identity = studio.new()
    studio.command(identity, kind="add", elements=[{"icon": "apple"}])
    desk = studio.folder.desk(identity)

    class Over:
        async def obey(self, command, got):
            desk.live = None
            raise RunEndedError("the run has ended")

    desk.live = Over()
    answer = studio.command(identity, kind="edit", layers=[{"id": "k1", "changes": {"x": 7.0}}], name="Move")
    assert answer.status_code == 200, answer.text
    assert desk.session.collage().layer("k1").x == 7.0
    assert desk.session.history().steps[-1].startswith("Move")
