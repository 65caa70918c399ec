"""A collage in other programs' formats."""
