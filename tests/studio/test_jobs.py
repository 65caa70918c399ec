"""Jobs: what cannot be is refused before anything begins; results come one by one and are chosen from."""

import io

import pytest
from PIL import Image

from drawn import blob
from vertumnus.document.collage import Collage

REFUSED = [
    ("harmonize", {"seeds": 0}, "seeds"),
    ("harmonize", {"how": {"steps": 0}}, "steps"),
    ("harmonize", {"colour": "red"}, "colour"),
    ("mosaic", {"reference": "u1"}, "tiles"),
    ("generate", {}, "prompts"),
    ("cutout", {"uploads": []}, "uploads"),
    ("words", {"how": {"max_words": 0}}, "max_words"),
]


@pytest.mark.parametrize(("verb", "options", "named"), REFUSED)
def test_what_cannot_be_is_one_sentence(studio, verb, options, named):
    answer = studio.command(studio.new(), kind="job", verb=verb, options=options)
    assert answer.status_code == 400
    assert named in answer.json()["message"]


@pytest.mark.parametrize("verb", ["pack", "compose", "harmonize", "mosaic", "generate", "cutout", "words", "pdf"])
def test_what_can_be_chosen_is_told(studio, verb):
    found = studio.client.get(f"/api/options/{verb}").json()
    assert found["properties"]
    assert studio.client.get("/api/options/nothing").status_code == 404


def ended(tab):
    while True:
        found = tab.hear("job")
        if found["state"] in ("done", "failed", "cancelled"):
            return found


@pytest.mark.slow
def test_results_to_choose_from(studio):
    identity = studio.new(width=160, height=160)
    studio.command(identity, kind="add", elements=[{"icon": "apple"}, {"icon": "lemon"}])
    with studio.live(identity) as tab:
        job = tab.say("job", verb="harmonize", options={"prompt": "an apple and a lemon", "seeds": 3,
                                                        "how": {"steps": 3}})["job"]  # fmt: skip
        found = ended(tab)
        assert [one["seed"] for one in found["results"]] == [0, 1, 2]
        seen = [len(one["results"]) for one in tab.heard if one["kind"] == "job"]
        assert {1, 2, 3} <= set(seen), "they come one by one"
        for one in found["results"]:
            shown = studio.client.get(f"/api/documents/{identity}/{one['image']}")
            assert Image.open(io.BytesIO(shown.content)).format == "PNG"
        tab.say("edit", layers=[{"id": "k1", "changes": {"prompt": "a red apple"}}])
        assert tab.say("choose", job=job, index=2)["kind"] == "done"
        assert tab.say("choose", job=job, index=7)["kind"] == "refused"
        tab.say("save")
        made = Collage.load(studio.root / "A.collage")
        assert made.seed == 2
        assert [layer.visible for layer in made.layers] == [True, False, False]
        assert made.layer("k1").prompt == "a red apple", "what was edited meanwhile is kept"
        again = tab.say("job", verb="harmonize", options={"seeds": 1, "layer": "k2", "how": {"steps": 3}})["job"]
        assert ended(tab)["state"] == "done"
        tab.say("choose", job=again)
        steps = [one for one in tab.heard if one["kind"] == "history"][-1]["steps"]
        assert steps[-2:] == ["Harmonise, seed 2", "Harmonise, seed 0"]
        tab.say("job", verb="harmonize", options={"model": "nobody/nothing"})
        assert "nobody/nothing" in ended(tab)["message"]


@pytest.mark.slow
def test_mosaics_words_and_cut_outs(studio):
    sent = []
    for n in range(12):
        stream = io.BytesIO()
        Image.fromarray(blob(n, 40, 40)).convert("RGB").save(stream, "PNG")
        sent.append(("files", (f"tile {n}.png", stream.getvalue())))
    tiles = [one["id"] for one in studio.client.post("/api/uploads", files=sent).json()["uploads"]]
    identity = studio.new()
    with studio.live(identity) as tab:
        options = {"reference": tiles[0], "tiles": {"uploads": tiles}, "size": 200, "how": {"grid": "4x4"}}
        tab.say("job", verb="mosaic", options=options)
        found = ended(tab)
        assert found["state"] == "done", found
        tab.say("choose", job=found["id"])
        tab.say("save")
        made = Collage.load(studio.root / "A.collage")
        assert len(made.layers) == 16
        pinned = {**options, "how": {"grid": "4x4", "pin": [f"0={made.layers[5].name}"]}}
        tab.say("job", verb="mosaic", options=pinned)
        tab.say("choose", job=ended(tab)["id"])
        shown = studio.client.get(f"/api/documents/{identity}").json()["document"]["layers"]
        assert shown[0]["name"] == made.layers[5].name
        assert shown[0]["name"].startswith("tile ")
        table = studio.client.get(f"/api/documents/{identity}/exports/csv").text
        assert len(table.splitlines()) == 17
        zoom = studio.client.get(f"/api/documents/{identity}/zoom").json()
        assert studio.client.get(f"/api/documents/{identity}/{zoom['dzi']}").status_code == 200
        tab.say("job", verb="words", options={"weights": {"fig": 3, "pear": 1}})
        tab.say("choose", job=ended(tab)["id"])
        assert "<html" in studio.client.get(f"/api/documents/{identity}/exports/html").text
        stream, photo = io.BytesIO(), Image.new("RGB", (120, 100), "white")
        photo.paste((200, 30, 30), (40, 30, 80, 70))
        photo.save(stream, "PNG")
        sent = studio.client.post("/api/uploads", files=[("files", ("tomato.png", stream.getvalue()))]).json()
        tab.say("job", verb="cutout", options={"uploads": [sent["uploads"][0]["id"]]})
        found = ended(tab)
        assert [one["name"] for one in found["results"]] == ["tomato"]
        assert tab.say("add", elements=[{"upload": found["results"][0]["upload"]}])["kind"] == "done"
        options = {"reference": tiles[0], "prompts": ["a cat"], "cells": {"count": 64}, "how": {"steps": 50}}
        job = tab.say("job", verb="generate", options=options)["job"]
        tab.say("cancel", job=job)
        assert ended(tab)["state"] == "cancelled"


def test_mosaics_are_made_on_a_cluster_if_there_is_one(tmp_path, monkeypatch):
    from vertumnus.mosaic.workers import Threads
    from vertumnus.studio import schema
    from vertumnus.studio.jobs import do

    asked = []

    class Cluster(Threads):
        def __init__(self, address, gpu=False):
            super().__init__(1)
            asked.append((address, gpu))

        def map(self, function, jobs, shared=None):
            asked.append("map")
            return super().map(function, jobs, shared)

    monkeypatch.setattr("vertumnus.mosaic.workers.RayWorkers", Cluster)
    files = {}
    for n in range(4):
        files[f"u{n}"] = tmp_path / f"{n}.png"
        Image.fromarray(blob(n, 30, 30)).convert("RGB").save(files[f"u{n}"])
    options = {"reference": "u0", "tiles": {"uploads": list(files)}, "size": 60, "how": {"grid": "2x2"}}
    job = schema.Job(verb="mosaic", options=options)
    results = list(do(Collage(width=9, height=9), job, files, tmp_path / "jobs" / "j1", lambda *_: None, "head:6379"))
    assert len(results[0].collage.layers) == 4
    assert asked[0] == ("head:6379", False)
    assert len(asked) > 1
