"""Prompts in five other languages."""

import pytest

from vertumnus.models.languages import LANGUAGES, _nouns, english, noun_of
from vertumnus.models.mini.vocabulary import TRAINED_FONTS, nouns
from vertumnus.models.names import glyphs_meant
from vertumnus.models.sentence import read_sentence


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("zwei kleine Katzen links von einem Baum", "two small cats left of one tree"),
        ("das Haus unter dem Regenbogen", "one house under one rainbow"),
        ("un chat", "one cat"),
        ("une étoile au-dessus d'une maison", "one star above one house"),
        ("tres peces alrededor de un tiburón", "three fish around one shark"),
        ("la luna y el sol", "one moon, one sun"),
        ("un cuore rosso e una stella gialla", "one red heart, one yellow star"),
        ("um cachorro ao lado de uma casa", "one dog beside one house"),
        ("Schmetterling", "one butterfly"),
        ("die Blume", "one flower"),
        ("ECLAIR", "one lightning"),
    ],
)
def test_other_languages_are_read_like_english(text, understood):
    sentence = read_sentence(text, TRAINED_FONTS)
    assert str(sentence) == understood
    assert sentence.passed_over == ()


@pytest.mark.parametrize("text", ["a cat on a car", "a die", "the six of us", "a cup o tea", "man and hat", "a chat"])
def test_english_stays_english(text):
    words = text.split()
    assert english(words) == words


def test_every_noun_is_one_that_can_be_drawn():
    for language, known in zip(LANGUAGES, _nouns(), strict=True):
        assert len(known) >= 190, language
        for noun in set(known.values()):
            assert noun in nouns() or glyphs_meant(noun, TRAINED_FONTS), noun
    assert noun_of("zzz") is None
