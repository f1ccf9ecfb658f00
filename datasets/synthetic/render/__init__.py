"""A camera, rasterising and shading, whatever is drawn. Imports nothing else of the project."""
