"""The layers of a large document as a table: half as long as an object for each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from vertumnus.checked import Checked
from vertumnus.document.layer import Layer

TABLE = 1000  # layers from which on a document holds them as a table
ALWAYS = frozenset({"id", "name", "image", "x", "y", "scale", "rotation"})
DEFAULTS = {name: field.default for name, field in Layer.model_fields.items() if name not in ALWAYS}
EXACT = 2.0**53  # whole numbers below are written without their ".0", which reads back the same


class LayerTable(Checked):
    """Many layers in a document: a row each, with null for what a field is by default.

    columns   fields of layers, in the order of a row's values
    rows      a layer each, back to front; without a column of ids they are k1, k2, k3 ...
    all       what is the same in every layer and stands in no row
    values    of a column, what its rows give the places of, counted from 0, in place of the values themselves
    """

    columns: list[str]
    rows: list[list[Any]]
    all: dict[str, Any] = Field({})
    values: dict[str, list[str]] = Field({})


def layer_fields(layer: Layer) -> dict[str, Any]:
    """What a document says of a layer: the fields of `ALWAYS`, and what is not as it is by default."""
    return {name: value for name, value in layer.__dict__.items() if name in ALWAYS or value != DEFAULTS[name]}


def table_of(layers: list[Layer]) -> str:
    """Layers as the JSON of a `LayerTable`.

    Raises ValueError for a number that JSON does not know.
    """
    given = [layer_fields(layer) for layer in layers]
    used = set().union(*given)
    common: dict[str, Any] = {}
    values: dict[str, list[str]] = {}
    columns: dict[str, list[Any]] = {}
    for name in (name for name in Layer.model_fields if name in used):
        column: list[Any] = [fields.get(name) for fields in given]
        if name == "id" and all(value == f"k{number}" for number, value in enumerate(column, 1)):
            continue
        if all(value == column[0] for value in column) and column[0] is not None:
            common[name] = _whole(column[0])
        elif (known := _known(column)) is not None:
            values[name] = known
            places = {value: place for place, value in enumerate(known)}
            columns[name] = [places[value] for value in column]
        else:
            columns[name] = [_whole(value) for value in column]
    parts = [f'"columns": {_dumped(list(columns))}']
    if common:
        parts.append(f'"all": {_dumped(common)}')
    if values:
        parts.append(f'"values": {_dumped(values)}')
    cells = list(columns.values())
    rows = ",\n  ".join(_dumped([column[row] for column in cells]) for row in range(len(layers)))
    return "{" + ",\n  ".join(parts) + ',\n  "rows": [\n  ' + rows + "\n ]}"


def layers_of(layers: object) -> object:
    """Layers as they are listed or, of a `LayerTable`, an object for each row.

    Raises ValueError for a table that is none.
    """
    if not isinstance(layers, dict):
        return layers
    if not {"columns", "rows"} <= set(layers) <= {"columns", "rows", "all", "values"}:
        raise ValueError("a table of layers has columns and rows, may have all and values, and nothing else")
    columns, rows, common, values = layers["columns"], layers["rows"], layers.get("all", {}), layers.get("values", {})
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise ValueError("columns must be a list of fields' names")
    if not isinstance(common, dict) or not isinstance(values, dict):
        raise ValueError("all and values must be objects")
    if len({*columns, *common}) < len(columns) + len(common):
        raise ValueError("columns name a field twice")
    if "id" in common:
        raise ValueError("all: two layers cannot have one id")
    if not isinstance(rows, list):
        raise ValueError("rows must be a list")
    looked_up = []
    for name, known in values.items():
        if name not in columns or not isinstance(known, list):
            raise ValueError(f"values.{name} must be a list, and {name} a column")
        looked_up.append((columns.index(name), known))
    return list(_objects(columns, rows, common, looked_up))


def _objects(
    columns: list[str], rows: list[object], common: dict[str, Any], looked_up: list[tuple[int, list[Any]]]
) -> Iterator[dict[str, Any]]:
    named = "id" in columns
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ValueError(f"rows[{number}] is not a list of {len(columns)} values")
        for column, known in looked_up:
            place = row[column]
            if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(known):
                raise ValueError(f"rows[{number}][{column}] is no place among {len(known)} values")
            row[column] = known[place]
        fields = {} if named else {"id": f"k{number + 1}"}
        fields.update((name, value) for name, value in zip(columns, row, strict=True) if value is not None)
        fields.update(common)
        yield fields


def _known(column: list[Any]) -> list[str] | None:
    """The different texts of a column of texts, in the order they come in, if to give their places is shorter."""
    if not all(isinstance(value, str) for value in column):
        return None
    known = list(dict.fromkeys(column))
    long = sum(len(value) + 2 for value in column)
    short = sum(len(value) + 4 for value in known) + len(str(len(known))) * len(column)
    return known if short < long else None


def _whole(value: object) -> object:
    """A whole number without its fraction; 0 below zero keeps its sign."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value) if value or math.copysign(1, value) > 0 else value
    return value


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
