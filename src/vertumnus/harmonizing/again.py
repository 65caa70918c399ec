"""A harmonised collage made again from its document alone, round by round."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from vertumnus.checked import first_problem
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.harmonize import HarmonizeJob
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.harmonizing.rounds import results, rounds_of, undo_round


def again(collage: Collage) -> Collage:
    """The collage with all of its rounds of harmonising taken back and made once more.

    By the same weights, on one machine, it is the same to the bit. Layers' places and settings are those of the
    document: changed after a round, they give that round another result.

    Raises `VertumnusError` if the document does not say how a round was made, or if its model is not there or has
    other weights.
    """
    said = rounds_of(collage)
    if len(said) < len(results(collage)):
        raise VertumnusError("made_by.report.rounds: do not say how every result of the document was made")
    made = collage
    for _ in said:
        made = undo_round(made)
    for number, one in enumerate(said):
        try:
            made = _round(made, one)
        except ValidationError as error:
            raise VertumnusError(f"made_by.report.rounds[{number}].options: {first_problem(error)}") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise VertumnusError(f"made_by.report.rounds[{number}]: does not say how it was made ({error})") from None
    return made


def _round(collage: Collage, said: dict[str, Any]) -> Collage:
    seed, batch = said["seed"], said.get("batch") or [said["seed"]]
    job = HarmonizeJob(
        collage,
        said["prompt"],
        said["model"],
        said["layer"],
        HarmonizeOptions.model_validate(said["options"]),
        said["controls"],
    )
    try:
        if said.get("weights") not in (None, job.weights()):
            raise VertumnusError(f"model: {said['model']} has other weights than when the collage was made")
        # In the batch in which it was drawn: of another size, sums come out differently in their last bits.
        picture = job.pictures(batch)[batch.index(seed)]
        known = {"weights": said["weights"]} if "weights" in said else {}
        return job.document(picture, seed, job.identity() | known, batch)
    finally:
        job.close()
