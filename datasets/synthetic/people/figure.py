"""A clothed person as solids. Sizes are metres of an average adult, scaled by stature and girth."""

from collections.abc import Callable, Iterator

import numpy as np

from datasets.synthetic.people.clothing import Outfit
from datasets.synthetic.people.skeleton import Person
from datasets.synthetic.render.raster import Capsule, Ellipsoid, Material, Solid
from datasets.synthetic.render.rotations import Matrix, Vector

_WHITE, _PUPIL = Material((232.0, 230.0, 226.0)), Material((34.0, 26.0, 24.0), gloss=0.3)

_RADII = {
    "pelvis": 0.160,
    "spine": 0.140,
    "thorax": 0.140,
    "neck": 0.075,
    "head": 0.115,
    "top": 0.060,
    "nose": 0.0,
    "eye": 0.0,
    "ear": 0.012,
    "shoulder": 0.075,
    "elbow": 0.052,
    "wrist": 0.042,
    "hand": 0.040,
    "hip": 0.150,
    "knee": 0.075,
    "ankle": 0.060,
    "toe": 0.040,
}


def body_radius(joint: str, person: Person) -> float:
    """Metres from a joint to the farthest skin or cloth of its own body part, which does not occlude it."""
    return _RADII[joint.rsplit("_", maxsplit=1)[-1]] * person.body.stature / 1.7 * max(1.0, person.body.girth)


def faces_away(joint: str, person: Person) -> bool:
    """Whether the joint, in the camera's frame, is a feature of the face on the far side of the head."""
    if joint.rsplit("_", maxsplit=1)[-1] not in ("nose", "eye", "ear"):
        return False
    outwards = person.joint(joint) - person.joint("head")
    return bool(outwards[2] > 0.3 * np.linalg.norm(outwards))


def solids(person: Person, outfit: Outfit) -> list[Solid]:
    """The person's solids, in the frame in which the person is given."""
    return [*_legs(person, outfit), *_trunk(person, outfit), *_arms(person, outfit), *_head(person, outfit)]


def _unit(person: Person) -> float:
    return person.body.stature / 1.7


def _between(a: Vector, b: Vector, t: float) -> Vector:
    return np.asarray(a + t * (b - a))


def _clothed(
    a: Vector,
    b: Vector,
    radii: tuple[float, float],
    skin: Material,
    cloth: Material,
    covered: float,
    loose: float,
) -> Iterator[Solid]:
    """A limb segment whose first `covered` share lies under cloth."""
    start, end = radii
    if covered < 1.0:
        yield Capsule(a, b, start, end, skin)
    if covered > 0.0:
        t = min(covered, 1.0)
        hem = (start + t * (end - start)) * loose
        yield Capsule(a, _between(a, b, t), start * (0.5 + 0.5 * loose), hem, cloth, open=t < 1.0)


def _arms(person: Person, outfit: Outfit) -> Iterator[Solid]:
    k = _unit(person) * person.body.girth
    for side in ("left", "right"):
        shoulder, elbow, wrist = (person.joint(f"{side}_{j}") for j in ("shoulder", "elbow", "wrist"))
        upper, lower = min(2 * outfit.sleeves, 1.0), max(2 * outfit.sleeves - 1.0, 0.0)
        radii = (0.051 * k, 0.040 * k), (0.040 * k, 0.027 * k)
        yield from _clothed(shoulder, elbow, radii[0], outfit.skin, outfit.top, upper, outfit.looseness)
        yield from _clothed(elbow, wrist, radii[1], outfit.skin, outfit.top, lower, outfit.looseness)
        yield Ellipsoid(
            person.joint(f"{side}_hand"),
            person.frame(f"{side}_wrist"),
            (0.021 * k, 0.072 * k, 0.038 * k),
            outfit.skin,
        )


def _legs(person: Person, outfit: Outfit) -> Iterator[Solid]:
    k = _unit(person) * person.body.girth
    for side in ("left", "right"):
        hip, knee, ankle, toe = (person.joint(f"{side}_{j}") for j in ("hip", "knee", "ankle", "toe"))
        upper, lower = min(2 * outfit.legs, 1.0), max(2 * outfit.legs - 1.0, 0.0)
        loose = outfit.looseness
        yield from _clothed(hip, knee, (0.083 * k, 0.056 * k), outfit.skin, outfit.bottom, upper, loose)
        yield from _clothed(knee, ankle, (0.055 * k, 0.035 * k), outfit.skin, outfit.bottom, lower, loose)
        shin = person.frame(f"{side}_knee")
        if lower < 0.5:
            calf = _between(knee, ankle, 0.3) + 0.018 * k * shin[:, 2]
            yield Ellipsoid(calf, shin, (0.048 * k, 0.13 * k, 0.048 * k), outfit.skin)
        foot = person.frame(f"{side}_ankle")
        heel = ankle + foot @ np.array([0.0, 0.030, 0.022]) * _unit(person)
        yield Capsule(heel, toe, 0.038 * _unit(person), 0.031 * _unit(person), outfit.shoes)


def _trunk(person: Person, outfit: Outfit) -> Iterator[Solid]:
    unit, k = _unit(person), _unit(person) * person.body.girth
    pelvis, thorax = person.frame("pelvis"), person.frame("thorax")
    hips, spine, chest = person.joint("pelvis"), person.joint("spine"), person.joint("thorax")
    left, right = person.joint("left_shoulder"), person.joint("right_shoulder")
    width = float(np.linalg.norm(left - right))
    top, below = outfit.top, outfit.bottom
    yield Ellipsoid(hips + 0.01 * unit * pelvis[:, 1], pelvis, (0.172 * k, 0.125 * unit, 0.118 * k), below)
    yield Ellipsoid(
        _between(hips, spine, 0.75), pelvis, (0.158 * k, 0.175 * unit, 0.112 * k), top, (0.0, 0.30)
    )
    ribs = _between(spine, chest, 0.42)
    yield Ellipsoid(ribs, thorax, (0.45 * width, 0.225 * unit, 0.122 * k), top)
    across, lift = left - right, -0.012 * unit * thorax[:, 1]
    for a, b in ((right, chest), (left, chest)):
        yield Capsule(
            _between(a, b, 0.08), chest + 0.45 * lift - 0.012 * unit * thorax[:, 1], 0.050 * k, 0.060 * k, top
        )
    yield Capsule(right + 0.12 * across + lift, right + 0.88 * across + lift, 0.052 * k, 0.052 * k, top)
    if outfit.skirt:
        yield from _skirt(person, outfit, k)
    neck = person.joint("neck") - 0.02 * unit * thorax[:, 1]
    yield Capsule(chest, neck, 0.060 * unit, 0.050 * unit, outfit.skin)
    yield Capsule(neck, person.joint("head"), 0.050 * unit, 0.048 * unit, outfit.skin)


def _skirt(person: Person, outfit: Outfit, k: float) -> Iterator[Solid]:
    """Cloth around each thigh and a cone between them, down to the hem."""
    waist = _between(person.joint("pelvis"), person.joint("spine"), 0.2)
    hips, knees = ([person.joint(f"{side}_{j}") for side in ("left", "right")] for j in ("hip", "knee"))
    hems = [_between(hip, knee, outfit.skirt) for hip, knee in zip(hips, knees, strict=True)]
    for hip, hem in zip(hips, hems, strict=True):
        yield Capsule(hip, hem, 0.112 * k, 0.118 * k, outfit.bottom, open=True)
    spread = float(np.linalg.norm(hems[0] - hems[1]))
    yield Capsule(
        waist, 0.5 * (hems[0] + hems[1]), 0.145 * k, 0.10 * k + 0.5 * spread, outfit.bottom, open=True
    )


def _head(person: Person, outfit: Outfit) -> Iterator[Solid]:
    unit, axes, centre = _unit(person), person.frame("head"), person.joint("head")

    def at(x: float, y: float, z: float) -> Vector:
        return np.asarray(centre + unit * axes @ np.array([x, y, z]))

    yield Ellipsoid(at(0, -0.022, 0.006), axes, (0.080 * unit, 0.100 * unit, 0.100 * unit), outfit.skin)
    yield Ellipsoid(at(0, 0.040, -0.026), axes, (0.061 * unit, 0.084 * unit, 0.072 * unit), outfit.skin)
    nose, towards_face = person.joint("nose"), 0.010 * unit * axes[:, 2]
    yield Ellipsoid(nose + towards_face, axes, (0.014 * unit, 0.020 * unit, 0.018 * unit), outfit.skin)
    yield Ellipsoid(at(0, 0.068, -0.093), axes, (0.026 * unit, 0.008 * unit, 0.010 * unit), outfit.lips)
    for side in ("left", "right"):
        eye, ear = person.joint(f"{side}_eye"), person.joint(f"{side}_ear")
        yield Ellipsoid(ear, axes, (0.010 * unit, 0.028 * unit, 0.018 * unit), outfit.skin)
        yield Ellipsoid(eye, axes, (0.017 * unit, 0.010 * unit, 0.010 * unit), _WHITE)
        yield Ellipsoid(
            eye - 0.006 * unit * axes[:, 2], axes, (0.009 * unit, 0.009 * unit, 0.008 * unit), _PUPIL
        )
        brow = eye - 0.021 * unit * axes[:, 1]
        yield Ellipsoid(brow, axes, (0.021 * unit, 0.006 * unit, 0.011 * unit), outfit.brows)
    yield from _hair(at, axes, unit, outfit)


def _hair(
    at: Callable[[float, float, float], Vector], axes: Matrix, unit: float, outfit: Outfit
) -> Iterator[Solid]:
    def blob(place: Vector, radii: tuple[float, float, float]) -> Ellipsoid:
        return Ellipsoid(
            place, axes, (radii[0] * unit, radii[1] * unit, radii[2] * unit), outfit.hair_material
        )

    if outfit.hair == "bald":
        return
    yield blob(at(0, -0.050, 0.026), (0.088, 0.092, 0.099))
    if outfit.hair == "cap":
        yield blob(at(0, -0.066, -0.090), (0.066, 0.010, 0.062))
        return
    yield blob(at(0, -0.096, -0.028), (0.070, 0.040, 0.066))
    if outfit.hair == "long":
        yield blob(at(0, 0.050, 0.050), (0.094, 0.150, 0.064))
    if outfit.hair == "bun":
        yield blob(at(0, -0.125, 0.080), (0.045, 0.045, 0.045))
    if outfit.hair == "ponytail":
        yield blob(at(0, 0.040, 0.130), (0.030, 0.110, 0.032))
