"""Icons by name: what the decision in docs/icons.md counts, drawn filled and to size."""

import sys

import numpy as np
import pytest

from vertumnus.document.pictures import Pictures
from vertumnus.elements.icons import draw_icon, find_icon, icon_element, icon_names
from vertumnus.errors import VertumnusError

NAMES = """
apple bat bell bird bone bottle butterfly camel car chicken crown cup deer dog elephant face fish fly fork
fountain frog guitar hammer hat heart horse jar key lizard octopus pencil rat shoe spoon spring teddy tree truck
turtle watch
"""

COCO = """
person bicycle car motorcycle airplane bus train truck boat traffic-light fire-hydrant stop-sign parking-meter
bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee skis
snowboard sports-ball kite baseball-bat baseball-glove skateboard surfboard tennis-racket bottle wine-glass cup
fork knife spoon bowl banana apple sandwich orange broccoli carrot hot-dog pizza donut cake chair couch
potted-plant bed dining-table toilet tv laptop mouse remote keyboard cell-phone microwave oven toaster sink
refrigerator book clock vase scissors teddy-bear hair-drier toothbrush
"""


def missing(names):
    found = []
    for name in names.split():
        try:
            draw_icon(find_icon(name), 32, 32)
        except VertumnusError:
            found.append(name)
    return found


def test_the_counts_in_the_docs():
    assert len(NAMES.split()) == 40
    assert len(COCO.split()) == 80
    assert missing(NAMES) == ["camel", "deer", "fly", "lizard", "octopus", "spring"]
    assert missing(COCO) == ["zebra", "giraffe", "banana", "broccoli", "donut", "vase"]


def test_there_are_thousands():
    assert len(icon_names()) > 7000


@pytest.mark.parametrize("name", ["apple", "heart", "mdi6.bat", "phosphor.cat", "teddy bear", "bottle", "fish"])
def test_drawn_as_large_as_fits(name):
    ink = draw_icon(find_icon(name), 100, 60)
    height, width = ink.shape
    assert height <= 60
    assert width <= 100
    assert height >= 58 or width >= 98
    assert ink.max() == 255


def test_the_font_package_is_read_not_imported():
    find_icon("star")
    assert "qtawesome" not in sys.modules
    assert "qtpy" not in sys.modules


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(VertumnusError, match=r"icon:buterfly: .*did you mean butterfly"):
        find_icon("buterfly")
    with pytest.raises(VertumnusError, match=r"the font mdi6 has no such icon"):
        find_icon("mdi6.zzzz")


def test_an_icon_element_has_its_colour():
    made = icon_element("heart", "#336699")
    pictures = Pictures()
    pictures.add_source(made.image, made.source)
    pixels = np.asarray(pictures.image(made.image))
    assert (pixels[pixels[..., 3] == 255][:, :3] == [0x33, 0x66, 0x99]).all()
    with pytest.raises(VertumnusError, match="not a colour"):
        icon_element("heart", "blau")
