"""Calibrated cameras: from the world to the picture, and back where the depth is known.

Shapes: N cameras, one a sample; P points of a sample. Lengths are in one unit throughout, millimetres for
Human3.6M; pixels count from the centre or the corner of the first, as the calibration does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS = 30
"""Of the fixed-point iteration that takes lens distortion back: it gains about a digit a round."""


@dataclass(frozen=True, eq=False)
class Cameras:
    """Pinholes with radial and tangential lens distortion, as Human3.6M calibrates them.

    A point X of the world lies at R (X - position) in the camera's frame: x right, y down, z away from it.
    """

    rotation: Floats  # (N, 3, 3) R
    position: Floats  # (N, 3), in the world
    focal: Floats  # (N, 2) pixels, along x and y
    centre: Floats  # (N, 2) pixels, the principal point
    radial: Floats  # (N, 3) coefficients of r², r⁴ and r⁶
    tangential: Floats  # (N, 2)

    def __getitem__(self, rows: NDArray[np.int64]) -> "Cameras":
        """The cameras in `rows`."""
        return Cameras(**{name: values[rows] for name, values in vars(self).items()})

    def view(self, world: Floats) -> Floats:
        """(N, P, 3) in the world -> (N, P, 3) in each camera's frame."""
        return np.asarray((world - self.position[:, None]) @ self.rotation.transpose(0, 2, 1))

    def image(self, viewed: Floats) -> Floats:
        """(N, P, 3) in the camera's frame, before it (z > 0) -> (N, P, 2) pixels."""
        bent = self._distorted(viewed[..., :2] / viewed[..., 2:])
        return np.asarray(bent * self.focal[:, None] + self.centre[:, None])

    def lift(self, pixels: Floats, depth: Floats) -> Floats:
        """(N, P, 2) pixels and (N, P) their z -> (N, P, 3) in the camera's frame: the inverse of `image`."""
        bent = (pixels - self.centre[:, None]) / self.focal[:, None]
        straight = bent
        if self.radial.any() or self.tangential.any():
            for _ in range(_ROUNDS):
                straight = straight + bent - self._distorted(straight)
        return np.concatenate([straight, np.ones_like(straight[..., :1])], axis=2) * depth[..., None]

    def _distorted(self, plane: Floats) -> Floats:
        """(N, P, 2) on the plane z = 1 -> where the lens shows it.

        Human3.6M's own projection: Brown's model, but with (p1 y + p2 x) (x, y) + r² (p2, p1) for its
        tangential part, where Brown has 2 (p1 y + p2 x) (x, y).
        """
        square = (plane**2).sum(2, keepdims=True)
        powers = np.concatenate([square, square**2, square**3], axis=2)
        swapped = self.tangential[:, None, ::-1]
        factor = 1 + (powers * self.radial[:, None]).sum(2, keepdims=True)
        slant = (plane * swapped).sum(2, keepdims=True)
        return np.asarray(plane * (factor + slant) + square * swapped)
