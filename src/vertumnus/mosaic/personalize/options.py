"""How a name is learned, by the names the command line uses."""

from __future__ import annotations

from pydantic import Field

from vertumnus.checked import Options


class PersonalizeOptions(Options):
    """Mix-of-Show's settings, from its published configuration, where nothing else is said."""

    rank: int = Field(4, ge=1, le=256, description="of the LoRA on every linear layer of attention")
    steps: int | None = Field(None, ge=1, le=1_000_000, description="125 a photograph by default")
    batch: int = Field(4, ge=1, le=256, description="photographs a step")
    word_rate: float = Field(1e-3, gt=0, le=1, allow_inf_nan=False, description="learning rate of the embeddings")
    text_rate: float = Field(1e-5, ge=0, le=1, allow_inf_nan=False, description="of the text encoder's LoRA")
    network_rate: float = Field(1e-4, ge=0, le=1, allow_inf_nan=False, description="of the network's LoRA")
    decay: float = Field(0.01, ge=0, le=1, allow_inf_nan=False, description="of weights, AdamW")
    noise_offset: float = Field(0.01, ge=0, le=1, allow_inf_nan=False, description="noise equal over a picture")
    flip: bool = Field(True, description="photographs are mirrored half of the time")
