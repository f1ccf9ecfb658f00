"""The benchmarks' metrics as pure functions of arrays. Imports nothing else of this package."""
