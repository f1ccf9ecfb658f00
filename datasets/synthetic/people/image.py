"""A scene to a picture, and what can be seen of each person in it.

Shapes: H W pixels of the picture, J joints. Drawn with `_FINE` x `_FINE` samples a pixel.
"""

from dataclasses import dataclass
from itertools import chain

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

_FINE = 2
_TOLERANCE = 0.03  # m


class Looks(Frozen):
    """What makes pictures hard to read."""

    occluded: Probability = 0.25  # of a person: something stands before part of the body
    clutter: float = Field(4.0, ge=0.0, le=100.0)  # mean number of things that stand behind the people
    exposure: Range = (0.8, 1.15)  # factor on all grey levels
    noise: Range = (1.5, 6.0)  # grey levels, standard deviation of the sensor's noise
    blurred: Probability = 0.3  # of a picture: slightly out of focus
    jpeg_quality: int = Field(92, ge=1, le=100)


@dataclass(frozen=True)
class Sighting:
    """What a picture shows of one person."""

    points: NDArray[np.float64]  # (J, 2) px, true places of the joints, inside the picture or not
    inside: NDArray[np.bool_]  # (J,) within the picture
    visible: NDArray[np.bool_]  # (J,) inside and not hidden by the person, by others or by things
    area: float  # px² of the person that are seen
    box: tuple[float, float, float, float]  # px, x y width height around what is seen; zeros where nothing is
    from_behind: bool


@dataclass(frozen=True)
class Picture:
    """An image with its truth."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    scene: Scene
    sightings: tuple[Sighting, ...]  # one for each of the scene's people


def render(rng: np.random.Generator, scene: Scene, framing: Framing, looks: Looks) -> Picture:
    """Draws a scene with sampled clothes, things, light and sensor."""
    size, camera = (framing.height, framing.width), scene.camera
    fine = camera.scaled(_FINE)
    people = [_seen(person, camera) for person in scene.people]
    indoors = bool(rng.random() < 0.55)
    things = _things(rng, scene, framing, looks, indoors)
    solids = [figure.solids(person, sample_outfit(rng)) for person in people]
    buffer = Buffer.empty(size[0] * _FINE, size[1] * _FINE)
    for owner, items in enumerate([*solids, things]):
        draw(buffer, fine, items, owner)
    image = _compose(rng, scene, buffer, [*chain.from_iterable(solids), *things], size, indoors)
    sightings = tuple(_sighting(buffer, fine, camera, person, i, size) for i, person in enumerate(people))
    return Picture(_sensor(rng, image, looks), scene, sightings)


def _seen(person: Person, camera: Camera) -> Person:
    """The person in the camera's frame."""
    return person.moved(camera.rotation, -camera.rotation @ camera.position)


def _things(
    rng: np.random.Generator, scene: Scene, framing: Framing, looks: Looks, indoors: bool
) -> list[Solid]:
    things = props.clutter(rng, scene.camera, scene.people, looks.clutter, framing.width, indoors)
    for person in scene.people:
        things += props.seat(rng, person)
        if rng.random() < looks.occluded:
            things += props.occluder(rng, person, scene.camera)
    return props.seen_by(scene.camera, things)


def _compose(
    rng: np.random.Generator,
    scene: Scene,
    buffer: Buffer,
    solids: list[Solid],
    size: tuple[int, int],
    indoors: bool,
) -> NDArray[np.float32]:
    """(H, W, 3): background, shadows on the floor, and before them what was drawn."""
    camera, light = scene.camera, sample_light(rng)
    wall = max(float(person.joint("pelvis")[2]) for person in scene.people) + rng.uniform(1.2, 4.0)
    image = background.paint(rng, camera, size, wall, indoors)
    floor = background.floor_rows(camera, size, wall if indoors else 12.0 * wall)
    lit = 1.0 - rng.uniform(0.35, 0.6) * floor_shadow(camera, solids, light, size)
    image[floor:] *= cv2.merge([lit] * 3)[floor:]
    fine = shade(buffer, camera.scaled(_FINE), light)
    *colours, coverage = (cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA) for plane in fine)
    bare = 1.0 - coverage
    for channel, colour in enumerate(colours):
        image[..., channel] = image[..., channel] * bare + colour
    return image


def _sensor(rng: np.random.Generator, image: NDArray[np.float32], looks: Looks) -> NDArray[np.uint8]:
    exposed = image * np.float32(rng.uniform(*looks.exposure))
    if rng.random() < looks.blurred:
        exposed = cv2.GaussianBlur(exposed, (0, 0), rng.uniform(0.5, 0.9))
    grain = rng.standard_normal(image.shape[:2], np.float32) * np.float32(rng.uniform(*looks.noise))
    return np.asarray((exposed + cv2.merge([grain] * 3) + 0.5).clip(0, 255), np.uint8)


def _sighting(
    buffer: Buffer, fine: Camera, camera: Camera, person: Person, owner: int, size: tuple[int, int]
) -> Sighting:
    points = camera.image(person.joints)
    inside = np.all((points >= 0) & (points <= np.array([size[1] - 1.0, size[0] - 1.0])), axis=1)
    mask = buffer.owner == owner
    return Sighting(
        points=points,
        inside=inside,
        visible=inside & _unhidden(buffer, fine, person),
        area=float(mask.sum()) / _FINE**2,
        box=_box(mask),
        from_behind=bool(person.facing @ person.joint("thorax") > 0),
    )


def _unhidden(buffer: Buffer, fine: Camera, person: Person) -> NDArray[np.bool_]:
    """(J,): the surface seen at a joint is no nearer than the flesh around it, and faces the camera."""
    height, width = buffer.depth.shape
    places = np.round(fine.image(person.joints)).astype(int)
    unhidden = np.zeros(len(JOINTS), bool)
    for index, (name, (x, y)) in enumerate(zip(JOINTS, places.tolist(), strict=True)):
        if 0 <= x < width and 0 <= y < height:
            nearest = person.joints[index, 2] - figure.flesh(name, person) - _TOLERANCE
            unhidden[index] = buffer.depth[y, x] > nearest and not figure.turned_away(name, person)
    return unhidden


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) // _FINE for axis in (1, 0))
    if not rows.size:
        return (0.0, 0.0, 0.0, 0.0)
    x, y = float(columns[0]), float(rows[0])
    return (x, y, float(columns[-1]) + 1.0 - x, float(rows[-1]) + 1.0 - y)
