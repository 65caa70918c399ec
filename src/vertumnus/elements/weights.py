"""Relative areas from a table: ``--weights FILE.csv`` with columns name, weight."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.limits import MAX_WEIGHT, check_number
from vertumnus.reading import read_text


def read_weights(path: Path) -> dict[str, float]:
    """The weights of a CSV file, by element name; a first line that holds no number is a heading.

    Raises `VertumnusError` naming the line for a weight that is not a positive number.
    """
    weights: dict[str, float] = {}
    try:
        for row in (reader := csv.reader(io.StringIO(read_text(path), newline=""))):
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path}: line {reader.line_num}"
            if len(row) != 2:
                raise VertumnusError(f"{where}: needs two columns, name and weight, not {len(row)}")
            name, text = row[0].strip(), row[1].strip()
            try:
                weight = float(text)
            except ValueError:
                if not weights and reader.line_num == 1:
                    continue
                raise VertumnusError(f"{where}: weight: {text!r} is not a number") from None
            check_weight(weight, where)
            if name in weights:
                raise VertumnusError(f"{where}: name: {name!r} stands in the table twice")
            weights[name] = weight
    except csv.Error as error:
        raise VertumnusError(f"{path}: cannot be read as a table ({error})") from None
    if not weights:
        raise VertumnusError(f"{path}: the table holds no weight")
    return weights


def check_weight(weight: object, where: str) -> float:
    """The weight as a float.

    Raises `VertumnusError` unless it is a number above 0 within bounds.
    """
    if isinstance(weight, int | float | np.number) and not 0 < weight < math.inf:
        raise VertumnusError(f"{where}: weight: must be a number above 0, not {weight}")
    return check_number(f"{where}: weight", weight, 1 / MAX_WEIGHT, MAX_WEIGHT)


def apply_weights(elements: Sequence[Element], weights: Mapping[str, float], where: str) -> list[Element]:
    """The elements with their weights; one that is not in the table keeps its own.

    Raises `VertumnusError` if the table names an element that is not there.
    """
    names = {element.name for element in elements}
    unknown = [name for name in weights if name not in names and Path(name).stem not in names]
    if unknown:
        more = f" (nor {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise VertumnusError(
            f"{where}: name: no element is called {unknown[0]!r}{more}{did_you_mean(unknown[0], names)}"
        )
    checked = {name: check_weight(weight, f"{where}: {name}") for name, weight in weights.items()}
    by_stem = {Path(name).stem: weight for name, weight in checked.items()} | checked
    return [element.weighted(by_stem.get(element.name, element.weight)) for element in elements]
