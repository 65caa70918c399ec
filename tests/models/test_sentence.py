"""What is read of a sentence."""

import numpy as np
import pytest

from vertumnus.errors import VertumnusError
from vertumnus.models.mini.vocabulary import TRAINED_FONTS
from vertumnus.models.names import match_icons
from vertumnus.models.pictogram import Pictogram, augmented
from vertumnus.models.sentence import MOST, read_sentence


def read(text):
    return read_sentence(text, TRAINED_FONTS)


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("a cat and a tree", "one cat, one tree"),
        ("two cups", "two cups"),
        ("cats, dogs", "three cats, three dogs"),
        ("a christmas tree", "one pine tree"),
        ("a tree", "one tree"),
        ("an orange", "one orange"),
        ("an orange cat", "one orange cat"),
        ("a cat to the left of a tree", "one cat left of one tree"),
        ("three small fish around a big shark", "three small fish around one big shark"),
        ("a dog between a tree and a house", "one dog between one tree and one house"),
        ("a cat on top of a house and a bird above a tree", "one cat on one house, one bird above one tree"),
        (
            "a red heart on the left and a blue key on the right",
            "one red heart at the left, one blue key at the right",
        ),
        ("a cat and a dog under an umbrella", "one cat and one dog under one umbrella"),
        ("9 stars over a mountain", "nine stars above one mountain"),
        ("a teddy bear with an umbrella", "one teddy bear, one umbrella"),
        ("a polar bear", "one bear"),
    ],
)
def test_things_numbers_and_relations(text, understood):
    sentence = read(text)
    assert str(sentence) == understood
    assert sentence.passed_over == ()


@pytest.mark.parametrize(
    ("text", "understood", "passed"),
    [
        ("a happy dog under an umbrella in the rain", "one dog under one umbrella", {"happy", "rain", "in"}),
        ("a cup of coffee", "one cup", {"coffee"}),
        ("a man running", "one person", {"running"}),
        ("an apple tree", "one tree", {"apple"}),
        ("a heart of flowers", "one heart", {"flowers"}),
    ],
)
def test_what_is_passed_over_is_said(text, understood, passed):
    sentence = read(text)
    assert str(sentence) == understood
    assert set(sentence.passed_over) == passed
    assert set(sentence.report()["passed_over"]) == passed


def test_there_is_an_end_to_how_many():
    sentence = read("nine cats and nine dogs and a tree")
    assert sentence.count == MOST
    assert "tree" in sentence.passed_over


def test_nothing_that_is_known_is_one_sentence():
    assert read("xylophone quux").things == ()
    with pytest.raises(VertumnusError, match="names no icon"):
        Pictogram().read("xylophone quux")
    with pytest.raises(VertumnusError, match="it is empty"):
        read(" ")


def test_one_noun_means_the_drawings_it_meant():
    prior = Pictogram()
    for prompt in ("a cat", "one butterfly", "a red car", "the moon"):
        assert prior.read(prompt).count == 1
        assert not prior.read(prompt).posed
        expected = augmented(match_icons(prompt)[0])
        np.testing.assert_array_equal(prior.encode_text(prompt).pictures, expected)
    assert prior.read("a small cat").posed


def test_drawings_are_dealt_to_seeds():
    """Seeds in a row get other drawings, then other hands, then other sizes; after the last it begins again."""
    prior = Pictogram()
    glyphs = len(match_icons("a crown")[0])
    assert glyphs >= 3
    dealt = [prior.encode_text("a crown", n).pictures for n in range(4 * glyphs + 1)]
    assert {pictures.shape for pictures in dealt} == {(5, 64, 64)}
    for n, one in enumerate(dealt[:-1]):
        for other in dealt[n + 1 : -1]:
            assert np.abs(one - other).mean() > 1e-3
    np.testing.assert_array_equal(dealt[0], dealt[-1])
    np.testing.assert_allclose(dealt[0][2], dealt[glyphs][2][:, ::-1], atol=0.02)  # upright, and mirrored


def test_a_figure_fills_what_it_is_told():
    for fill in (0.5, 0.9):
        ink = Pictogram().encode_text("a star", fill=fill).pictures[4] > 0.5
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(fill * 64, abs=2.5)
