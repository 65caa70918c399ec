"""What the messages are, written from the models: `docs/api.md` for people, types for the page.

``python -m vertumnus.studio.described docs/api.md src/vertumnus/studio/static/messages.d.ts`` writes both; a test
holds them to be current.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vertumnus.document.layer import Layer
from vertumnus.studio import frames, schema
from vertumnus.studio.addresses import ADDRESSES
from vertumnus.writing import atomic_write

COMMANDS = get_args(schema.Command)
ANSWERS = get_args(schema.FromServer)
OTHERS = (schema.UploadShown,)
ALL_SENT = {model.__name__ for model in ANSWERS}


def _definitions() -> dict[str, Any]:
    commands: Any = [(model, "validation") for model in COMMANDS]
    answers: Any = [(model, "serialization") for model in (*ANSWERS, *OTHERS)]
    _, found = models_json_schema([*commands, *answers], ref_template="{model}")
    made: dict[str, Any] = dict(sorted(found["$defs"].items()))
    # A layer is sent with all its fields; what the document's model says of them is said once.
    fields = Layer.model_json_schema(mode="serialization")["properties"]
    shown = dict(made["LayerShown"])
    del shown["additionalProperties"]
    made["LayerShown"] = shown | {"properties": fields | shown["properties"]}
    return made


def types() -> str:
    """TypeScript declarations of every message."""
    lines = ["// Written by vertumnus.studio.described from the models of schema.py; do not edit.", ""]
    for name, model in _definitions().items():
        lines += [*_comment(model.get("description"), ""), f"export interface {name} {{"]
        fields = model.get("properties", {})
        sent = name in ALL_SENT or name.endswith("Shown")  # by the server, with every field
        required = set(fields) if sent else {*model.get("required", ()), *(f for f in fields if "const" in fields[f])}
        for field, one in fields.items():
            lines += _comment(one.get("description"), "  ")
            lines.append(f"  {field}{'' if field in required else '?'}: {_type(one)};")
        if model.get("additionalProperties") is True:
            lines.append("  [field: string]: unknown;")
        lines += ["}", ""]
    lines.append("export type Command = " + " | ".join(model.__name__ for model in COMMANDS) + ";")
    lines.append("export type FromServer = " + " | ".join(model.__name__ for model in ANSWERS) + ";")
    return "\n".join(lines) + "\n"


def _comment(text: str | None, indent: str) -> list[str]:
    if not text:
        return []
    return [f"{indent}/** {' '.join(text.split())} */"]


def _type(one: Mapping[str, Any]) -> str:
    if "$ref" in one:
        return str(one["$ref"])
    if "const" in one:
        return repr(one["const"]).replace("'", '"')
    if "enum" in one:
        return " | ".join(f'"{value}"' for value in one["enum"])
    if "anyOf" in one:
        return " | ".join(dict.fromkeys(_type(part) for part in one["anyOf"]))
    kind = one.get("type")
    if kind == "array":
        if "prefixItems" in one:
            return "[" + ", ".join(_type(part) for part in one["prefixItems"]) + "]"
        inner = _type(one.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        extra = one.get("additionalProperties")
        return f"{{ [name: string]: {_type(extra) if isinstance(extra, dict) else 'unknown'} }}"
    return {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}.get(
        str(kind), "unknown"
    )


def document() -> str:
    """The page of the documentation that describes the interface."""
    parts = [
        "# The studio's interface",
        "",
        "Written by `python -m vertumnus.studio.described` from the models in"
        " [schema.py](../src/vertumnus/studio/schema.py); a test holds it to be current. What the studio is, and what"
        " keeps it safe, is in [studio.md](studio.md); [examples/studio.py](../examples/studio.py) drives it from"
        " Python.",
        "",
        "## Addresses",
        "",
        "All lie under the prefix, if there is one, and every one needs the token: the cookie that the link sets, or"
        " `Authorization: Bearer TOKEN`. What goes wrong is answered with 400 (404 for what is not there) and"
        ' `{"message": one sentence}`.',
        "",
        "| | address | |",
        "|---|---|---|",
        *(f"| {one.method} | `{one.path}` | {one.says} |" for one in ADDRESSES),
        "",
        "## Commands",
        "",
        "JSON text frames of the WebSocket, or the body of a POST to `commands`. Each is answered with `done` or"
        " `refused`, with its `seq`.",
        "",
    ]
    found = _definitions()
    for model in COMMANDS:
        parts += _described(model, found)
    parts += ["## Messages of the server", ""]
    for model in ANSWERS:
        parts += _described(model, found)
    used = [name for name in found if name not in {one.__name__ for one in (*COMMANDS, *ANSWERS)}]
    parts += ["## Parts of messages", ""]
    for name in used:
        parts += _table(name, found[name])
    parts += ["## Binary frames", "", *(frames.__doc__ or "").replace("``", "`").splitlines()[2:], ""]
    parts.append("A client that has two frames it has not said it has shown gets no third: it then gets the newest.")
    return "\n".join(parts) + "\n"


def _described(model: type[BaseModel], found: Mapping[str, Any]) -> list[str]:
    name = model.__name__
    kind = model.model_fields["kind"].default
    return _table(f"`{kind}`", found[name])


def _table(title: str, model: Mapping[str, Any]) -> list[str]:
    lines = [f"### {title}", "", " ".join(str(model.get("description", "")).split()).replace("``", "`"), ""]
    fields = {
        name: one
        for name, one in model.get("properties", {}).items()
        if name != "seq" and not (name == "kind" and "const" in one)
    }
    if fields:
        lines += ["| field | type | |", "|---|---|---|"]
        required = set(model.get("required", ()))
        for name, one in fields.items():
            said = " ".join(str(one.get("description", "")).split())
            default = ""
            if name not in required and one.get("default") not in (None, [], {}):
                default = f"{'; ' if said else ''}by default {one['default']}"
            needed = f"{'; ' if said else ''}needed" if name in required else ""
            lines.append(f"| `{name}` | {_type(one).replace('|', 'or')} | {said}{default}{needed} |")
        lines.append("")
    return lines


def main(paths: list[str]) -> None:
    """Writes the documentation and the types to the two places."""
    for path, text in zip(paths, (document(), types()), strict=True):
        with atomic_write(Path(path)) as stream:
            stream.write(text.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
