"""Words as pieces: counted in a text, shaped to outlines, laid out as a cloud."""
