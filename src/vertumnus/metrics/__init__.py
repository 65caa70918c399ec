"""Numbers that say how good a collage is, one function each."""
