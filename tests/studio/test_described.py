"""The documentation and the page's types are those of the models and routes."""

import re
from pathlib import Path

from vertumnus.document.layer import Layer
from vertumnus.studio.addresses import ADDRESSES
from vertumnus.studio.app import STATIC, _routes
from vertumnus.studio.described import document, types

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documentation_is_current():
    assert (DOCS / "api.md").read_text() == document(), "run python -m vertumnus.studio.described"


def test_the_types_are_current():
    assert (STATIC / "messages.d.ts").read_text() == types(), "run python -m vertumnus.studio.described"


def test_the_page_calls_messages_by_other_names_and_has_none_of_its_own():
    """What TypeScript checks the page against is what is sent, field by field; JSON schema alone is by hand."""
    own = (STATIC / "types.d.ts").read_text()
    assert re.findall(r"interface (\w+)", own) == ["Schema"]
    named = re.search(r"export type \{([^}]*)\} from \"./messages\";", own)[1]
    there = set(re.findall(r"export (?:interface|type) (\w+)", types()))
    assert {one.split(" as ")[0].strip() for one in named.split(",") if one.strip()} <= there
    layer = types().partition("export interface LayerShown {")[2].partition("}")[0]
    assert set(re.findall(r"^  (\w+):", layer, re.M)) == {*Layer.model_fields, "slot", "size", "picture"}


def test_every_address_is_listed():
    there = {(method, re.sub(r":\w+}", "}", route.path)) for route in _routes() if hasattr(route, "methods")
             for method in route.methods or () if method != "HEAD"}  # fmt: skip
    assert there == {(one.method, one.path) for one in ADDRESSES if one.method != "WS"}
