"""The tile library: folders of pictures, indexed once."""
