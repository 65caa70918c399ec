"""Tables of words: what is read, and what is one sentence."""

import pytest

from vertumnus.errors import VertumnusError
from vertumnus.wording.table import Word, as_words, kind_of, read_table


def test_tables_of_every_kind_say_the_same():
    wanted = [Word("fig", 3.0), Word("red pear", 1.5)]
    assert read_table("fig,3\nred pear,1.5\n", "t", ".csv") == wanted
    assert read_table("word\tcount\nfig\t3\nred pear\t1.5\n", "t", ".tsv") == wanted
    assert read_table("count,term\n3,fig\n1.5,red pear\n", "t", ".csv") == wanted
    assert read_table('{"fig": 3, "red pear": 1.5}', "t", ".json") == wanted
    assert read_table('[["fig", 3], ["red pear", 1.5]]', "t", ".json") == wanted
    assert read_table('[{"text": "fig", "value": 3}, {"word": "red  pear", "weight": "1.5"}]', "t", ".json") == wanted
    assert as_words({"fig": 3, "red pear": 1.5}) == wanted
    assert as_words([("fig", 3), Word("red pear", 1.5)]) == wanted


def test_further_columns():
    found = read_table("word,weight,group,link,colour\nfig,3,fruit,https://a.example/f,tomato\n", "t", ".csv")
    assert found == [Word("fig", 3.0, "fruit", "https://a.example/f", "tomato")]


def test_weight_zero_is_left_out():
    assert [word.text for word in as_words({"test": 1, "test1": 0, "test2": 0})] == ["test"]


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ("fig,3\npear,-1\n", ".csv", "t: line 2: weight: must be a number of 0 or more, not -1"),
        ("fig,nan\n", ".csv", "t: line 1: weight: must be a number of 0 or more, not nan"),
        ("fig,inf\n", ".csv", "not inf"),
        ("fig,3\npear,many\n", ".csv", "t: line 2: weight: 'many' is not a number"),
        ("fig,3\npear\n", ".csv", "t: line 2: has 1 columns"),
        ("fig,0\n", ".csv", "no word of a weight above 0"),
        ("fig,3\nfig,1\n", ".csv", "'fig' stands in it twice"),
        ("fig,1e-9\npear,1e9\n", ".csv", "too far apart"),
        (",3\n", ".csv", "word: is missing"),
        ("word,weight,group,link\nfig,3,,javascript:alert(1)\n", ".csv", "link: .* is not an address"),
        ("word,weight,group,link,color\nfig,3,,,notacolour\n", ".csv", "color: 'notacolour' is not a colour"),
        ('{"fig": null}', ".json", "t: fig: weight: None is not a number"),
        ("[3]", ".json", r"t: \[0\]: is not a word"),
        ("3", ".json", "neither an object"),
        ("{", ".json", "not readable JSON"),
    ],
)
def test_what_cannot_be_used_is_said(text, suffix, said):
    with pytest.raises(VertumnusError, match=said):
        read_table(text, "t", suffix)


def test_what_standard_input_is():
    assert kind_of('{"fig": 3}') == ".json"
    assert kind_of("word,weight\nfig,3\npear,1\n") == ".csv"
    assert kind_of("fig\t3\npear\t1\n") == ".tsv"
    assert kind_of("{not json") is None
    assert kind_of("Figs, pears and plums.\nOne, two.\n") is None
    assert kind_of("") is None
