"""Layers' texts in a prompt: characters, then tokens."""

import pytest

from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.tokens import find_spans, prompt_of, speak, token_offsets

pytest.importorskip("transformers")
from tiny import tokenizer


def said(prompt, texts):
    return [prompt[a:b] for a, b in find_spans(prompt, texts)]


def test_whole_words_whatever_the_case():
    assert said("A Ball, balls and a BALLOON", ["ball", "balloon"]) == ["Ball", "BALLOON"]


def test_longer_texts_take_their_words_first():
    prompt = "a cake stand with a cake"
    assert find_spans(prompt, ["cake", "cake stand"]) == [(20, 24), (2, 12)]


def test_repeats_take_turns_and_the_last_is_shared():
    assert find_spans("a cup, a cup", ["cup"] * 3) == [(2, 5), (9, 12), (9, 12)]


def test_punctuation_and_spaces_within():
    assert said("the rock’n’roll  band, live (again)", ["rock’n’roll band", "again"]) == [
        "rock’n’roll  band",
        "again",
    ]


def test_a_text_that_is_not_there_is_named_with_a_prompt():
    with pytest.raises(VertumnusError, match=r"layer 'ginger' is not in it.*rice and ginger"):
        find_spans("a bowl of rice", ["rice", "ginger"])
    with pytest.raises(VertumnusError, match="layer 2: its text is empty"):
        find_spans("rice", ["rice", " "])


def test_the_prompt_of_layers_has_them_all():
    texts = ["a table", "a red ball", "a red ball", "cup"]
    assert len(find_spans(prompt_of(texts), texts)) == 4


def test_tokens_are_those_of_the_characters():
    words = tokenizer()  # a letter a token
    prompt = "a cup, a cap"
    cup, cap = speak(words, prompt, ["cup", "cap"])
    ids = words(prompt).input_ids
    assert words.convert_ids_to_tokens([ids[n] for n in cup.tokens]) == ["c", "u", "p</w>"]
    assert words.convert_ids_to_tokens([ids[n] for n in cap.tokens]) == ["c", "a", "p</w>"]


def test_slow_tokenizers_are_worked_out():
    class Slow:
        is_fast = False
        model_max_length = 77

        def tokenize(self, text):
            return ["a</w>", "tea", "pot</w>", ",</w>", "a</w>", "tea</w>"]

    assert token_offsets(Slow(), "A teapot, a tea") == [(0, 1), (2, 5), (5, 8), (8, 9), (10, 11), (12, 15)]
    teapot, tea = speak(Slow(), "A teapot, a tea", ["teapot", "tea"])
    assert teapot.tokens == (2, 3)
    assert tea.tokens == (6,)


def test_a_prompt_too_long_says_where_it_is_cut():
    with pytest.raises(VertumnusError, match="reads 6; it would be cut at 'hij'"):
        speak(tokenizer(8), "abc efghij"[:6] + "ghij", ["abc"])
