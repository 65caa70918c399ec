"""mini: a small diffusion model and a small CLIP, trained on a world of icons that the program draws itself."""
