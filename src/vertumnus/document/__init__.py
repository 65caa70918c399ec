"""The document every verb reads and writes: `Collage`, its layers and the bundle on disk."""
