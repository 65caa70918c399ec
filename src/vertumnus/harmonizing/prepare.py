"""Everything a run needs of the model beside the layers: attention, learned tokens, control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertumnus.harmonizing.diffuse import Harmonizer, make_plan

if TYPE_CHECKING:
    from vertumnus.harmonizing.harmonize import HarmonizeJob


def prepare(job: HarmonizeJob) -> Harmonizer:
    """The run of a job."""
    assert job.model is not None
    plan = make_plan(job.stack, job.options)
    return Harmonizer(job.stack, job.prompt, job.model, job.options, plan)
