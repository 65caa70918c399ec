"""What a vision-language model thinks of a collage: three ratings by a fixed rubric.

SCORE (AAAI 2026, "Evaluation Metrics", Table 1) asks GPT-4o to rate Contour Expression, Layout Rationality and
Aesthetic Quality from 1 to 10. Here any endpoint that speaks OpenAI's chat completions is asked, a local one too.
The rubric is this program's; the paper prints none.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.clip_scores import on_ground

TRIES = 5
FIRST_WAIT = 1.0  # seconds before the second try; each next wait is twice as long
LONGEST_WAIT = 60.0  # seconds, also where the server asks for more
SEEN_SIDE = 768  # pixels; larger pictures are made smaller before they are sent
LONGEST_ANSWER = 1 << 20  # bytes
_WORTH_A_RETRY = (408, 409, 425, 429)  # HTTP statuses, and all from 500
_SHOWN = 160  # characters of a server's message that an error repeats

RUBRIC = """You judge a collage: a picture put together from many small, unchanged pictures.
It is meant to show: {prompt}

Rate it on three scales from 1 (worst) to 10 (best):
contour_expression: do the pieces together form the outline of what it is meant to show? 1 nothing of it can be made \
out; 4 it can be guessed when told; 7 it is recognised at once, with flaws; 10 its outline is clear and complete.
layout_rationality: are the pieces laid out sensibly? 1 they are piled up, scattered or cut off; 4 many overlap or \
leave senseless gaps; 7 they are mostly apart and evenly spread; 10 each piece is whole and helps to form the subject.
aesthetic_quality: is it pleasing to look at? 1 ugly or chaotic; 4 plain; 7 attractive; 10 worth hanging on a wall.

Answer with one JSON object and nothing else:
{{"contour_expression": 1-10, "layout_rationality": 1-10, "aesthetic_quality": 1-10}}"""


class Ratings(NamedTuple):
    """The three ratings, each from 1 to 10."""

    contour_expression: float
    layout_rationality: float
    aesthetic_quality: float

    @property
    def mean(self) -> float:
        """Their mean, the one number of SCORE's Table 1."""
        return sum(self) / len(self)


@dataclass(frozen=True)
class VlmEndpoint:
    """Where a vision-language model is asked.

    url      the base, such as https://api.openai.com/v1 or http://localhost:11434/v1
    model    the model's name there
    key      sent as a bearer token, if there is one
    timeout  seconds that the server may be silent
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 120.0

    @classmethod
    def choose(cls, url: str | None = None, model: str | None = None) -> VlmEndpoint:
        """An endpoint from what was typed and else from the environment, as OpenAI's own client does.

        OPENAI_BASE_URL  the base
        OPENAI_API_KEY   the key
        OPENAI_MODEL     the model

        Raises `VertumnusError` if there is no base, no model, or the base is not a web address.
        """
        url = url or os.environ.get("OPENAI_BASE_URL", "")
        model = model or os.environ.get("OPENAI_MODEL", "")
        if not url:
            raise VertumnusError("--vlm: name an endpoint, such as http://localhost:11434/v1, or set OPENAI_BASE_URL")
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # such as a port that is no number
            fine = False
        if not fine:
            raise VertumnusError(f"--vlm: {url!r} is not a web address; write one such as http://localhost:11434/v1")
        if not model:
            raise VertumnusError("--vlm-model: name the model that the endpoint serves, or set OPENAI_MODEL")
        return cls(url.rstrip("/"), model, os.environ.get("OPENAI_API_KEY", "").strip())


def vlm_score(
    image: Image.Image,
    prompt: str,
    endpoint: VlmEndpoint,
    sleep: Callable[[float], None],
    ground: str = "white",
    tries: int = TRIES,
) -> Ratings:
    """VLM score of SCORE (Table 1): a model's three ratings of a collage by `RUBRIC`.

    image   the collage; what is transparent is ``ground``
    sleep   called with the seconds to wait before another try
    tries   how often it is asked at most. A bad answer, a server that is busy, fails or is silent for too long are
            tried again; what another try cannot change is not

    Raises `VertumnusError` for an empty prompt, and naming the endpoint if there is no good answer.
    """
    if not prompt.strip():
        raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
    question = _question(on_ground(image, ground), prompt)
    asked = [question]
    wait = FIRST_WAIT
    for n in range(tries):
        pause = wait
        try:
            answer = _ask(endpoint, asked)
        except _Failed as failed:
            if not failed.worth_a_retry:
                raise VertumnusError(f"{endpoint.url}: {failed}") from None
            reason = str(failed)
            pause = max(wait, failed.wait)
        else:
            try:
                return read_ratings(answer)
            except VertumnusError as bad:
                reason = str(bad)
            # Asked the same again, a model that does not roll dice would answer the same.
            asked = [question, {"role": "assistant", "content": answer}, {"role": "user", "content": _again(reason)}]
        if n + 1 < tries:
            sleep(min(pause, LONGEST_WAIT))
            wait *= 2
    raise VertumnusError(f"{endpoint.url}: {endpoint.model} gave no ratings in {tries} tries; the last time {reason}")


class _Failed(Exception):  # noqa: N818 - never leaves this file
    """The server did not give an answer."""

    def __init__(self, reason: str, worth_a_retry: bool = True, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.worth_a_retry = worth_a_retry
        self.wait = wait


def _question(image: Image.Image, prompt: str) -> dict[str, Any]:
    image.thumbnail((SEEN_SIDE, SEEN_SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "PNG")
    address = "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": RUBRIC.format(prompt=json.dumps(prompt.strip(), ensure_ascii=False))},
            {"type": "image_url", "image_url": {"url": address}},
        ],
    }


def _again(reason: str) -> str:
    return f"That cannot be used: {reason}. Answer with the JSON object of the three ratings and nothing else."


def _ask(endpoint: VlmEndpoint, messages: list[dict[str, Any]]) -> str:
    """The text that the model answers."""
    headers = {"Content-Type": "application/json", "User-Agent": "vertumnus"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    body = json.dumps({"model": endpoint.model, "messages": messages}).encode()
    request = Request(f"{endpoint.url}/chat/completions", body, headers)
    try:
        with urlopen(request, timeout=endpoint.timeout) as reply:
            text = reply.read(LONGEST_ANSWER)
    except HTTPError as error:
        raise _refused(error) from None
    except TimeoutError:
        raise _Failed(f"nothing came for {endpoint.timeout:g} seconds") from None
    except (URLError, OSError, http.client.HTTPException) as error:
        inner = getattr(error, "reason", error)
        if isinstance(inner, TimeoutError):
            raise _Failed(f"nothing came for {endpoint.timeout:g} seconds") from None
        raise _Failed(f"it could not be reached ({_line(str(inner))})") from None
    except ValueError:  # what it says would show the key
        raise _Failed("the key holds characters that cannot be sent", worth_a_retry=False) from None
    try:
        answer = json.loads(text)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        raise _Failed("its reply was not a chat completion") from None
    if not isinstance(answer, str):
        raise _Failed("its reply held no text")
    return answer


def _refused(error: HTTPError) -> _Failed:
    with error:
        try:
            said = error.read(LONGEST_ANSWER).decode(errors="replace")
        except OSError:
            said = ""
    with contextlib.suppress(ValueError, LookupError, TypeError):
        said = json.loads(said)["error"]["message"]
    seconds = error.headers.get("Retry-After", "")
    retry = error.code in _WORTH_A_RETRY or error.code >= 500
    message = f" ({_line(str(said))})" if said else ""
    return _Failed(f"it answered HTTP {error.code}{message}", retry, float(seconds) if seconds.isdigit() else 0.0)


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def read_ratings(answer: str) -> Ratings:
    """The ratings in a model's answer: the last JSON object in it, alone, in a code fence or amid text.

    Raises `VertumnusError` that says what is wrong with it.

    >>> read_ratings('```json {"contour_expression": 8, "layout_rationality": 7, "aesthetic_quality": 9} ```').mean
    8.0
    """
    rated = None
    for found in _objects(answer):
        if not found.keys().isdisjoint(Ratings._fields):
            rated = found
    if rated is None:
        raise VertumnusError("there was no JSON object with the ratings")
    for name in Ratings._fields:
        value = rated.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10:
            raise VertumnusError(f"{name} was {_line(json.dumps(value))} and not a number from 1 to 10")
    return Ratings(*(float(rated[name]) for name in Ratings._fields))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, outermost first."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
            yield found
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
