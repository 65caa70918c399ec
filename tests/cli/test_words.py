"""``vertumnus words``."""

import io
import json
import sys

import pytest

import vertumnus as vt
from vertumnus.cli.app import run

TEXT = "The fig and the pear. Figs are sweet, pears are juicy; a plum is a plum is a plum."


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


@pytest.mark.slow
def test_a_text_becomes_a_cloud_and_a_page(text, tmp_path, capsys):
    outputs = [str(tmp_path / name) for name in ("c.svg", "c.png", "c.collage", "c.html")]
    arguments = ["words", text, "--size", "160x120", "--json"]
    assert run([*arguments, "-o", outputs[0], "-o", outputs[1], "-o", outputs[2], "--html", outputs[3]]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outputs"] == outputs
    assert told["report"]["language"] == "en"
    assert vt.Collage.load(outputs[2]).layers[0].name == "plum"


def test_standard_input(monkeypatch, tmp_path, capsys):
    for given, first in ((TEXT, "plum"), ('{"kiwi": 3, "date": 1}', "kiwi")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        out = tmp_path / f"{first}.collage"
        assert run(["words", "-", "--size", "99", "-o", str(out)]) == 0
        assert vt.Collage.load(out).layers[0].name == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{text}"], "--output: missing"),
        (["gone.txt", "-o", "{tmp}/c.svg"], "gone.txt: there is no such file"),
        (["{text}", "-o", "{tmp}/c.svg", "--language", "xx"], "--language: no stop words are known for 'xx'"),
        (["{text}", "-o", "{tmp}/c.svg", "--colors", "virids"], "--colors: 'virids' is neither"),
        (["{text}", "-o", "{tmp}/c.svg", "--angles", "sideways"], "--angles: must be free or degrees"),
        (["{text}", "-o", "{tmp}/c.svg", "--horizontal", "2"], "--horizontal"),
        (["{text}", "-o", "{tmp}/c.svg", "--font", "Nothing"], "Nothing: neither a font file"),
        (["{text}", "-o", "{tmp}/c.svg", "--background", "nocolour"], "--background: 'nocolour' is not a colour"),
        (["{text}", "-o", "{tmp}/c.svg", "--shape", "hart"], "hart: there is no such shape"),
        (["{text}", "-o", "{text}"], "is one of the files that are read"),
    ],
)
def test_bad_input_is_one_sentence(arguments, said, text, tmp_path, capsys):
    filled = [one.replace("{text}", text).replace("{tmp}", str(tmp_path)) for one in arguments]
    assert run(["words", *filled]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
