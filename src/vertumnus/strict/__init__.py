"""The occupancy grid and the finishers: nothing overlaps, to the pixel."""
