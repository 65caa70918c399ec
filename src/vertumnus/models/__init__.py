"""Networks behind one loader: diffusion, CLIP, ControlNet, classifiers, the pictogram prior and mini."""

from vertumnus.models.loader import load_model as load
from vertumnus.models.loader import load_model as load_model

__all__ = ["load", "load_model"]
