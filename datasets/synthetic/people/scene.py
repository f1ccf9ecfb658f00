"""People on a floor in front of a camera: who is where. Frames of reference as in render/camera.py."""

from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from datasets.config import Amount, Frozen
from datasets.synthetic.people.poses import Poses, Probability, sample_person
from datasets.synthetic.people.skeleton import JOINTS, Person, sample_body
from datasets.synthetic.render.camera import Camera


def _in_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"{ends} is not (smallest, largest)")
    return ends


Range = Annotated[tuple[Amount, Amount], AfterValidator(_in_order)]
Span = Annotated[
    tuple[Annotated[Amount, Field(gt=0)], Annotated[Amount, Field(gt=0)]], AfterValidator(_in_order)
]


class Framing(Frozen):
    """How images are composed."""

    width: int = Field(192, ge=32, le=4096)  # px
    height: int = Field(144, ge=32, le=4096)  # px
    people: tuple[Probability, ...] = Field(
        (0.95, 0.05, 0.0), min_length=1, max_length=6
    )  # of 1, 2, 3 ... in an image
    figure: Span = (80.0, 130.0)
    """px that a person spans when standing upright at that distance; drawn log-uniformly"""
    truncated: Probability = 0.06  # of a person: an edge of the image cuts through the figure
    focal: Span = (1.2, 1.8)  # image widths
    camera_height: Range = (0.9, 1.8)  # m above the floor
    pitch: Range = (0.0, 12.0)  # degrees, positive looks down

    @model_validator(mode="after")
    def _ranges_fit(self) -> Self:
        if abs(sum(self.people) - 1.0) > 1e-6:
            raise ValueError("the probabilities in people do not add up to 1")
        if self.camera_height[0] <= 0 or not -30 <= self.pitch[0] <= self.pitch[1] <= 30:
            raise ValueError("the camera must stand above the floor and look within 30 degrees of level")
        return self


@dataclass(frozen=True)
class Scene:
    """A camera and the people in front of it."""

    camera: Camera
    people: tuple[Person, ...]  # in the world


def sample_scene(rng: np.random.Generator, framing: Framing, poses: Poses) -> Scene:
    """People who stand, sit or lie on one floor, the camera aimed so that the first is in the image.

    Where there is room, a first person who is not truncated is inside the image with 5 px to spare. Up and
    down this is exact, as the camera is aimed at the person. Sideways the person moves, by what brings the
    pelvis to its column: a joint at another depth ends up off by the pixels of the move times (depth of the
    pelvis / depth of the joint - 1). The 5 px make up for most of it: of 4,000 small figures 7 have a joint
    outside the image, by up to 5 px.
    """
    count = 1 + int(rng.choice(len(framing.people), p=np.array(framing.people) / sum(framing.people)))
    camera = Camera(
        focal=rng.uniform(*framing.focal) * framing.width,
        centre=(0.5 * (framing.width - 1), 0.5 * (framing.height - 1)),
        height=rng.uniform(*framing.camera_height),
        pitch=rng.uniform(*framing.pitch),
    )
    people: list[Person] = []
    for _ in range(count):
        person = _at_distance(rng, _grounded(sample_person(rng, sample_body(rng), poses)), camera, framing)
        shift = _shift(rng, person, camera, framing)
        if not people:
            camera = replace(camera, centre=(camera.centre[0], camera.centre[1] + shift[1]))
        people.append(_sideways(rng, person, camera, shift[0], people, framing))
    return Scene(camera, tuple(people))


def _grounded(person: Person) -> Person:
    """Moved down or up until the lowest point of the body touches the floor."""
    lowest = float((person.joints[:, 1] + _BELOW * person.body.stature).max())
    return person.moved(np.eye(3), np.array([0.0, -lowest, 0.0]))


def _at_distance(rng: np.random.Generator, person: Person, camera: Camera, framing: Framing) -> Person:
    """Moved away until the person's stature spans the sampled number of pixels."""
    span = float(np.exp(rng.uniform(*np.log(framing.figure))))
    depth = camera.focal * person.body.stature / span
    into, down = camera.rotation[2, 2], camera.rotation[2, 1]
    z = (depth - down * (person.joint("pelvis")[1] + camera.height)) / into
    return person.moved(np.eye(3), np.array([0.0, 0.0, z]))


def _shift(rng: np.random.Generator, person: Person, camera: Camera, framing: Framing) -> tuple[float, float]:
    """(right, down) px that bring the joints, as if all were as far away as the pelvis, to a random place.

    It is wholly inside the image where there is room, or else cut by one edge.
    """
    points = camera.project(person.joints)
    low, high = points.min(axis=0) - _MARGIN, points.max(axis=0) + _MARGIN
    last = np.array([framing.width - 1.0, framing.height - 1.0])
    room = last - (high - low)
    corner = np.where(room > 0, rng.random(2), 0.5) * room
    if rng.random() < framing.truncated:
        axis, beyond = _EDGES[rng.choice(len(_EDGES), p=_EDGE_PROBABILITIES)]
        hidden = _MARGIN + rng.uniform(0.10, 0.45) * (high - low)[axis]
        corner[axis] = room[axis] + hidden if beyond else -hidden
    return float(corner[0] - low[0]), float(corner[1] - low[1])


def _sideways(
    rng: np.random.Generator,
    person: Person,
    camera: Camera,
    right: float,
    others: list[Person],
    framing: Framing,
) -> Person:
    """Moved so that the pelvis moves right by `right` px, or by a random amount if somebody stands there."""
    metres = float(camera.view(person.joint("pelvis"))[2]) / camera.focal  # a pixel
    for _ in range(8):
        moved = person.moved(np.eye(3), np.array([right * metres, 0.0, 0.0]))
        gaps = [np.hypot(*(moved.joint("pelvis") - other.joint("pelvis"))[[0, 2]]) for other in others]
        if min(gaps, default=np.inf) > _PERSONAL_SPACE:
            break
        right = rng.uniform(-0.4, 0.4) * framing.width
    return moved


_BELOW = np.array([{"toe": 0.018, "ankle": 0.040, "hip": 0.05}.get(n.split("_")[-1], 0.03) for n in JOINTS])
"""Thickness of the body below each joint, as a fraction of stature."""

_MARGIN = 5.0  # px between the outermost joints and the outline of the body
_PERSONAL_SPACE = 0.7  # m
_EDGES = (
    (0, False),
    (0, True),
    (1, False),
    (1, True),
)  # axis, and whether the far edge of it: left right top bottom
_EDGE_PROBABILITIES = (0.3, 0.3, 0.1, 0.3)
