"""What was done in a studio is done again without one: the same document, whatever came when."""

import numpy as np
import pytest

from vertumnus.document.bundle import to_json
from vertumnus.document.collage import Collage
from vertumnus.studio.frames import DRAG, Poses, write_poses
from vertumnus.studio.replay import replay
from vertumnus.studio.session import Session

pytestmark = pytest.mark.slow  # starts processes


def dragged(slot, x, y, scale):
    columns = (np.array([one], np.float32) for one in (x, y, scale, 0))
    return write_poses(Poses(0, 0, np.array([slot], np.uint32), *columns, np.zeros(1, np.uint8)), DRAG)


@pytest.mark.parametrize("verb", ["pack", "compose"])
def test_the_same_commands_make_the_same_document(studio, tmp_path, verb):
    records = []
    studio.folder.recorder = records.append
    identity = studio.new(width=200, height=200)
    begin = {"anew": True, "shape": {"named": "heart"}, "options": {"quality": "fast"}}
    if verb == "compose":
        begin = {"anew": True, "prompt": "a heart", "options": {"iterations": 60}}
    with studio.live(identity) as tab:
        tab.say("add", elements=[{"icon": one} for one in ("apple", "lemon", "carrot", "leaf") * 2])
        tab.say("edit", layers=[{"id": "k2", "changes": {"opacity": 0.5}}])
        tab.say("run", verb=verb, **begin)
        while not tab.frames:
            tab.next()
        for n in range(5):
            tab.socket.send_bytes(dragged(0, 90 + n, 80, 0.1))
        tab.say("edit", layers=[{"id": "k1", "changes": {"x": 100.0, "y": 90.0}}], name="Move apple")
        tab.say("remove", ids=["k7"])
        tab.say("add", elements=[{"icon": "cat"}])
        tab.say("undo")
        tab.say("pin", ids=["k3"])
        tab.say("edit", layers=[{"id": "k4", "changes": {"prompt": "green"}}])
        tab.say("undo")
        tab.say("redo")
        tab.hear("run", state="finished")
        tab.say("undo")
        tab.say("undo")
        tab.say("redo")
        tab.say("save")
    session = Session(Collage(width=200, height=200, background="white"), tmp_path / "b.collage")
    replay(session, records, {}, tmp_path)
    assert to_json(session.collage()) == to_json(Collage.load(studio.root / "A.collage"))
    assert session.history().model_dump() == studio.client.get(f"/api/documents/{identity}").json()["history"]


def test_jobs_too(studio, tmp_path):
    records = []
    studio.folder.recorder = records.append
    identity = studio.new(width=120, height=120)
    with studio.live(identity) as tab:
        tab.say("job", verb="words", options={"text": "fig fig pear plum", "shape": {"named": "circle"}})
        tab.hear("job", state="done")
        tab.say("choose", job="j1")
        job = tab.say("job", verb="harmonize", options={"model": "none", "seeds": 1})["job"]
        tab.say("edit", layers=[{"id": "k1", "changes": {"name": "figs"}}])
        tab.hear("job", state="done")
        tab.say("choose", job=job)
        tab.say("save")
    session = Session(Collage(width=120, height=120, background="white"), tmp_path / "b.collage")
    replay(session, records, {}, tmp_path / "jobs")
    assert to_json(session.collage()) == to_json(Collage.load(studio.root / "A.collage"))
