"""The public names, recorded: one that goes or changes its parameters fails here until the record is edited."""

import inspect
import json
from pathlib import Path

import pytest

import vertumnus

RECORD = Path(__file__).parent / "api_surface.json"


def surface():
    found = {}
    for name in vertumnus.__all__:
        value = getattr(vertumnus, name)
        if inspect.isfunction(value):
            found[name] = list(inspect.signature(value).parameters)
        elif inspect.isclass(value):
            fields = getattr(value, "model_fields", None)
            found[name] = list(fields) if fields else "class"
        else:
            found[name] = type(value).__name__
    return found


def test_the_public_names_are_as_recorded():
    assert surface() == json.loads(RECORD.read_text())


def test_every_public_name_is_documented():
    for name in vertumnus.__all__:
        value = getattr(vertumnus, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__


def test_dir_and_unknown_names():
    assert set(dir(vertumnus)) == set(vertumnus.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = vertumnus.nothing
