"""Live runs in worker processes: pieces grabbed while they run, undone across the run, two tabs, a cut connection."""

import numpy as np
import pytest

import vertumnus as vt
from vertumnus.document.bundle import to_json
from vertumnus.document.collage import Collage
from vertumnus.studio.frames import DRAG, POSES, Poses, read_drag, write_poses

pytestmark = pytest.mark.slow  # each starts a process
FAST = {"options": {"quality": "fast"}, "shape": {"named": "heart"}, "anew": True}


@pytest.fixture
def fruits(studio):
    identity = studio.new(width=200, height=200)
    icons = ["apple", "lemon", "carrot", "fish", "leaf"]
    studio.command(identity, kind="add", elements=[{"icon": icons[n % 5]} for n in range(10)])
    return identity


def frame_after(tab):
    """The next frame of poses."""
    while True:
        found = tab.next()
        if isinstance(found, bytes):
            return read_drag(found, POSES)


def test_a_run_is_seen_meddled_with_and_undone(studio, fruits):
    with studio.live(fruits) as tab:
        before = tab.welcome["document"]["layers"]
        assert tab.say("run", verb="pack", **FAST)["kind"] == "done"
        frame = frame_after(tab)
        assert len(frame.slots) == 10
        tab.say("pause")
        assert tab.hear("run", state="paused")
        grabbed = frame.slots[:1]
        drag = Poses(0, 0, grabbed, *(np.array([one], np.float32) for one in (100, 90, frame.scale[0], 0)),
                     np.zeros(1, np.uint8))  # fmt: skip
        tab.socket.send_bytes(write_poses(drag, DRAG))
        tab.say("edit", layers=[{"id": "k1", "changes": {"x": 100.0, "y": 95.0}}], name="Move apple")
        assert tab.say("pin", ids=["k1"])["kind"] == "done"
        assert tab.say("remove", ids=["k10"])["kind"] == "done"
        assert tab.say("add", elements=[{"icon": "cat"}])["ids"] == ["k11"]
        assert tab.say("undo")["kind"] == "done"
        assert tab.say("option", name="gap", value=1.0)["kind"] == "done"
        assert tab.say("option", name="gap", value=-1.0)["kind"] == "refused"
        assert tab.say("canvas", width=7)["message"].startswith("canvas: cannot")
        assert tab.say("reorder", ids=["k1"], to=2)["kind"] == "refused"
        history = [one for one in tab.heard if one["kind"] == "history"][-1]
        assert history["steps"][1:] == ["Pack", "Move", "Pin", "Remove leaf", "Set gap"]
        with studio.live(fruits) as other:
            assert other.welcome["run"]["state"] == "paused"
            assert len(other.welcome["document"]["layers"]) == 9
        tab.say("resume")
        ended = tab.hear("run", state="finished")
        assert ended["message"] is None
        tab.say("save")
        collage = Collage.load(studio.root / "A.collage")
        assert {layer.id for layer in collage.layers} == {f"k{n}" for n in range(1, 10)}
        pinned = collage.layer("k1")
        assert (pinned.x, pinned.y, pinned.locked) == pytest.approx((100.0, 95.0, True))
        assert collage.made_by.tool == "pack"
        assert collage.made_by.report["overlap"] == 0
        tab.say("go", step=1)
        shown = studio.client.get(f"/api/documents/{fruits}").json()["document"]["layers"]
        assert shown == before


def test_undone_to_before_the_run_it_never_was(studio, fruits):
    with studio.live(fruits) as tab:
        before = tab.welcome["document"]["layers"]
        tab.say("run", verb="pack", **FAST)
        frame_after(tab)
        tab.say("undo")
        shown = studio.client.get(f"/api/documents/{fruits}").json()
        assert shown["document"]["layers"] == before
        assert shown["history"] == {"steps": ["Add 10 layers"], "at": 1}
        assert tab.say("stop")["message"] == "nothing is running"


def test_a_run_goes_on_without_anybody_and_what_cannot_run_says_why(studio, fruits):
    with studio.live(fruits) as tab:
        tab.say("run", verb="pack", **FAST)
        assert tab.say("run", verb="pack", **FAST)["kind"] == "refused"
    with studio.live(fruits) as tab:
        assert tab.welcome["run"]["state"] in ("starting", "running", "finished")
        if tab.welcome["run"]["state"] != "finished":
            tab.hear("run", state="finished")
        tab.say("save")
        collage = Collage.load(studio.root / "A.collage")
        assert to_json(vt.again(collage)) == to_json(collage)
        said = studio.client.get(f"/api/documents/{fruits}/again").json()
        assert said["command"] == "vertumnus again A.collage -o A-again.png"
        assert said["exact"]
        tab.say("run", verb="compose", prompt="")
        assert "prompt" in tab.hear("run", state="failed")["message"]
        tab.say("run", verb="pack", shape={"named": "/etc/passwd"})
        assert "shape" in tab.hear("run", state="failed")["message"]
        tab.say("run", verb="compose", prompt="a heart", options={"iterations": 20})
        assert tab.hear("run", state="finished")["understood"]
