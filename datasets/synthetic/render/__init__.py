"""Rasterising and shading, without a notion of what is drawn. Imports nothing else of this package."""
