"""Tiles that a diffusion model draws: Generative Photomosaic (Chung, Son and Lee, arXiv 2604.06989)."""
