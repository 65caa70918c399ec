"""Diffusion models as sources: what is theirs by default is data beside their weights."""

import json

import pytest

from vertumnus.errors import VertumnusError
from vertumnus.guidance.distillation import ModelDefaults, fingerprint, model_defaults
from vertumnus.guidance.options import DistillationOptions
from vertumnus.models.checkpoint import mini_folder


def test_mini_is_asked_for_silhouettes_of_what_it_knows():
    wording = model_defaults(mini_folder("diffusion")).wording
    assert wording.caption("a red kitten", "mini") == "a black cat, on white"
    assert wording.caption("scissors", "mini") == "black scissors, on white"
    assert wording.caption("a plane over a house", "mini") == "a black airplane and a black house, on white"
    with pytest.raises(VertumnusError, match=r"'a helicopter' names nothing that mini knows"):
        wording.caption("a helicopter", "mini")
    with pytest.raises(VertumnusError, match="did you mean umbrella"):
        wording.caption("an umbrela", "mini")


def test_defaults_are_read_and_a_broken_file_is_named(tmp_path):
    assert model_defaults(tmp_path) == ModelDefaults()
    (tmp_path / "guidance.json").write_text(json.dumps({"method": "sds", "iterations": 40}))
    assert model_defaults(tmp_path) == ModelDefaults(method="sds", iterations=40)
    for text in ('{"method": "dsd"}', "{", '{"metod": "sds"}'):
        (tmp_path / "guidance.json").write_text(text)
        with pytest.raises(VertumnusError, match=r"guidance\.json: "):
            model_defaults(tmp_path)


def test_options_come_before_the_model_s_defaults():
    for needed in ("torch", "diffusers", "transformers", "peft"):
        pytest.importorskip(needed)
    from networks import Scripted
    from vertumnus.guidance.distillation import DistillationSource

    defaults = ModelDefaults(method="sds", guidance_input="ink", noise_levels=(0.9, 0.3))
    model = Scripted(lambda x_t, t: x_t)
    chosen = DistillationSource(DistillationOptions(weighting="data"), model=model, defaults=defaults).options
    assert (chosen.method, chosen.guidance_input, chosen.weighting) == ("sds", "ink", "data")
    assert (chosen.noise_levels, chosen.annealing) == ((0.9, 0.3), "none")
    own = DistillationOptions(method="vsd", guidance_input="colours")
    chosen = DistillationSource(own, model=model, defaults=defaults).options
    assert (chosen.method, chosen.guidance_input) == ("vsd", "colours")


def test_a_fingerprint_tells_weights_apart(tmp_path):
    (tmp_path / "unet").mkdir()
    weights = tmp_path / "unet" / "model.safetensors"
    found = []
    for content in (b"a" * 100, b"b" * 100, b"a" * 101):
        weights.write_bytes(content)
        found.append(fingerprint(tmp_path))
    (tmp_path / "unrelated.png").write_bytes(b"x")
    assert fingerprint(tmp_path) == found[2]
    assert len(set(found)) == 3
