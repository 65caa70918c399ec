"""Faces are found, and crops hold them."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from vertumnus.imaging.faces import Face, crop_around, find_faces


def test_a_portrait_has_one_face_where_it_is():
    (face,) = find_faces(Image.fromarray(data.astronaut()))
    assert abs(face.left - 178) < 20  # of 512; told by eye
    assert abs(face.right - 275) < 20
    assert abs(face.top - 62) < 25
    assert abs(face.bottom - 165) < 25


@pytest.mark.parametrize("name", ["coffee", "brick"])
def test_what_is_no_face_is_none(name):
    assert find_faces(Image.fromarray(getattr(data, name)())) == []


def test_faces_of_other_people_are_found_and_other_things_are_not():
    """Of the labelled faces that scikit-image ships, 25 pixels each, drawn larger."""
    grey = (data.lfw_subset() * 255).astype(np.uint8)
    large = [Image.fromarray(one).resize((160, 160), Image.Resampling.BICUBIC) for one in grey[::40]]
    sheet = [Image.new("L", (320, 320), 128) for _ in large]
    for ground, one in zip(sheet, large, strict=True):
        ground.paste(one, (80, 80))
    found = [len(find_faces(one)) for one in sheet]
    assert sum(found[:3]) >= 2
    assert sum(found[3:]) == 0


def test_a_crop_holds_the_largest_face_whole():
    small, large = Face(900, 40, 940, 80), Face(10, 60, 110, 160)
    left, top, wide, tall = crop_around((1000, 200), 1.0, [small, large])
    assert (wide, tall, top) == (200, 200, 0)
    assert left <= 10
    assert left + wide >= 110
    both = crop_around((1000, 900), 1.0, [small, large])  # 900 across cannot hold both whole with their hair
    assert both[0] <= 10
    near = crop_around((300, 200), 1.0, [Face(120, 50, 180, 110)])  # in the middle already
    assert near == (50, 0, 200, 200)


def test_a_face_larger_than_the_crop_is_shown_in_its_middle():
    left, _, wide, _ = crop_around((400, 100), 0.5, [Face(250, 0, 350, 100)])
    assert abs(left + wide / 2 - 300) <= 1


def test_a_sliver_has_no_face():
    assert find_faces(Image.new("RGB", (1000, 10))) == []
