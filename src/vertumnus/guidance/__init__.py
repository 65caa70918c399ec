"""What an image should become: a value and a gradient by the image."""
