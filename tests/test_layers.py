"""Imports run downward: a room imports only from floors below it, and from its own."""

import ast
import subprocess
import sys
from pathlib import Path

import vertumnus

# From the bottom up; the floors of the design, and within a floor an order of the rooms on it.
ROOMS = (
    ("version", "errors", "limits", "cachedir", "jit", "checked", "reading", "archive", "writing"),
    ("imaging", "document", "elements"),
    ("render", "shapes", "models"),
    ("optimise", "metrics", "guidance", "sampling", "export"),
    ("strict", "live"),
    ("packing", "composing", "harmonizing", "mosaic", "wording", "remake"),
    ("studio", "cli"),
)
FLOORS = {room: place for place, room in enumerate(room for floor in ROOMS for room in floor)}
PACKAGE = Path(vertumnus.__file__).parent


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vertumnus"):
            names = (
                [node.module] if node.module != "vertumnus" else [f"vertumnus.{alias.name}" for alias in node.names]
            )
            yield from names
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("vertumnus"))


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def test_imports_run_downward():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        relative = path.relative_to(PACKAGE)
        here = relative.parts[0].removesuffix(".py")
        if here in ("__init__", "__main__"):
            continue
        for module in imports(path):
            there = room(module)
            if there == here:
                continue
            if FLOORS[there] >= FLOORS[here]:
                wrong.append(f"{relative} imports {module}")
    assert not wrong


def test_nothing_below_the_top_floor_prints_or_reads_the_clock():
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE).parts[0]
        if here in ("cli", "studio", "__main__.py"):  # the top floor
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "input"), path
            if isinstance(node, ast.Import):
                assert not {"time", "datetime", "argparse", "cyclopts"} & {alias.name for alias in node.names}, path


NEED_TORCH = {
    "harmonizing/appearance.py",
    "harmonizing/attention.py",
    "harmonizing/control.py",
    "harmonizing/diffuse.py",
    "harmonizing/words.py",
    "models/adapters.py",
    "models/classifier.py",
    "models/segmentation.py",
    "render/oracle.py",
    "models/clip.py",
    "models/device.py",
    "models/diffusion.py",
    "models/latents.py",
    "models/learned.py",
    "models/memory.py",
    "models/opening.py",
    "models/room.py",
    "models/text.py",
} | {
    "models/blip.py",
    "models/mini/autoencoder.py",
    "guidance/classifier.py",
    "guidance/clip.py",
    "guidance/deep.py",
    "guidance/expected.py",
    "guidance/looking.py",
    "guidance/network.py",
    "guidance/score.py",
    "guidance/student.py",
    "guidance/views.py",
    "sampling/attention.py",
    "sampling/attention_maps.py",
    "sampling/control.py",
    "sampling/decode.py",
    "sampling/injection.py",
    "sampling/inversion.py",
    "sampling/sample.py",
    "sampling/schedulers.py",
    "sampling/step.py",
    "mosaic/generate/colour.py",
    "mosaic/generate/decoders.py",
    "mosaic/generate/film.py",
    "mosaic/generate/generate.py",
    "mosaic/generate/job.py",
    "mosaic/generate/layout.py",
    "mosaic/generate/methods.py",
    "mosaic/generate/perceptual.py",
    "mosaic/generate/steer.py",
    "mosaic/generate/structure.py",
    "mosaic/personalize/concept.py",
    "mosaic/personalize/layered.py",
    "mosaic/personalize/learn.py",
}


def test_torch_is_needed_by_the_oracle_and_by_models_alone():
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).as_posix() not in NEED_TORCH:
            text = path.read_text()
            assert not any(f"import {name}" in text for name in ("torch", "diffusers", "transformers")), path


def test_models_are_imported_when_used_and_not_before():
    code = "import sys, vertumnus.models, vertumnus.models.pictogram, vertumnus.models.mini.vocabulary; "
    code += "print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
