"""``vertumnus models``."""

import json

import pytest

SHIPPED = ("mini", "mini-clip", "mini-colours")


@pytest.fixture(autouse=True)
def _empty_hub(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_what_is_here(vertumnus):
    code, out, _ = vertumnus("models")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["pictogram", *SHIPPED]


def test_what_could_be_fetched(vertumnus):
    code, out, _ = vertumnus("models", "--known")
    assert code == 0
    assert "DeepFloyd/IF-I-M-v1.0" in out
    assert "hf download" in out
    assert "CreativeML" in out


def test_json(vertumnus):
    code, out, _ = vertumnus("models", "--json")
    found = json.loads(out)
    assert code == 0
    assert {row["name"] for row in found["here"]} == {"pictogram", *SHIPPED}
    assert sum(row["megabytes"] for row in found["here"]) < 60
