"""What judges an image: the pictogram prior, diffusion models and CLIP, behind one loader."""

from vertumnus.models.loader import load as load
