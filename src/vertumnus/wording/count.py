"""From a text to words and how often each occurs: stop words left out, cases and plurals folded, phrases found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from math import log
from typing import NamedTuple

import regex

from vertumnus.errors import VertumnusError, did_you_mean

WORD = r"\w(?:[\w'’\u200c\u200d]*\w)?"
SENTENCE = regex.compile(r"[.!?;:,()\[\]{}\"“”«»。、，！？；：\n]\s|\n\s*\n|\s[-–—]+\s|--")
LIKELY = 30.0  # Dunning's ratio above which words that follow each other are a phrase
HITS = 0.02  # of a text's words that are stop words of a language, below which it is taken for none
LEAST_HITS = 3  # different ones
# Plurals by their ending: what is taken off, what is put on. Only where the singular occurs itself.
PLURALS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", ""))


class Counted(NamedTuple):
    """What was counted.

    counts     how often each word or phrase occurs, the most frequent first
    language   whose stop words were left out, as ISO 639-1; None where none were
    """

    counts: dict[str, int]
    language: str | None


@cache
def _lists() -> dict[str, frozenset[str]]:
    """Stop words by language, from the package stopwordsiso."""
    import stopwordsiso

    return {name: frozenset(stopwordsiso.stopwords(name)) for name in sorted(stopwordsiso.langs())}


def stop_words(language: str) -> frozenset[str]:
    """The stop words of a language by its ISO 639-1 code.

    Raises `VertumnusError` for a language there are none for.
    """
    known = _lists()
    if language not in known:
        raise VertumnusError(
            f"`language`: no stop words are known for {language!r}{did_you_mean(language, known)}; known are"
            f" {', '.join(known)}, and none"
        )
    return known[language]


def guess_language(tokens: Iterable[str]) -> str | None:
    """The language most of whose frequent little words occur in a text, or None if hardly any do."""
    counts = Counter(token.lower() for token in tokens)
    total = sum(counts.values())
    # A list's size must not decide, so a word counts less the more languages have it.
    spoken: Counter[str] = Counter()
    for words in _lists().values():
        spoken.update(word for word in words if word in counts)
    hits = {
        name: sum(counts[word] / spoken[word] for word in words if word in counts) for name, words in _lists().items()
    }
    best = max(hits, key=lambda name: hits[name], default=None)
    if best is None or not total or sum(word in counts for word in _lists()[best]) < LEAST_HITS:
        return None
    return best if hits[best] / total >= HITS else None


def count_words(
    text: str,
    *,
    language: str | None = None,
    leave_out: Sequence[str] = (),
    phrases: int = 2,
    plurals: bool = True,
    fold_case: bool = True,
    numbers: bool = False,
    least_letters: int = 1,
    pattern: str | None = None,
) -> Counted:
    """Counts the words of a text.

    language       whose stop words are left out, by its ISO 639-1 code; "none" for no stop words; by default the
                   language is guessed
    leave_out      further words that do not count, in any case
    phrases        most words of a phrase; 1 for none. Words that follow each other in a sentence much more often than
                   by chance (Dunning, "Accurate methods for the statistics of surprise and coincidence",
                   Computational Linguistics 1993, eq. 10; above 30) count as one, and less for themselves
    plurals        a plural counts for the singular, where that occurs
    fold_case      a word in several cases counts as the most frequent one
    numbers        numbers count
    least_letters  of a word
    pattern        a regular expression of what is a word

    Raises `VertumnusError` if nothing is left, or for a language or a pattern that cannot be used.

    >>> count_words("The cat sat. Cats sit; the cat purrs.").counts["cat"]
    3
    """
    try:
        word = regex.compile(pattern if pattern is not None else WORD)
    except regex.error as error:
        raise VertumnusError(f"`pattern`: {pattern!r} is not a regular expression ({error})") from None
    sentences = [_tokens(part, word, numbers, least_letters) for part in SENTENCE.split(text)]
    if not any(sentences):
        raise VertumnusError("there is no word in it")
    if language is None:
        language = guess_language(token for part in sentences for token in part)
    stop = set() if language in (None, "none") else set(stop_words(str(language)))
    stop |= {left.lower() for left in leave_out}
    label = _labels(sentences, stop, plurals, fold_case)
    runs = [run for part in sentences for run in _runs([label[token] for token in part])]
    counts: Counter[str] = Counter(token for run in runs for token in run)
    if not counts:
        raise VertumnusError(
            "there is no word in it but stop words"
            + (f" of the language {language!r}; `language` none leaves none out" if language else "")
        )
    if phrases > 1:
        counts = _with_phrases(runs, counts, phrases)
    return Counted(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))), language)


def _tokens(text: str, word: regex.Pattern[str], numbers: bool, least: int) -> list[str]:
    found = []
    for token in word.findall(text):
        token = token if isinstance(token, str) else token[0]
        for ending in ("'s", "’s"):
            token = token.removesuffix(ending)
        if len(token) >= least and (numbers or not token.isdigit()):
            found.append(token)
    return found


def _labels(
    sentences: Sequence[Sequence[str]], stop: set[str], plurals: bool, fold_case: bool
) -> dict[str, str | None]:
    """What each token counts as; None for a stop word."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for part in sentences:
        for token in part:
            forms[token.lower() if fold_case else token][token] += 1
    stays = {key: forms[key] for key in forms if key.lower() not in stop}
    single = {key: key for key in stays}
    if plurals:
        for key in stays:
            for ending, instead in PLURALS:
                other = key.removesuffix(ending) + instead
                if key.endswith(ending) and not (ending == "s" and key.endswith("ss")) and other in stays:
                    if len(other) > 1:
                        single[key] = other
                    break
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for key, cases in stays.items():
        if single[key] == key:
            shown[key].update(cases)
    for key, cases in stays.items():
        if single[key] != key:  # a plural's capital counts for the singular's
            end = single[key]
            for case, count in cases.items():
                written = case[: len(end)] if case[: len(end)].lower() == end.lower() else end
                shown[end][written] += count
    label: dict[str, str | None] = {}
    for key, cases in forms.items():
        one = single.get(key)
        while one is not None and single[one] != one:
            one = single[one]
        best = None if one is None else max(sorted(shown[one]), key=lambda case, one=one: shown[one][case])  # type: ignore[misc]
        label.update(dict.fromkeys(cases, best))
    return label


def _runs(tokens: Sequence[str | None]) -> list[list[str]]:
    """Words that follow each other with no stop word between them."""
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token is not None:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _with_phrases(runs: Sequence[Sequence[str]], counts: Counter[str], most: int) -> Counter[str]:
    """Counts in which phrases have their own, taken off their parts'."""
    total = counts.total()
    before: Counter[tuple[str, ...]] = Counter({(word,): count for word, count in counts.items()})
    phrases: list[tuple[tuple[str, ...], int]] = []
    for length in range(2, most + 1):
        found = Counter(tuple(run[at : at + length]) for run in runs for at in range(len(run) - length + 1))
        good = {
            phrase: count
            for phrase, count in found.items()
            if count > 1
            and phrase[:-1] in before
            and likelihood_ratio(count, before[phrase[:-1]], counts[phrase[-1]], total) > LIKELY
        }
        phrases += good.items()
        before = Counter(good)
    left = Counter(counts)
    own: Counter[str] = Counter()
    for phrase, count in sorted(phrases, key=lambda item: -len(item[0])):
        # What of it is in longer phrases counts there.
        count -= sum(n for longer, n in phrases if len(longer) > len(phrase) and _holds(longer, phrase))
        if count > 1:
            own[" ".join(phrase)] = count
            for word in phrase:
                left[word] -= count
    return Counter({word: count for word, count in left.items() if count > 0}) + own


def _holds(longer: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(longer[at : at + len(phrase)] == phrase for at in range(len(longer) - len(phrase) + 1))


def likelihood_ratio(both: int, first: int, second: int, total: int) -> float:
    """How much likelier it is that two words go together than that they do not: Dunning's -2 log lambda.

    both     how often the second follows on the first
    first, second, total   how often each occurs, and all words
    """
    if total <= first or total <= second:
        return 0.0
    p = second / total
    p1, p2 = both / first, (second - both) / (total - first)
    return 2 * (
        _log_likelihood(both, first, p1)
        + _log_likelihood(second - both, total - first, p2)
        - _log_likelihood(both, first, p)
        - _log_likelihood(second - both, total - first, p)
    )


def _log_likelihood(k: float, n: float, p: float) -> float:
    """K log p + (n - k) log(1 - p), where what is certain counts nothing."""
    return k * log(max(p, 1e-10)) + (n - k) * log(max(1 - p, 1e-10))
