"""The camera that draws: a pinhole above a floor.

The world: metres, y down, the floor at y = 0, the camera above the origin, looking along +z. Pixels: the
centre of the top left one is at (0, 0), as in OpenCV.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datasets.synthetic.render.rotations import Matrix, Vector, about_x


@dataclass(frozen=True)
class Camera:
    """A pinhole without distortion, square pixels, level from side to side."""

    focal: float  # px
    centre: tuple[float, float]  # px, the principal point
    height: float  # m above the floor
    pitch: float  # degrees, positive looks down

    @cached_property
    def rotation(self) -> Matrix:
        """(3, 3) world to camera."""
        return about_x(self.pitch)

    @property
    def position(self) -> Vector:
        """(3,) m, in the world."""
        return np.array([0.0, -self.height, 0.0])

    def view(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) m in the world -> (..., 3) m in the camera's frame, z along the optical axis."""
        return np.asarray((world - self.position) @ self.rotation.T)

    def image(self, viewed: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) m in the camera's frame, z > 0 -> (..., 2) px."""
        return np.asarray(self.focal * viewed[..., :2] / viewed[..., 2:] + np.array(self.centre))

    def project(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) m in the world, before the camera -> (..., 2) px."""
        return self.image(self.view(world))

    def scaled(self, factor: int) -> "Camera":
        """The same view with `factor` pixels for each pixel."""
        u, v = ((c + 0.5) * factor - 0.5 for c in self.centre)
        return Camera(self.focal * factor, (u, v), self.height, self.pitch)
