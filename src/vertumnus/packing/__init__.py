"""Filling a shape with elements (Wang and Lu, 2025), soft first and then strictly."""
