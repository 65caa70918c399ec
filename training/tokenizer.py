"""The tokenizer of mini: stock `CLIPTokenizer` with byte pairs merged until every word of a caption is one token.

Any other word is spelt in smaller pieces, at worst in bytes, and cannot fail.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from vertumnus.models.mini.vocabulary import COLOURS, NUMBERS, SIZES, nouns, plural

LENGTH = 32  # tokens of a caption, with its beginning and end; the longest scenes need 29
_OTHER = (
    "a an and the picture drawing icon image photo of on in with at to left right top bottom centre center above"
    " below beside nothing background plain one two three four gray"
)


def words() -> list[str]:
    """Every word of a caption, sorted."""
    phrases = [*nouns(), *map(plural, nouns()), *COLOURS, *NUMBERS.values(), *SIZES, _OTHER]
    return sorted({word for phrase in phrases for word in phrase.split()})


def merges() -> list[tuple[str, str]]:
    """The byte pairs to merge, in order: always the most frequent one, and of these the first by name."""
    spelt = [[*word[:-1], word[-1] + "</w>"] for word in words()]
    found = []
    while any(len(word) > 1 for word in spelt):
        counts = Counter(pair for word in spelt for pair in pairwise(word))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        found.append(best)
        for word in spelt:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = ["".join(best)]
                at += 1
    return found


def build() -> CLIPTokenizer:
    """The tokenizer; the same one every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = merges()
    pieces = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(pair) for pair in pairs)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: n for n, piece in enumerate(dict.fromkeys(pieces))}
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=LENGTH)
