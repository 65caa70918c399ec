"""What judges an image: the pictogram prior, diffusion models and CLIP, behind one loader."""
