"""Nesting: pieces of given sizes moved apart by guided local search, and a search for the largest such sizes."""
