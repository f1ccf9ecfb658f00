"""Generated data, written in the very formats of the real data sets and read back by the same loaders."""
