"""Objects in a scene: furniture, posts, bushes, seats, and what occludes part of a person. World frame."""

import numpy as np

from datasets.synthetic.people.skeleton import Person
from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster import RGB, Capsule, Ellipsoid, Face, Material, Solid
from datasets.synthetic.render.rotations import Matrix, Vector, about_y

_UPRIGHT = np.eye(3)


def box(base: Vector, size: tuple[float, float, float], turn: float, material: Material) -> list[Solid]:
    """The faces of a box except its underside, whose centre is `base`; width, height, depth in metres."""
    width, height, depth = size
    x, y, z = 0.5 * width, -height, 0.5 * depth
    unit = np.array(
        [[-x, 0, -z], [x, 0, -z], [x, 0, z], [-x, 0, z], [-x, y, -z], [x, y, -z], [x, y, z], [-x, y, z]]
    )
    points = unit @ about_y(turn).T + base
    sides = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7))
    return [Face(points[list(side)], material) for side in sides]


def bush(rng: np.random.Generator, foot: Vector, radius: float) -> list[Solid]:
    """A cluster of leafy balls that stands at `foot`."""
    green = np.array([70.0, 104.0, 54.0]) * rng.uniform(0.7, 1.3)
    leaves: list[Solid] = []
    for _ in range(int(rng.integers(4, 8))):
        r = radius * rng.uniform(0.35, 0.6)
        place = (
            foot
            + np.array([rng.normal(0, 0.45), -0.4 - abs(rng.normal(0, 0.7)), rng.normal(0, 0.2)]) * radius
        )
        leaves.append(Ellipsoid(place, _UPRIGHT, (r, 0.9 * r, r), _leaves(green * rng.uniform(0.85, 1.15))))
    return leaves


def clutter(
    rng: np.random.Generator,
    camera: Camera,
    people: tuple[Person, ...],
    mean: float,
    width: int,
    indoors: bool,
) -> list[Solid]:
    """A Poisson number of objects behind the people, in an image of `width` px."""
    nearest = max(float(person.joint("pelvis")[2]) for person in people) + 0.8
    solids: list[Solid] = []
    for _ in range(rng.poisson(mean)):
        distance = nearest + rng.uniform(0.0, 3.0)
        reach = 0.55 * width / camera.focal * distance
        foot = np.array([rng.uniform(-reach, reach), 0.0, distance])
        solids += (_furniture if indoors else _street)(rng, foot)
    return solids


def _furniture(rng: np.random.Generator, foot: Vector) -> list[Solid]:
    material, turn = _material(_muted(rng)), rng.uniform(-40, 40)
    match rng.choice(4, p=(0.4, 0.3, 0.15, 0.15)):
        case 0:  # a chest or a cupboard
            return box(
                foot, (rng.uniform(0.4, 1.2), rng.uniform(0.4, 1.8), rng.uniform(0.3, 0.6)), turn, material
            )
        case 1:
            return _table(foot, (rng.uniform(0.8, 1.5), rng.uniform(0.45, 0.8), 0.7), turn, material)
        case 2:
            pot = Capsule(foot, foot - np.array([0, 0.35, 0]), 0.12, 0.17, material)
            return [pot, *bush(rng, foot - np.array([0, 0.3, 0]), rng.uniform(0.25, 0.45))]
        case _:
            return _floor_lamp(rng, foot, material)


def _street(rng: np.random.Generator, foot: Vector) -> list[Solid]:
    material, turn = _material(_muted(rng)), rng.uniform(-40, 40)
    match rng.choice(5, p=(0.3, 0.25, 0.2, 0.15, 0.1)):
        case 0:
            return bush(rng, foot, rng.uniform(0.3, 0.9))
        case 1:  # a post
            radius, top = rng.uniform(0.03, 0.09), np.array([0.0, -rng.uniform(1.2, 3.5), 0.0])
            return [Capsule(foot, foot + top, radius, radius, material)]
        case 2:  # a bench
            return _table(foot, (rng.uniform(1.2, 2.0), 0.45, 0.45), turn, material)
        case 3:  # a bin or a box
            return box(foot, (rng.uniform(0.4, 0.7), rng.uniform(0.5, 1.0), 0.5), turn, material)
        case _:  # a ball or a stone
            r = rng.uniform(0.12, 0.3)
            return [Ellipsoid(foot - np.array([0, r, 0]), _UPRIGHT, (r, r, r), material)]


def _floor_lamp(rng: np.random.Generator, foot: Vector, material: Material) -> list[Solid]:
    rim = foot + np.array([0.0, -rng.uniform(1.2, 1.6), 0.0])
    paper = _material(np.array([236.0, 222.0, 186.0]))
    return [
        Capsule(foot, rim, 0.018, 0.018, material),
        Capsule(rim - np.array([0, 0.26, 0]), rim, 0.10, 0.19, paper, open=True),
    ]


def _table(foot: Vector, size: tuple[float, float, float], turn: float, material: Material) -> list[Solid]:
    width, height, depth = size
    solids = box(foot - np.array([0, height - 0.05, 0]), (width, 0.05, depth), turn, material)
    for x in (-0.45, 0.45):
        for z in (-0.4, 0.4):
            leg = foot + about_y(turn) @ np.array([x * width, 0.0, z * depth])
            solids.append(Capsule(leg, leg - np.array([0, height - 0.03, 0]), 0.022, 0.022, material))
    return solids


def seat(rng: np.random.Generator, person: Person) -> list[Solid]:
    """A stool under a person who sits upright with raised thighs, else nothing."""
    unit, pelvis = person.body.stature / 1.7, person.joint("pelvis")
    drop = max(float(person.joint(f"{side}_knee")[1] - pelvis[1]) for side in ("left", "right"))
    rise = float(pelvis[1] - person.joint("thorax")[1])
    height = -float(pelvis[1]) - 0.11 * unit
    if drop > 0.2 * unit or rise < 0.3 * unit or height < 0.2:
        return []
    side = rng.uniform(0.36, 0.46)
    turn = float(np.degrees(np.arctan2(-person.facing[0], -person.facing[2])))
    foot = np.array([pelvis[0], 0.0, pelvis[2]])
    return _table(foot, (side, height, side), turn, _material(_muted(rng)))


def occluder(rng: np.random.Generator, person: Person, camera: Camera) -> list[Solid]:
    """An object between the camera and a limb or the trunk of the person, 0.15-0.5 m across."""
    target = person.joint(_OCCLUDABLE[rng.integers(len(_OCCLUDABLE))]) + rng.normal(0.0, 0.08, 3)
    towards = camera.position - target
    place = target + towards / np.linalg.norm(towards) * rng.uniform(0.45, 0.8)
    radius, material = rng.uniform(0.07, 0.17) * person.body.stature, _material(_muted(rng))
    kind = rng.random()
    if kind < 0.42:
        shape = (radius, radius * rng.uniform(0.5, 1.1), radius)
        return [Ellipsoid(place, _UPRIGHT, shape, material)]
    if kind < 0.84:
        size = (radius * rng.uniform(0.9, 2.2), radius * rng.uniform(0.9, 2.2), radius)
        return box(place + np.array([0, 0.5 * size[1], 0]), size, rng.uniform(-40, 40), material)
    post = np.array([place[0], 0.0, place[2]])
    return [Capsule(post, post - np.array([0, 2.6, 0]), 0.4 * radius, 0.4 * radius, material)]


_OCCLUDABLE = tuple(
    f"{side}_{j}"
    for side in ("left", "right")
    for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)


def _leaves(colour: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Material:
    light, dark = _material(colour), _material(colour * 0.7)
    return Material(light.colour, "dots", dark.colour, period=0.07)


def _material(colour: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | RGB) -> Material:
    red, green, blue = (min(max(float(c), 0.0), 255.0) for c in colour)
    return Material((red, green, blue), gloss=0.05)


def _muted(rng: np.random.Generator) -> RGB:
    grey, hue = rng.uniform(50, 215), rng.normal(0, 24, 3)
    return (grey + hue[0], grey + hue[1], grey + hue[2])


def in_camera_frame(camera: Camera, solids: list[Solid]) -> list[Solid]:
    """The same solids in the camera's frame, without those that reach behind it."""
    moved = [_in_camera_frame(camera, solid) for solid in solids]
    return [solid for solid in moved if _least_depth(solid) > 0.4]


def _in_camera_frame(camera: Camera, solid: Solid) -> Solid:
    if isinstance(solid, Capsule):
        return solid._replace(a=camera.view(solid.a), b=camera.view(solid.b))
    if isinstance(solid, Ellipsoid):
        axes: Matrix = camera.rotation @ solid.axes
        return solid._replace(centre=camera.view(solid.centre), axes=axes)
    return solid._replace(corners=camera.view(solid.corners))


def _least_depth(solid: Solid) -> float:
    if isinstance(solid, Capsule):
        return float(min(solid.a[2], solid.b[2]))
    if isinstance(solid, Ellipsoid):
        return float(solid.centre[2])
    return float(solid.corners[:, 2].min())
