"""What judges an image: the pictogram prior, diffusion models and CLIP, behind one loader."""

from vertumnus.priors.loader import load as load
