"""Arranging pieces until the whole reads as a sentence: SCORE (Shao et al., AAAI 2026)."""
