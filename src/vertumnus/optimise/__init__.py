"""The one loop that moves placements down a gradient, and what it is made of."""
