"""Where pieces come from: pictures, icons and drawings, made ready once and kept in a cache."""
