"""``vertumnus personalize``: teach a diffusion model a name from a few photographs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import bar
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.match.reference import read_reference
from vertumnus.mosaic.personalize.options import PersonalizeOptions
from vertumnus.writing import check_writable

KEPT = 100  # steps between checkpoints


def personalize(
    photos: Path,
    /,
    *,
    name: str,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    noun: str = "person",
    model: str = "mini",
    seed: int = 0,
    options: Annotated[PersonalizeOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Teach a diffusion model a name from 5 to 20 photographs, for tiles that show it.

    Examples: vertumnus personalize ada/ --name "<ada>" --noun woman --model stable-diffusion-v1-5 -o ada.safetensors,
    then vertumnus mosaic face.jpg --generate "a photo of <ada>" --concept ada.safetensors -o face.png

    Parameters
    ----------
    photos
        A folder of pictures; the middle square of each is seen.
    name
        What prompts will say, in angle brackets.
    output
        The file to write, .safetensors: a LoRA that other programs read, and the name's embeddings in its header.
    noun
        What it is one of: the class that the name begins as.
    model
        mini, the folder of a diffusion model, or its id.
    seed
        The same photographs, options and seed give the same file on one machine.
    options
        How it is learned.
    """
    if output.suffix.lower() != ".safetensors":
        raise VertumnusError(f"{output}: a learned name is a .safetensors file")
    check_writable(output)
    if not photos.is_dir():
        raise VertumnusError(f"{photos}: there is no such folder")
    pictures = []
    for path in sorted(photos.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                pictures.append(read_reference(path)[0])
            except VertumnusError as error:
                print(f"skipped {error}")
    if not pictures:
        raise VertumnusError(f"{photos}: no picture in it can be read")
    from vertumnus.models import load_model
    from vertumnus.mosaic.personalize.learn import Learner

    began, cpu = time.perf_counter(), time.process_time()
    learner = Learner(load_model(model, "diffusion"), pictures, name, noun, options=options, seed=seed)
    kept = output.with_suffix(".checkpoint")
    if kept.exists():
        learner.restore(kept)
        print(f"going on from step {learner.step}")
    with bar("loss") as progress:
        task = progress.add_task(f"learning {name}", total=learner.steps, completed=learner.step, loss="")
        for _ in learner:
            progress.update(task, completed=learner.step, loss=f"loss {learner.loss:.3f}")
            if learner.step % KEPT == 0:
                learner.save(kept)
    learner.concept().save(output)
    kept.unlink(missing_ok=True)
    seconds = f"{time.perf_counter() - began:.1f} s ({time.process_time() - cpu:.1f} s of one core)"
    print(f"{output}: {name}, from {len(pictures)} pictures in {learner.steps} steps; {seconds}")
