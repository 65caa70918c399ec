"""The `vertumnus` command: its verbs, loaded when asked for, and how errors end."""

from __future__ import annotations

import io
import re
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from vertumnus.cli.apart import check_command
from vertumnus.cli.renamed import present_names
from vertumnus.errors import VertumnusError, VertumnusWarning
from vertumnus.version import __version__

app = App(
    name="vertumnus",
    help="Collage: pack pictures into a shape, and keep a document you can edit anywhere.",
    version=__version__,
    suppress_keyboard_interrupt=False,  # `run` says that it was stopped
    default_parameter=Parameter(negative_iterable=()),
)

VERBS = {
    "pack": "Fill a shape with pictures.",
    "words": "Fill a shape with words, each as large as it is frequent.",
    "compose": "Arrange pictures until the whole reads as a prompt.",
    "harmonize": "Turn a rough layered collage into one coherent picture.",
    "mosaic": "Rebuild a picture from tiles.",
    "personalize": "Teach a diffusion model a name from a few photographs.",
    "tiles": "The index of a folder of pictures that mosaics are made of.",
    "cutout": "Cut objects out of photographs, to be pieces.",
    "again": "Make a collage again from its document alone.",
    "render": "Draw a collage as a picture or an SVG, at any scale.",
    "open": "Bring back what was edited in Inkscape, Krita, GIMP or Photoshop.",
    "studio": "Edit collages in the browser, by hand and while they are made.",
    "blend": "Melt the pieces of a collage into each other.",
    "measure": "Say how well a collage fills a shape, shows what a sentence says, or is like its reference.",
    "info": "Say what a collage holds.",
    "contact": "Write a page that shows collages side by side.",
    "shape": "Show how a shape is understood.",
    "models": "List the models on this machine.",
    "schema": "Print the JSON Schema of the collage document.",
    "completion": "Print a script that completes commands in a shell.",
    "doctor": "Say what is installed, what each extra would bring, and where things are kept.",
}
for verb, summary in VERBS.items():
    function = "open_" if verb == "open" else verb  # a name that Python has taken
    app.command(f"vertumnus.cli.{verb}:{function}", name=verb, help=summary)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 if all went well, 2 with one sentence if the input was bad.

    SIGTERM, and SIGHUP when the terminal goes away, end it as Ctrl-C does: what was begun is cleared up.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup stays what it is
            signal.signal(number, _interrupt)
    warnings.showwarning = _warned
    sys.exit(run(arguments))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a name may hold what the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        typed = sys.argv[1:] if arguments is None else arguments
        verb, given, _ = app.parse_args(present_names(typed), exit_on_error=False, print_error=False)
        check_command(verb.__name__, given)
        verb(*given.args, **given.kwargs)
    except CycloptsError as error:
        return _refuse(_sentence(error))
    except VertumnusError as error:
        return _refuse(str(error))
    except MemoryError:
        return _refuse("there is not enough memory for this; try a smaller size or scale")
    except KeyboardInterrupt:
        print("\nvertumnus: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        return 141
    except OSError as error:
        if error.filename is None:
            raise
        return _refuse(f"{error.filename}: {error.strerror}")
    return 0


_show_as_ever = warnings.showwarning


def _warned(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    """Shows our own warnings as a line, others as ever."""
    if issubclass(category, VertumnusWarning):
        print(f"vertumnus: {message}", file=sys.stderr)
    else:
        _show_as_ever(message, category, *rest, **more)


def _sentence(error: CycloptsError) -> str:
    from pydantic import ValidationError

    from vertumnus.checked import first_problem, quoted

    cause = error.__cause__
    while isinstance(cause, VertumnusError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ValidationError):
        return quoted(first_problem(cause))
    return " ".join(str(error).split())


OPTION = re.compile(r"`([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)(?:\[\d+\])?`")


def as_flags(sentence: str) -> str:
    """A sentence of the library with the options it names, in backticks there, as they are typed.

    >>> as_flags("`max_uses`: must be at least 1")
    '--max-uses: must be at least 1'
    """
    return OPTION.sub(lambda name: "--" + name[1].replace("_", "-"), sentence)


def _refuse(sentence: str) -> int:
    print(f"vertumnus: {as_flags(sentence)}", file=sys.stderr)
    return 2
