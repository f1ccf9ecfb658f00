"""Compile the kernels of three layers, as most flows have, so that the first training finds them on disk:
`python -m models.flow_kernels`, a part of `make install`."""

from models.flow_kernels import compiled

if __name__ == "__main__":
    compiled(layers=3)
