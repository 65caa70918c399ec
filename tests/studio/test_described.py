"""The documentation and the page's types are those of the models and routes."""

import re
from pathlib import Path

from vertumnus.studio.addresses import ADDRESSES
from vertumnus.studio.app import STATIC, _routes
from vertumnus.studio.described import document, types

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documentation_is_current():
    assert (DOCS / "api.md").read_text() == document(), "run python -m vertumnus.studio.described"


def test_the_types_are_current():
    assert (STATIC / "messages.d.ts").read_text() == types(), "run python -m vertumnus.studio.described"


def test_every_address_is_listed():
    there = {(method, re.sub(r":\w+}", "}", route.path)) for route in _routes() if hasattr(route, "methods")
             for method in route.methods or () if method != "HEAD"}  # fmt: skip
    assert there == {(one.method, one.path) for one in ADDRESSES if one.method != "WS"}
