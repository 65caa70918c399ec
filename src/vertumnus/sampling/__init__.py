"""A diffusion model as an iterator: schedulers, inversion, attention, adapters, control."""
