"""A local Ray cluster of two processes: the same bytes as on one machine, one worker killed in the middle or not."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vertumnus
from vertumnus.errors import VertumnusError
from vertumnus.mosaic import workers
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.mosaic import make_mosaic
from vertumnus.mosaic.output import mosaic_bands
from vertumnus.mosaic.workers import STARTS, RayWorkers, start_local

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine."""
    root = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(vertumnus.__file__).parents[1])])
    try:
        start_local(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": root}})
    except VertumnusError as error:  # a machine too busy for Ray's own time limit says nothing about this program
        pytest.skip(str(error))
    yield RayWorkers("local")
    ray.shutdown()


def index_bytes(folder):
    return {name: (index_place(folder) / name).read_bytes()[64:] for name in ("cells.0", "thumbnails.0")}


def die_once(shared, job):
    """Doubles a number; the process that first meets seven is killed."""
    flag = Path(shared) / "killed"
    if job == 7 and not flag.exists():
        flag.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * job


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    assert list(cluster.map(die_once, range(30), str(tmp_path))) == [2 * n for n in range(30)]
    assert (tmp_path / "killed").exists()


class Fragile:
    """A function whose first call for one job kills the worker."""

    def __init__(self, function, flag):
        self.function, self.flag = function, flag

    def __call__(self, shared, job):
        if not self.flag.exists():
            self.flag.write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(shared, job)


class KillingWorkers:
    """A cluster on which a worker dies during every piece of work."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.used = cluster, folder, 0

    def map(self, function, jobs, shared=None):
        self.used += 1
        return self.cluster.map(Fragile(function, self.folder / f"killed{self.used}"), jobs, shared)


@pytest.mark.slow
def test_indexing_and_drawing_are_the_same_byte_for_byte(cluster, tiles, reference, tmp_path):
    flags = tmp_path / "flags"
    flags.mkdir()
    update_index(tiles)
    here = index_bytes(tiles)
    mosaic = make_mosaic(reference, [tiles], grid="9x12", tone="mean-std:0.5", flips=True, size=1200)
    drawn = np.concatenate(list(mosaic_bands(mosaic)))
    killing = KillingWorkers(cluster, flags)
    for these in (cluster, killing):
        update_index(tiles, rebuild=True, workers=these)
        assert index_bytes(tiles) == here
        np.testing.assert_array_equal(np.concatenate(list(mosaic_bands(mosaic, these))), drawn)
    assert (flags / "killed1").exists()
    assert (flags / "killed2").exists()


def fail(shared, job):
    raise VertumnusError(f"{shared}: job {job} is bad")


@pytest.mark.slow
def test_errors_come_back_as_they_are(cluster):
    with pytest.raises(VertumnusError, match="x: job 0 is bad"):
        list(cluster.map(fail, range(3), "x"))


def test_a_cluster_that_starts_late_is_tried_again(monkeypatch):
    tried = []

    def init(*_, **__):
        tried.append(1)
        if len(tried) < due:
            raise RuntimeError("The current node timed out during startup.\nMore.")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    due = STARTS
    start_local()
    assert len(tried) == STARTS
    due = 2 * STARTS + 1
    with pytest.raises(VertumnusError, match=r"`ray` local: .*timed out during startup"):
        start_local()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_an_address_where_something_else_listens_is_said_to_be_no_cluster(monkeypatch, said):
    """It accepts and is silent for ever, says what no cluster says, or hangs up."""
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray tries for minutes"))
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(workers, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def serve():
            stream, _ = server.accept()
            if said is None:
                stream.close()
            elif said:
                stream.sendall(said)
            return stream

        serving = pool.submit(serve)
        with pytest.raises(VertumnusError, match=r"`ray` 127.*: the cluster cannot be reached"):
            RayWorkers(f"127.0.0.1:{server.getsockname()[1]}")
        serving.result().close()


def test_a_cluster_of_this_machine_is_told_from_other_servers(cluster):
    workers._check_answers(ray.get_runtime_context().gcs_address)


def test_an_address_where_nobody_answers_is_said_to_be_one(monkeypatch):
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray tries for minutes"))
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", f"ray://127.0.0.1:{taken.getsockname()[1]}"):
            with pytest.raises(VertumnusError, match="the cluster cannot be reached"):
                RayWorkers(address)
