"""Learned names: layer by layer, resumable, gone without a trace, readable elsewhere, in mosaics."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

from photographs import drawn  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.models.learned import LearnedWords  # noqa: E402
from vertumnus.mosaic.generate.folder import TileFolder  # noqa: E402
from vertumnus.mosaic.generate.job import GenerateJob  # noqa: E402
from vertumnus.mosaic.generate.options import GenerateOptions  # noqa: E402
from vertumnus.mosaic.match.grid import regular_grid  # noqa: E402
from vertumnus.mosaic.personalize.apply import LearnedNames, parse_concept  # noqa: E402
from vertumnus.mosaic.personalize.concept import Concept  # noqa: E402
from vertumnus.mosaic.personalize.layered import LayeredNames  # noqa: E402
from vertumnus.mosaic.personalize.learn import Learner  # noqa: E402
from vertumnus.mosaic.personalize.options import PersonalizeOptions  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
PHOTOGRAPHS = [drawn(30 + n, 24).rotate(40 * n) for n in range(3)]
# Far above what a trained model bears, so that a few steps show.
QUICK = PersonalizeOptions(steps=4, batch=2, rank=2, word_rate=0.05, text_rate=0.02, network_rate=0.02)


def learned(model, options=QUICK, name="<ada>", seed=1):
    return Learner(model, PHOTOGRAPHS, name, "a b", options=options, seed=seed)


def drawn_by(model, text="a fish"):
    return finish(sample(model, text, steps=2, seed=3, guidance=2))


def test_each_layer_reads_its_own_embedding(model):
    words = LearnedWords(model.pipeline)
    names = LayeredNames(model, words)
    width = words.widths()[0]
    vectors = torch.randn((names.layers, 2, width), generator=torch.Generator().manual_seed(1))
    names.add("<ada>", [vectors])
    found = names.encode(["a <ada> b", "a b"])
    assert found.layered.shape[:2] == (2, names.layers)
    words.restore()
    encoder, tokenizer = model.pipeline.text_encoder, model.pipeline.tokenizer
    before, after = (tokenizer(text, add_special_tokens=False).input_ids for text in ("a", "b"))
    table = encoder.get_input_embeddings().weight
    for layer in range(names.layers):
        # By hand: the rows of the table, with the layer's two vectors between those of the words around the name.
        own = LearnedWords(model.pipeline)
        own.add("<hand>", [vectors[layer]])
        by_hand = model.encode_text("a <hand> b").states[0]
        own.restore()
        assert torch.allclose(found.layered[0, layer], by_hand, atol=1e-6)
    assert (len(before), len(after), table.shape[1]) == (1, 1, width)
    plain = model.encode_text("a b").states[0]
    assert all(torch.allclose(found.layered[1, layer], plain, atol=1e-6) for layer in range(names.layers))


def test_everything_learns_and_goes_without_a_trace(model):
    before, keys = drawn_by(model), list(model.unet.state_dict())
    one = learned(model)
    start = one.concept()
    for _ in one:
        assert np.isfinite(one.loss)
    concept = one.concept()
    one.close()
    assert torch.equal(drawn_by(model), before)
    assert list(model.unet.state_dict()) == keys
    assert (concept.vectors[0] != start.vectors[0]).any(-1).all()  # of every layer, both parts
    moved = [key for key, value in concept.lora.items() if not torch.equal(value, start.lora[key])]
    for part in ("unet.", "text_encoder."):
        assert any(key.startswith(part) for key in moved)
    # Of every attention's four linear layers, two matrices each.
    attentions = sum(name.endswith(("attn1", "attn2")) for name, _ in model.unet.named_modules())
    assert sum(key.startswith("unet.") for key in concept.lora) == attentions * 4 * 2


def test_learning_lowers_the_loss(model):
    options = QUICK.model_copy(update={"steps": 20})
    one = learned(model, options)
    losses = [each.loss for each in one]
    one.step = 0  # what was drawn for the first step is drawn again
    one._descend()
    assert one.loss < losses[0] - 0.01
    one.close()


def test_an_interrupted_run_ends_in_the_same_file(model, tmp_path):
    one = learned(model)
    for _ in one:
        if one.step == 2:
            one.save(tmp_path / "half")
    one.concept().save(tmp_path / "whole.safetensors")
    one.close()
    other = learned(model)
    other.restore(tmp_path / "half")
    assert other.step == 2
    for _ in other:
        pass
    other.concept().save(tmp_path / "resumed.safetensors")
    other.close()
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "resumed.safetensors").read_bytes()
    third = learned(model, seed=2)
    with pytest.raises(VertumnusError, match="is of other photographs or options"):
        third.restore(tmp_path / "half")
    third.close()


@pytest.fixture
def concept(model, tmp_path):
    one = learned(model)
    for _ in one:
        pass
    one.concept().save(tmp_path / "ada.safetensors")
    one.close()
    return tmp_path / "ada.safetensors"


def test_other_programs_read_its_lora(model, place, concept):
    from vertumnus.models import load_model

    theirs = load_model(place, "diffusion")
    theirs.pipeline.load_lora_weights(concept.parent, weight_name=concept.name, adapter_name="ada")
    names = LearnedNames(model, [(concept, 1.0)])
    names.activate(["<ada>"])
    assert torch.equal(drawn_by(model), drawn_by(theirs))
    names.activate([])
    plain = drawn_by(model)
    names.close()
    assert torch.equal(plain, drawn_by(model))
    assert not torch.equal(plain, drawn_by(theirs))


def test_tiles_show_the_names_of_their_prompts(model, concept, tmp_path):
    grid = regular_grid(64, 32, 1, 4)
    prompts = ["a fish", "a <ada>", "a fish", "a <ada>"]
    options = GenerateOptions(steps=2, batch=1, method="adain", tile_size="16")

    def tiles(names, folder):
        one = GenerateJob(drawn(64, 32), "x", grid, prompts, model, options=options, names=names)
        one.run(TileFolder(folder, one.identity()))
        return [(folder / f"{n:06d}.png").read_bytes() for n in range(4)], one

    names = LearnedNames(model, [(concept, 1.0)])
    named, one = tiles(names, tmp_path / "named")
    assert one.batches(range(4), 16) == [[0, 2], [1, 3]]
    names.close()
    plain, _ = tiles(None, tmp_path / "plain")
    assert [named[0] == plain[0], named[2] == plain[2]] == [True, True]
    assert named[1] != plain[1]


def test_bad_names_and_files(model, concept, tmp_path):
    import tiny
    from vertumnus.models import load_model

    xl = load_model(tiny.stable_diffusion_xl(tmp_path / "xl"), "diffusion")
    with pytest.raises(VertumnusError, match=r"ada.safetensors: <ada> was learned on .*, of another architecture"):
        LearnedNames(xl, [(concept, 1.0)])
    with pytest.raises(VertumnusError, match="is the name of another concept too"):
        LearnedNames(model, [(concept, 1.0), (concept, 0.5)])
    (tmp_path / "no.safetensors").write_text("no")
    with pytest.raises(VertumnusError, match="cannot be read as safetensors"):
        Concept.load(tmp_path / "no.safetensors")
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(VertumnusError, match="holds no learned name"):
        Concept.load(tmp_path / "plain.safetensors")
    with pytest.raises(VertumnusError, match="write it in angle brackets, as <ada>"):
        Learner(model, PHOTOGRAPHS, "ada", "a", options=QUICK)
    with pytest.raises(VertumnusError, match="there are none to learn from"):
        Learner(model, [], "<ada>", "a")
    assert parse_concept("a.safetensors") == (concept.with_name("a.safetensors").relative_to(concept.parent), 1.0)
    with pytest.raises(VertumnusError, match="no weight from 0 to 2"):
        parse_concept("a.safetensors:big")


def test_the_command(vertumnus, tmp_path):
    (tmp_path / "photos").mkdir()
    for n, picture in enumerate(PHOTOGRAPHS):
        picture.save(tmp_path / "photos" / f"{n}.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    command = ("personalize", tmp_path / "photos", "--name", "<ada>", "--noun", "cat", "--steps", 1, "--batch", 1)
    code, out, _ = vertumnus(*command, "-o", tmp_path / "ada.safetensors")
    assert code == 0
    assert "<ada>, from 3 pictures in 1 steps" in out
    Image.fromarray(np.asarray(drawn(64, 64))).save(tmp_path / "reference.png")
    code, out, err = vertumnus(
        "mosaic", tmp_path / "reference.png", "--generate", "a <ada>", "a star", "--concept",
        tmp_path / "ada.safetensors", "--grid", "1x2", "--steps", 1, "--method", "free", "-o", tmp_path / "out.png",
    )  # fmt: skip
    assert (code, err) == (0, "")
    for folder, out_file, words in (
        ("nowhere", "a.safetensors", "nowhere: there is no such folder"),
        ("photos", "a.pt", "is a .safetensors file"),
    ):
        code, _, err = vertumnus("personalize", tmp_path / folder, "--name", "<a>", "-o", tmp_path / out_file)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
