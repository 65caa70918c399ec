"""Writes trained models into the package: python training/export.py --vae V --diffusion D --clip C [--to FOLDER]

What steers and decodes is added later, for it is trained on what was exported: --tiny T --colour A --silhouette C.

The running averages, in half precision, in the layout of diffusers and transformers. Any part may be left out; what
is there stays. The mean and deviation of the latents, measured on the training scenes, are folded into the
autoencoder's first and last 1 x 1 convolutions, so that its latents have unit deviation and need no scaling.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import clip as clips
import diffusion as diffusions
import tokenizer as byte_pairs
import torch
import vae as autoencoders
from common import averaged, sizes
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.autoencoder import UnshuffleAutoencoderKL
from vertumnus.sampling.decode import TINY_FOLDER

# What is trained on an exported model, and where it goes; the tables of sizes.toml that are called otherwise.
NETWORKS = {"tiny": f"diffusion/vae/{TINY_FOLDER}", "colour": "colours", "silhouette": "shapes"}
TABLES = {"colour": "adapters", "silhouette": "adapters"}


def fold(vae: UnshuffleAutoencoderKL, mean: list[float], std: list[float]) -> None:
    """Latents z become (z - mean) / std on the way in, and the other way round on the way out."""
    middle, spread = torch.tensor(mean), torch.tensor(std)
    count = len(mean)
    with torch.no_grad():
        into, back = vae.quant_conv, vae.post_quant_conv
        into.weight[:count] /= spread.view(-1, 1, 1, 1)
        into.bias[:count] = (into.bias[:count] - middle) / spread
        into.bias[count:] -= 2 * spread.log()
        back.bias += (back.weight[:, :, 0, 0] * middle).sum(1)
        back.weight *= spread.view(1, -1, 1, 1)


def save_words(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """The tokenizer's files, with those that older versions of transformers read."""
    tokenizer.save_pretrained(folder)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    (folder / "vocab.json").write_text(json.dumps(dict(vocabulary), ensure_ascii=False))
    pairs = "".join(f"{first} {second}\n" for first, second in byte_pairs.merges())
    (folder / "merges.txt").write_text("#version: 0.2\n" + pairs)


def load_as_single(folder: Path) -> None:
    """Lets transformers load half precision as single, as diffusers does; a processor has no use for halves."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "dtype": "float32"}, indent=2) + "\n")


def export_diffusion(vae_folder: Path, folder: Path, table: str, to: Path) -> None:
    """The pipeline of autoencoder, text tower, UNet, tokenizer and schedule."""
    size = sizes(table, "diffusion")
    tokenizer = byte_pairs.build()
    facts = json.loads((folder / "scenes.json").read_text())
    vae = autoencoders.trained(vae_folder, sizes(table, "vae"))
    fold(vae, facts["mean"], facts["std"])
    unet, tower = diffusions.build(size, len(facts["mean"]), tokenizer)
    averaged(folder, unet, "unet")
    averaged(folder, tower, "text")
    pipeline = StableDiffusionPipeline(
        vae.half(),
        tower.half(),
        tokenizer,
        unet.half(),
        diffusions.schedule(),
        None,
        None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(to, safe_serialization=True)
    for part in ("vae", "unet", "text_encoder"):  # where weights were read from concerns nobody
        file = to / part / "config.json"
        told = {key: value for key, value in json.loads(file.read_text()).items() if key != "_name_or_path"}
        file.write_text(json.dumps(told, indent=2) + "\n")
    index = json.loads((to / "model_index.json").read_text())
    index["vae"] = ["vertumnus.models.mini.autoencoder", "UnshuffleAutoencoderKL"]
    (to / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    save_words(tokenizer, to / "tokenizer")
    load_as_single(to / "text_encoder")
    guidance = json.loads((mini_folder("diffusion") / "guidance.json").read_text())
    file, wanted = to / "guidance.json", {**guidance, "wording": {**guidance["wording"], "nouns": size["nouns"]}}
    if not file.exists() or json.loads(file.read_text()) != wanted:
        file.write_text(json.dumps(wanted, indent=2) + "\n")


def export_clip(folder: Path, table: str, to: Path) -> None:
    """The model, its tokenizer, and how pictures are to be given to it."""
    size = sizes(table, "clip")
    tokenizer = byte_pairs.build()
    model = averaged(folder, clips.build(size, tokenizer), "clip")
    model.half().save_pretrained(to)
    save_words(tokenizer, to)
    load_as_single(to)
    seen = {
        "do_normalize": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 3,
        "size": {"height": size["side"], "width": size["side"]},
        "image_processor_type": "CLIPImageProcessor",
    }
    (to / "preprocessor_config.json").write_text(json.dumps(seen, indent=2) + "\n")


def export_network(folder: Path, to: Path) -> None:
    """A network as its training saved it, in half precision; where it was read from concerns nobody."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder / "network", to)
    for file in to.iterdir():
        file.chmod(0o644)  # what is saved is often its owner's alone
    file = to / "config.json"
    told = {key: value for key, value in json.loads(file.read_text()).items() if key != "_name_or_path"}
    file.write_text(json.dumps(told, indent=2) + "\n")


def main() -> None:
    """Exports what is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("vae", "diffusion", "clip", *NETWORKS):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--keep", dest="kept", type=Path, help="weights that shipped before; their other parts stay")
    parser.add_argument("--to", type=Path, default=mini_folder("."))
    parser.add_argument("--sizes", default="cpu")
    chosen = parser.parse_args()
    chosen.to.mkdir(parents=True, exist_ok=True)
    if chosen.kept is not None and chosen.kept.resolve() != chosen.to.resolve():
        shutil.copytree(chosen.kept, chosen.to, dirs_exist_ok=True)
    record = chosen.to / "training.json"
    runs = json.loads(record.read_text()) if record.exists() else {}
    if chosen.diffusion is not None:
        export_diffusion(chosen.vae, chosen.diffusion, chosen.sizes, chosen.to / "diffusion")
    if chosen.clip is not None:
        export_clip(chosen.clip, chosen.sizes, chosen.to / "clip")
    for name, part in NETWORKS.items():
        if getattr(chosen, name) is not None:
            export_network(getattr(chosen, name), chosen.to / part)
    for name in ("vae", "diffusion", "clip", *NETWORKS):
        folder = getattr(chosen, name)
        if folder is not None and (folder / "run.json").exists():
            runs[name] = {
                **json.loads((folder / "run.json").read_text()),
                "nouns": sizes(chosen.sizes, TABLES.get(name, name))["nouns"],
                "sizes": chosen.sizes,
            }
    if chosen.diffusion is not None:
        runs["diffusion"]["drawings"] = sizes(chosen.sizes, "diffusion")["drawings"]
    curve = chosen.diffusion / "judged.csv" if chosen.diffusion is not None else None
    if curve is not None and curve.exists():
        rows = [list(map(float, line.split(","))) for line in curve.read_text().splitlines()]
        # A run that was stopped judges a step twice; the last counts.
        runs["diffusion"]["curve"] = [[int(row[0]), *row[1:]] for row in {row[0]: row for row in rows}.values()]
    record.write_text(json.dumps(runs, indent=1) + "\n")
    total = sum(file.stat().st_size for file in chosen.to.rglob("*") if file.is_file())
    print(f"{chosen.to}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
