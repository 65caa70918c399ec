"""Guidances by name, from what a person types to what guides, and back."""

import pytest

from vertumnus.errors import VertumnusError
from vertumnus.guidance.options import DistillationOptions, PictogramOptions, ShapeOptions
from vertumnus.guidance.protocol import Source
from vertumnus.guidance.registry import KINDS, kept_guidance, open_named, options_of, parse_guidance, read_guidance


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("pictogram", PictogramOptions()),
        ("pictogram=2", PictogramOptions(weight=2)),
        ("shape:heart", ShapeOptions(shape="heart")),
        ("shape:text:Q=.5", ShapeOptions(shape="text:Q", weight=0.5)),
        ("shape:text:a=b", ShapeOptions(shape="text:a=b")),
        ("mini", DistillationOptions(model="mini")),
        ("distillation:mini=1e-1", DistillationOptions(model="mini", weight=0.1)),
        ("C:/models/a=b", DistillationOptions(model="C:/models/a=b")),
        ("some/model", DistillationOptions(model="some/model")),
    ],
)
def test_a_spec_is_a_name_an_argument_and_a_weight(spec, expected):
    assert parse_guidance(spec) == expected


def test_fields_go_to_the_kinds_that_have_them():
    assert parse_guidance("pictogram", method="sds", guidance_scale=3.0) == PictogramOptions(method="sds")
    assert parse_guidance("mini", method="sds", window=3) == DistillationOptions(model="mini", method="sds")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("pictogram=0", "guidance pictogram: weight: "),
        ("pictogram=-1", "guidance pictogram: weight: "),
        ("pictogram:heart", "pictogram takes nothing after a colon, not 'heart'"),
        ("shape:nosuch.png", "nosuch.png"),
        ("pictogramm", "no such folder and no model of this name; did you mean pictogram"),
    ],
)
def test_a_spec_that_cannot_be_is_one_sentence(spec, words):
    with pytest.raises(VertumnusError, match=words) as error:
        open_named(spec)
    assert "\n" not in str(error.value)
    assert "--" not in str(error.value)


def test_documents_keep_guidances():
    for options in (PictogramOptions(window=3), DistillationOptions(weight=0.2), ShapeOptions(shape="icon:fish")):
        kept = kept_guidance(options)
        assert kept["kind"] == options.kind
        assert read_guidance(kept) == options
    for kept in ({"kind": "clairvoyance"}, {"kind": "shape", "window": 3}, {}):
        with pytest.raises(VertumnusError, match="guidance"):
            read_guidance(kept)


def test_every_kind_has_options_of_its_own_name():
    for kind in KINDS:
        assert options_of(kind).kind == kind
        assert all(field.description for field in options_of(kind).model_fields.values())


def test_sources_are_what_the_protocol_says():
    source = open_named(["shape:circle=0.5", "pictogram"])
    assert isinstance(source, Source)
    assert source.name == "shape:circle + pictogram"
    assert set(source.inputs()) == {"shape:circle", "pictogram"}


@pytest.mark.parametrize("kept", [1, None, "shape", [], {1: 2}])
def test_what_a_document_keeps_is_an_object(kept):
    with pytest.raises(VertumnusError, match="guidance"):
        read_guidance(kept)
