"""Pictures as arrays: decoding, colour, pyramids and filters, each once."""
