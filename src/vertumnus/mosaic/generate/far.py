"""Tiles drawn by other processes and machines: each makes the same job from its spec and keeps it.

What is in a batch is settled by its size alone, so equal devices give the same bytes as one process does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.live.spec import Inputs, RunSpec
from vertumnus.mosaic.generate.job import GenerateJob
from vertumnus.mosaic.generate.origin import job_again, keep_origin
from vertumnus.mosaic.workers import Workers

Bytes = NDArray[np.uint8]


class Shared(NamedTuple):
    """A job as it travels.

    spec      as JSON
    pictures  files that it names: the reference's, perhaps, and what tiles begin with
    """

    spec: str
    pictures: tuple[tuple[str, bytes], ...]


def share(job: GenerateJob) -> Shared:
    """What others need to draw a job's tiles.

    Raises `VertumnusError` for a job that does not know how it came to be.
    """
    if job.origin is None:
        raise VertumnusError("`ray`: the job does not say how it came to be; make it with make_job")
    held = Collage(width=1, height=1)
    spec = keep_origin(job, {}, held)
    spec = spec.changed(options={name: value for name, value in spec.options.items() if name != "photographs"})
    return Shared(
        spec.model_dump_json(), tuple((name, held.pictures.read(name)) for name in spec.references.values())
    )


@lru_cache(maxsize=1)
def received(shared: Shared) -> GenerateJob:
    """The job of what was shared; the last one is kept, and with it its model."""
    spec = RunSpec.model_validate_json(shared.spec)
    held = Collage(width=1, height=1)
    for name, data in shared.pictures:
        held.pictures.add_source(name, data)
    return job_again(spec, Inputs(document=held))[0]


def draw_far(shared: Shared, cells: list[int]) -> list[Bytes] | None:
    """The tiles of a batch, or None where memory does not suffice: the job of one worker."""
    try:
        return received(shared).draw(cells)
    except MemoryError:
        return None


def drawn_by(workers: Workers, job: GenerateJob, batches: Iterable[list[int]]) -> Iterator[list[Bytes]]:
    """The tiles of each batch, in their order. Raises `MemoryError` where a worker's does not suffice."""
    for tiles in workers.map(draw_far, batches, share(job)):
        if tiles is None:
            raise MemoryError
        yield tiles
