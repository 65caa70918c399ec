"""Which icons a prompt means."""

import re
from pathlib import Path

import pytest

from vertumnus.errors import VertumnusError
from vertumnus.models.mini.vocabulary import glyphs_of, nouns, plural
from vertumnus.models.names import LONGEST, known_words, match_icons, nouns_in, singulars, synonyms


@pytest.mark.parametrize(
    ("prompt", "words", "same_as"),
    [
        ("butterfly", ["butterfly"], "butterfly"),
        ("Two red butterflies", ["butterflies"], "butterfly"),
        ("a kitten", ["kitten"], "cat"),
        ("my bikes", ["bikes"], "bicycle"),
        ("knives", ["knives"], "knife"),
        ("a picture of an automobile", ["automobile"], "car"),
        ("a teddy bear", ["teddy bear"], "teddy bear"),
        ("the king's crown", ["crown"], "crown"),
    ],
)
def test_exact_plural_and_synonym(prompt, words, same_as):
    glyphs, matched = match_icons(prompt)
    assert matched == words
    assert set(glyphs_of(same_as)) <= set(glyphs)


def test_several_things_bring_the_icons_of_all():
    both, matched = match_icons("a cat and an umbrella")
    assert matched == ["cat", "umbrella"]
    assert set(both) == set(match_icons("cat")[0]) | set(match_icons("umbrella")[0])


def test_filled_glyphs_are_preferred_to_outlines():
    for prompt in ("heart", "house", "fish"):
        assert not any("outline" in glyph.name or glyph.name.endswith("-line") for glyph in match_icons(prompt)[0])


def test_an_outline_is_better_than_nothing():
    glyphs, matched = match_icons("account outline")
    assert matched == ["account outline"]
    assert [glyph.name for glyph in glyphs] == ["account-outline"]


@pytest.mark.parametrize("prompt", ["", "  "])
def test_an_empty_prompt_is_refused(prompt):
    with pytest.raises(VertumnusError, match="prompt: it is empty"):
        match_icons(prompt)


def test_an_unknown_prompt_lists_the_nearest_words():
    with pytest.raises(VertumnusError, match="did you mean butterfly"):
        match_icons("a buterfly")
    with pytest.raises(VertumnusError, match="some it knows: star"):
        match_icons("a qxqxqxqx")


def test_every_known_word_is_found():
    for word in known_words()[::23]:
        if len(re.findall(r"[a-z0-9]+", word)) <= LONGEST and "'" not in word:
            assert match_icons(word)[0], word


def test_a_colour_that_is_all_there_is_may_be_a_thing():
    assert match_icons("an orange")[1] == ["orange"]
    assert match_icons("an orange cat")[1] == ["cat"]


def test_synonyms_are_of_nouns_with_glyphs():
    for word, noun in synonyms().items():
        assert noun in nouns(), (word, noun)
        assert glyphs_of(noun)


def test_plurals_lead_back():
    for noun in nouns():
        if " " not in noun:
            assert noun in singulars(plural(noun)), noun


def test_a_prompt_without_a_known_word_says_which_are_known():
    for ask in (match_icons, lambda prompt: nouns_in(prompt, ["cat", "umbrella"])):
        with pytest.raises(VertumnusError, match=r"'一隻貓' has no English word; some it knows: \w+, \w+"):
            ask("一隻貓")
        with pytest.raises(VertumnusError, match="prompt: it is empty"):
            ask(" ")


def test_every_noun_of_the_docs_is_known():
    table = (Path(__file__).parents[2] / "docs" / "nouns.md").read_text().splitlines()
    nouns = [
        noun for line in table if line.startswith("| ") for noun in line.split("|")[2].strip().split(", ") if noun
    ]
    assert len(set(nouns)) == len(nouns) > 1000
    unknown = [noun for noun in nouns if match_icons(noun)[1] != [noun]]
    assert not unknown
