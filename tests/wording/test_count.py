"""Counting: against scipy's G test, and what users of word clouds expect."""

import pytest
from scipy.stats import chi2_contingency

from vertumnus.errors import VertumnusError
from vertumnus.wording.count import count_words, likelihood_ratio, stop_words

ZEN = """The Zen of Python, by Tim Peters. Beautiful is better than ugly. Explicit is better than implicit.
Simple is better than complex. Complex is better than complicated. Flat is better than nested. Sparse is better than
dense. Although practicality beats purity. Although that way may not be obvious at first unless you're Dutch.
Now is better than never. Although never is often better than *right* now. Special cases aren't special enough."""


def counts(text, **how):
    return count_words(text, **{"language": "none", "phrases": 1, **how}).counts


@pytest.mark.parametrize(("both", "first", "second", "total"), [(10, 20, 30, 1000), (1, 50, 60, 200), (7, 7, 8, 90)])
def test_likelihood_ratio_is_the_g_test(both, first, second, total):
    table = [[both, first - both], [second - both, total - first - second + both]]
    g = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert likelihood_ratio(both, first, second, total) == pytest.approx(g)


def test_cases_and_plurals_are_folded():
    assert counts("flo flos floss flosss") == {"flo": 2, "floss": 1, "flosss": 1}
    assert counts("flo flos floss flosss", plurals=False) == {"flo": 1, "flos": 1, "floss": 1, "flosss": 1}
    assert counts("Cities and the city, boxes in a box, Box")["box"] == 3 or counts("boxes box Box")["Box"] == 3
    assert counts("cities city")["city"] == 2
    assert counts("Ideas idea ideas") == {"idea": 2, "Ideas": 1} or counts("Ideas idea ideas") == {"idea": 3}
    assert counts("Apple apple Apple") == {"Apple": 3}
    assert counts("Apple apple Apple", fold_case=False) == {"Apple": 2, "apple": 1}


def test_stop_words_go_by_language_and_a_language_is_guessed():
    found = count_words(ZEN)
    assert found.language == "en"
    assert not {"is", "than", "The", "the"} & set(found.counts)
    german = count_words("Der Hund lief über die Straße und der Mann war nicht da, aber die Katze schon.")
    assert german.language == "de"
    assert "Hund" in german.counts
    assert "und" in stop_words("de")
    assert "Hund" not in count_words("Der Hund und der Mann und die Katze", leave_out=["hund"]).counts


def test_phrases_count_as_one_and_less_for_themselves():
    found = count_words(ZEN, language="none").counts
    assert found["better than"] == 8
    assert "better" not in found
    assert "way may" not in found
    thrice = "Rio de Janeiro is warm. " * 6 + "I went to Rio de Janeiro once, and Lima de novo."
    assert (
        count_words(thrice + " some other words that come here " * 3, language="none", phrases=3).counts[
            "Rio de Janeiro"
        ]
        == 7
    )


def test_phrases_end_with_the_sentence():
    assert "ends Begins" not in count_words("It ends. Begins anew, " * 20, language="none").counts


def test_numbers_and_short_words():
    assert counts("3 cats 14 a b") == {"a": 1, "b": 1, "cats": 1}
    assert counts("3 cats 14", numbers=True) == {"14": 1, "3": 1, "cats": 1}
    assert counts("a bb ccc", least_letters=2) == {"bb": 1, "ccc": 1}
    assert counts("abc12 hello", pattern=r"[a-z]{3,}") == {"abc": 1, "hello": 1}


def test_words_of_other_scripts_are_whole():
    assert counts("हिन्दी भाषा हिन्दी") == {"हिन्दी": 2, "भाषा": 1}
    assert counts("مرحبا بالعالم") == {"بالعالم": 1, "مرحبا": 1}
    assert counts("naïve l'été don’t") == {"don’t": 1, "l'été": 1, "naïve": 1}


@pytest.mark.parametrize("text", ["", "   ", "... !!!", "42 7"])
def test_no_words_is_said(text):
    with pytest.raises(VertumnusError, match="no word"):
        count_words(text)


def test_stop_words_alone_are_said():
    with pytest.raises(VertumnusError, match="but stop words of the language 'en'"):
        count_words("the and of the", language="en")
    with pytest.raises(VertumnusError, match="but stop words"):
        count_words("a b a", language="none", leave_out=["a", "b"])


def test_what_cannot_be_used_is_said():
    with pytest.raises(VertumnusError, match="`language`: no stop words are known for 'xx'"):
        count_words("word", language="xx")
    with pytest.raises(VertumnusError, match="`pattern`"):
        count_words("word", pattern="12(")
