"""Poses: joint rotations sampled by action, and the direction from which a person is seen."""

from collections.abc import Callable
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.config import Frozen
from datasets.synthetic.people.skeleton import Body, Person, forward_kinematics
from datasets.synthetic.render.rotations import Matrix, about_x, about_y, about_z

Probability = Annotated[float, Field(ge=0.0, le=1.0)]

Rotations = dict[str, Matrix]

_SIDES = (("left", 1.0), ("right", -1.0))


class Poses(Frozen):
    """How varied the poses are. The rest of the probability of an action goes to standing."""

    spread: float = Field(0.35, ge=0.0, le=1.5)  # scales the joint angles' standard deviations
    walking: Probability = 0.12
    reaching: Probability = 0.16  # one or both arms raised
    sitting: Probability = 0.04
    bending: Probability = 0.04
    lying: Probability = 0.02
    from_back: Probability = 0.12  # views; the rest sees the front
    from_side: Probability = 0.05

    @model_validator(mode="after")
    def _probabilities_fit(self) -> Self:
        if self.walking + self.reaching + self.sitting + self.bending + self.lying > 1.0:
            raise ValueError("the probabilities of the actions add up to more than 1")
        if self.from_back + self.from_side > 1.0:
            raise ValueError("from_back + from_side is more than 1")
        return self


def sample_person(rng: np.random.Generator, body: Body, poses: Poses) -> Person:
    """A person in a sampled pose and direction, with the pelvis at the origin."""
    action = _choose(rng, poses)
    rotations = _standing(rng, poses.spread)
    if action is not None:
        rotations |= action(rng, poses.spread)
    yaw = about_y(_yaw(rng, poses))
    rotations["pelvis"] = yaw @ rotations["pelvis"]
    return forward_kinematics(body, rotations)


def _choose(
    rng: np.random.Generator, poses: Poses
) -> Callable[[np.random.Generator, float], Rotations] | None:
    actions = {
        _walking: poses.walking,
        _reaching: poses.reaching,
        _sitting: poses.sitting,
        _bending: poses.bending,
        _lying: poses.lying,
    }
    threshold, draw = 0.0, rng.random()
    for action, probability in actions.items():
        threshold += probability
        if draw < threshold:
            return action
    return None


def _yaw(rng: np.random.Generator, poses: Poses) -> float:
    """Degrees; 0 faces the viewer, 180 shows the back."""
    draw = rng.random()
    if draw < poses.from_back:
        return float(rng.normal(180.0, 35.0))
    if draw < poses.from_back + poses.from_side:
        return float(rng.choice([-90.0, 90.0]) + rng.normal(0.0, 20.0))
    return float(rng.normal(0.0, 35.0 * poses.spread))


def _hinge(flexion: float, outwards: float = 0.0, twist: float = 0.0, *, sign: float) -> Matrix:
    """A limb's rotation in degrees: flexion forwards, away from the body's middle plane, twist inwards."""
    return about_x(-flexion) @ about_z(-sign * outwards) @ about_y(sign * twist)


def _trunk(flexion: float, lean: float = 0.0, twist: float = 0.0) -> Matrix:
    """A rotation of pelvis, spine, neck or head in degrees: flexion bows forwards."""
    return about_y(twist) @ about_z(lean) @ about_x(flexion)


def _standing(rng: np.random.Generator, spread: float) -> Rotations:
    r = {
        "pelvis": _trunk(rng.normal(0, 6) * spread, rng.normal(0, 8) * spread),
        "spine": _trunk(rng.normal(2, 9 * spread), rng.normal(0, 8 * spread), rng.normal(0, 12 * spread)),
        "thorax": _trunk(rng.normal(1, 6 * spread), rng.normal(0, 6 * spread), rng.normal(0, 12 * spread)),
        "neck": _trunk(rng.normal(5, 8), rng.normal(0, 5), rng.normal(0, 16)),
        "head": _trunk(rng.normal(-2, 8), rng.normal(0, 5), rng.normal(0, 12)),
    }
    for side, sign in _SIDES:
        flexion, outwards, knee = (
            rng.normal(4, 28) * spread,
            2 + abs(rng.normal(4, 12)) * spread,
            abs(rng.normal(0, 32)),
        )
        r[f"{side}_hip"] = _hinge(flexion, outwards, rng.normal(-8, 10), sign=sign)
        r[f"{side}_knee"] = about_x(knee * spread)
        r[f"{side}_ankle"] = about_x(rng.normal(0, 8) * spread)
        r[f"{side}_shoulder"] = _hinge(
            rng.normal(5, 25) * spread, abs(rng.normal(12, 18 * spread)), rng.uniform(-30, 60), sign=sign
        )
        r[f"{side}_elbow"] = _hinge(min(abs(rng.normal(30, 50)) * spread, 140.0), sign=sign)
        r[f"{side}_wrist"] = _hinge(rng.normal(0, 12), rng.normal(0, 8), sign=sign)
    return r


def _walking(rng: np.random.Generator, spread: float) -> Rotations:
    stride, lead = rng.uniform(12, 32), rng.choice([-1.0, 1.0])
    r: Rotations = {"spine": _trunk(rng.normal(4, 3))}
    for side, sign in _SIDES:
        swing = stride * lead * sign
        r[f"{side}_hip"] = _hinge(swing, rng.normal(2, 1.5), sign=sign)
        r[f"{side}_knee"] = about_x(rng.uniform(4, 14) if swing > 0 else rng.uniform(12, 42))
        r[f"{side}_shoulder"] = _hinge(-0.9 * swing, abs(rng.normal(7, 4)), sign=sign)
        r[f"{side}_elbow"] = _hinge(abs(rng.normal(25, 18)), sign=sign)
    return r


def _reaching(rng: np.random.Generator, spread: float) -> Rotations:
    r: Rotations = {}
    arms = rng.choice(3, p=(0.35, 0.35, 0.30))  # left, right, both
    for which, (side, sign) in enumerate(_SIDES):
        if arms not in (which, 2):
            continue
        if rng.random() < 0.55:
            r[f"{side}_shoulder"] = _hinge(rng.normal(0, 25), rng.uniform(45, 165), sign=sign)
        else:
            r[f"{side}_shoulder"] = _hinge(rng.uniform(30, 140), rng.normal(5, 20), sign=sign)
        r[f"{side}_elbow"] = _hinge(min(abs(rng.normal(15, 45)), 135.0), sign=sign)
    return r


def _sitting(rng: np.random.Generator, spread: float) -> Rotations:
    r: Rotations = {"pelvis": _trunk(rng.normal(-6, 6)), "spine": _trunk(rng.normal(8, 8), rng.normal(0, 4))}
    for side, sign in _SIDES:
        flexion = float(np.clip(rng.normal(84, 7), 68, 98))
        r[f"{side}_hip"] = _hinge(flexion, abs(rng.normal(9, 7)), sign=sign)
        r[f"{side}_knee"] = about_x(float(np.clip(rng.normal(80, 16), 35, 110)))
        r[f"{side}_shoulder"] = _hinge(
            rng.uniform(10, 45), abs(rng.normal(8, 6)), rng.uniform(-10, 45), sign=sign
        )
        r[f"{side}_elbow"] = _hinge(rng.uniform(30, 85), sign=sign)
    return r


def _bending(rng: np.random.Generator, spread: float) -> Rotations:
    tilt = rng.uniform(15, 50)
    r: Rotations = {
        "pelvis": _trunk(tilt),
        "spine": _trunk(rng.uniform(5, 25)),
        "thorax": _trunk(rng.uniform(0, 20)),
        "neck": _trunk(rng.uniform(-25, 5)),
    }
    knee = rng.uniform(0, 45)
    for side, sign in _SIDES:
        r[f"{side}_hip"] = _hinge(tilt + 0.5 * knee + rng.normal(0, 6), abs(rng.normal(6, 5)), sign=sign)
        r[f"{side}_knee"] = about_x(max(0.0, knee + rng.normal(0, 6)))
        r[f"{side}_shoulder"] = _hinge(rng.uniform(20, 100), abs(rng.normal(4, 10)), sign=sign)
        r[f"{side}_elbow"] = _hinge(rng.uniform(0, 60), sign=sign)
    return r


def _lying(rng: np.random.Generator, spread: float) -> Rotations:
    """On the side, along the image: head at image left or right."""
    return {"pelvis": about_z(rng.choice([-90.0, 90.0]) + rng.normal(0, 3)) @ about_y(rng.normal(0, 35))}
