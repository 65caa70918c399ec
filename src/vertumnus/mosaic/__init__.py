"""Photomosaics: the tile library, grids, matching, tone and the final picture."""
