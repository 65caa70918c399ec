"""How many pictures at once."""

import pytest

torch = pytest.importorskip("torch")

import tiny  # noqa: E402
from vertumnus.models import load_model, room  # noqa: E402
from vertumnus.models.room import Room, bytes_a_picture, free_bytes  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(tiny.stable_diffusion(tmp_path_factory.mktemp("tiny")), device="cpu")


def test_as_many_as_memory_has_room_for(model, monkeypatch):
    each = bytes_a_picture(model, 64, 32)
    assert each == 2 * bytes_a_picture(model, 32, 32)
    for free, count in ((None, 4), (0, 1), (2.5 * each / room.USED, 2), (1e15, 4)):
        monkeypatch.setattr(room, "free_bytes", lambda device, free=free: free)
        assert Room(model, 64, 32).count == count
    found = Room(model, 64, 32)
    with found.measured(2):
        pass
    found.less(4)
    assert found.count == 2
    found.less(1)
    assert found.count == 1


def test_this_machines_free_memory():
    free = free_bytes(torch.device("cpu"))
    assert free is None or free > 1 << 20
