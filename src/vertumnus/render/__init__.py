"""From placements to pixels and back: fast kernels, their readable twins, and the final picture."""
