"""A name learned from a few photographs: ED-LoRA (Mix-of-Show, Gu et al. 2023)."""
