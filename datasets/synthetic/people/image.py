"""Draws a scene, and says what the image shows of each person in it.

Shapes: H W pixels of the image, J joints. Drawn with `_SUPERSAMPLING` x `_SUPERSAMPLING` samples a pixel.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Frozen
from datasets.synthetic.people import background, figure, props
from datasets.synthetic.people.clothing import sample_outfit
from datasets.synthetic.people.poses import Probability
from datasets.synthetic.people.scene import Framing, Range, Scene
from datasets.synthetic.people.skeleton import JOINTS, Person
from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster import Buffer, Solid, draw
from datasets.synthetic.render.shading import floor_shadow, sample_light, shade

_SUPERSAMPLING = 2
_TOLERANCE = 0.03  # m, that a surface may lie in front of a joint that counts as visible


class Appearance(Frozen):
    """What makes images hard to read."""

    occluded: Probability = 0.25  # of a person: an object in front of part of the body
    clutter: float = Field(4.0, ge=0.0, le=100.0)  # mean number of objects behind the people
    exposure: Range = (0.8, 1.15)  # factor on all grey levels
    noise: Range = (1.5, 6.0)  # grey levels, standard deviation of the sensor's noise
    blurred: Probability = 0.3  # of an image: slightly out of focus
    jpeg_quality: int = Field(92, ge=1, le=100)


@dataclass(frozen=True)
class Observation:
    """What an image shows of one person."""

    points: NDArray[np.float64]  # (J, 2) px, true positions of the joints, inside the image or not
    inside: NDArray[np.bool_]  # (J,) within the image
    visible: NDArray[np.bool_]  # (J,) inside and not occluded by the person, by others or by objects
    area: float  # px² of the person that are visible
    box: tuple[float, float, float, float]  # px, x y width height of the visible part; zeros if there is none
    from_behind: bool

    @property
    def flags(self) -> NDArray[np.int64]:
        """(J,) as COCO counts: 0 outside the image, 1 occluded, 2 visible."""
        return np.where(self.visible, 2, np.where(self.inside, 1, 0))


@dataclass(frozen=True)
class RenderedScene:
    """An image with its ground truth."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    scene: Scene
    observations: tuple[Observation, ...]  # one for each of the scene's people


def render(rng: np.random.Generator, scene: Scene, framing: Framing, appearance: Appearance) -> RenderedScene:
    """Draws a scene with sampled clothes, objects, light and sensor noise."""
    size, camera = (framing.height, framing.width), scene.camera
    fine = camera.scaled(_SUPERSAMPLING)
    people = [_in_camera_frame(person, camera) for person in scene.people]
    indoors = bool(rng.random() < 0.55)
    objects = _objects(rng, scene, framing, appearance, indoors)
    solids = [figure.solids(person, sample_outfit(rng)) for person in people]
    buffer = Buffer.empty(size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING)
    for owner, items in enumerate([*solids, objects]):
        draw(buffer, fine, items, owner)
    image = _compose(rng, scene, buffer, [*chain.from_iterable(solids), *objects], size, indoors)
    observations = tuple(_observe(buffer, fine, camera, person, i, size) for i, person in enumerate(people))
    return RenderedScene(_expose(rng, image, appearance), scene, observations)


def write_jpeg(path: Path, image: NDArray[np.uint8], appearance: Appearance) -> None:
    """Writes an RGB image in the quality asked for."""
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, appearance.jpeg_quality])
    path.write_bytes(encoded.tobytes())


def _in_camera_frame(person: Person, camera: Camera) -> Person:
    """The person in the camera's frame."""
    return person.moved(camera.rotation, -camera.rotation @ camera.position)


def _objects(
    rng: np.random.Generator, scene: Scene, framing: Framing, appearance: Appearance, indoors: bool
) -> list[Solid]:
    objects = props.clutter(rng, scene.camera, scene.people, appearance.clutter, framing.width, indoors)
    for person in scene.people:
        objects += props.seat(rng, person)
        if rng.random() < appearance.occluded:
            objects += props.occluder(rng, person, scene.camera)
    return props.in_camera_frame(scene.camera, objects)


def _compose(
    rng: np.random.Generator,
    scene: Scene,
    buffer: Buffer,
    solids: list[Solid],
    size: tuple[int, int],
    indoors: bool,
) -> NDArray[np.float32]:
    """(H, W, 3): background, shadows on the floor, and in front of them what was drawn."""
    camera, light = scene.camera, sample_light(rng)
    wall = max(float(person.joint("pelvis")[2]) for person in scene.people) + rng.uniform(1.2, 4.0)
    image = background.paint(rng, camera, size, wall, indoors)
    floor = background.floor_rows(camera, size, wall if indoors else 12.0 * wall)
    lit = 1.0 - rng.uniform(0.35, 0.6) * floor_shadow(camera, solids, light, size)
    image[floor:] *= cv2.merge([lit] * 3)[floor:]
    fine = shade(buffer, camera.scaled(_SUPERSAMPLING), light)
    *colours, coverage = (cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA) for plane in fine)
    bare = 1.0 - coverage
    for channel, colour in enumerate(colours):
        image[..., channel] = image[..., channel] * bare + colour
    return image


def _expose(
    rng: np.random.Generator, image: NDArray[np.float32], appearance: Appearance
) -> NDArray[np.uint8]:
    """The image as a sensor takes it: brightness, focus and noise."""
    exposed = image * np.float32(rng.uniform(*appearance.exposure))
    if rng.random() < appearance.blurred:
        exposed = cv2.GaussianBlur(exposed, (0, 0), rng.uniform(0.5, 0.9))
    grain = rng.standard_normal(image.shape[:2], np.float32) * np.float32(rng.uniform(*appearance.noise))
    return np.asarray((exposed + cv2.merge([grain] * 3) + 0.5).clip(0, 255), np.uint8)


def _observe(
    buffer: Buffer, fine: Camera, camera: Camera, person: Person, owner: int, size: tuple[int, int]
) -> Observation:
    points = camera.image(person.joints)
    inside = np.all((points >= 0) & (points <= np.array([size[1] - 1.0, size[0] - 1.0])), axis=1)
    mask = buffer.owner == owner
    return Observation(
        points=points,
        inside=inside,
        visible=inside & _unoccluded(buffer, fine, person),
        area=float(mask.sum()) / _SUPERSAMPLING**2,
        box=_box(mask),
        from_behind=bool(person.facing @ person.joint("thorax") > 0),
    )


def _unoccluded(buffer: Buffer, fine: Camera, person: Person) -> NDArray[np.bool_]:
    """(J,): the visible surface at a joint is no nearer than the body around it, and faces the camera."""
    height, width = buffer.depth.shape
    pixels = np.round(fine.image(person.joints)).astype(int)
    unoccluded = np.zeros(len(JOINTS), bool)
    for index, (name, (x, y)) in enumerate(zip(JOINTS, pixels.tolist(), strict=True)):
        if 0 <= x < width and 0 <= y < height:
            nearest = person.joints[index, 2] - figure.body_radius(name, person) - _TOLERANCE
            unoccluded[index] = buffer.depth[y, x] > nearest and not figure.faces_away(name, person)
    return unoccluded


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) // _SUPERSAMPLING for axis in (1, 0))
    if not rows.size:
        return (0.0, 0.0, 0.0, 0.0)
    x, y = float(columns[0]), float(rows[0])
    return (x, y, float(columns[-1]) + 1.0 - x, float(rows[-1]) + 1.0 - y)
