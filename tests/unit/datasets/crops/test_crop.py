"""Shapes as in datasets/crop.py."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.crops import crop
from datasets.crops.crop import DRAWS, GRID, STILL, Augment
from datasets.keypoints import KEYPOINTS, upper_body
from datasets.sides import flip_pairs
from tests.support.errors import invalid

PAIRS = flip_pairs(KEYPOINTS)
UPPER = upper_body(KEYPOINTS)
WILD = Augment(shift=0.1)

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([(256, 192), (48, 36), (64, 48), (256, 256), (40, 72)])


def boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    low = rng.uniform(0, 400, (count, 2))
    return np.hstack([low, low + rng.uniform(1, 300, (count, 2))])


def joints(rng: np.random.Generator, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = rng.random((len(corners), 17, 2))
    points = corners[:, None, :2] + share * (corners[:, None, 2:] - corners[:, None, :2])
    return points, rng.random((len(corners), 17)) < 0.8


def scene(seed: int, size: tuple[int, int], count: int = 16) -> tuple[np.ndarray, ...]:
    """Random placements to choose from (B, 3, 4), draws (B, DRAWS) and keypoints (B, 17, 2)."""
    rng = np.random.default_rng(seed)
    corners = boxes(rng, count)
    points, labelled = joints(rng, corners)
    aspect = size[1] / size[0]
    bodies = crop.whole_bodies(corners, aspect, 1.25)
    return crop.placements(bodies, points, labelled, UPPER, aspect), rng.random((count, DRAWS)), points


def maps_of(seed: int, size: tuple[int, int], augment: Augment) -> tuple[np.ndarray, np.ndarray]:
    options, draws, points = scene(seed, size)
    return crop.matrices(*crop.augmented(augment, draws, options), size), points


def test_a_box_worked_by_hand() -> None:
    place = crop.whole_bodies(np.array([[10.0, 20.0, 40.0, 140.0]]), 0.75, 1.25)
    np.testing.assert_allclose(place, [[25, 80, 1.25 * 0.75 * 120, 1.25 * 120]])  # it was too narrow
    maps = crop.matrices(place, np.zeros(1), np.zeros(1, bool), (256, 192))
    centre, corner = crop.to_crop(maps, np.array([[[25.0, 80.0], [25 - 112.5 / 2, 5.0]]]), (256, 192))[0]
    np.testing.assert_allclose(centre, [0, 0], atol=1e-3)
    np.testing.assert_allclose(corner, [-0.5, -0.5], atol=1e-3)


@given(seeds, sizes)
def test_the_geometry_is_that_of_three_corresponding_points(seed: int, size: tuple[int, int]) -> None:
    """Centre to centre and top middle to top middle: how the authors' code and HRNet define the map."""
    options, draws, _ = scene(seed, size, 1)
    place, angle, _ = crop.augmented(WILD, draws, options)
    maps = crop.matrices(place, angle, np.zeros(1, bool), size)[0]
    up = place[0, 3] / 2 * np.array([np.sin(angle[0]), -np.cos(angle[0])])
    side = np.array([up[1], -up[0]])
    height, width = size
    source = [(width / 2, height / 2), (width / 2, 0), (width / 2 - height / 2, height / 2)]
    target = [place[0, :2], place[0, :2] + up, place[0, :2] + side]
    expected = cv2.getAffineTransform(np.float32(source), np.float32(target))
    np.testing.assert_allclose(maps, expected, atol=max(size) / GRID)


@given(seeds, sizes)
def test_to_the_picture_and_back_is_the_identity(seed: int, size: tuple[int, int]) -> None:
    maps, points = maps_of(seed, size, WILD)
    back = crop.to_picture(maps, crop.to_crop(maps, points, size), size)
    np.testing.assert_allclose(back, points, atol=1e-7)


@given(seeds, sizes)
def test_pixels_do_not_depend_on_where_the_origin_lies(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    maps, _ = maps_of(seed, size, WILD)
    pixels = rng.integers(0, 256, (900, 900, 3), dtype=np.uint8)
    left, top = rng.integers(0, 100, 2)
    larger = np.zeros((1000, 1000, 3), np.uint8)
    larger[top : top + 900, left : left + 900] = pixels
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for map_ in maps[:3]:
        moved = map_ + np.array([[0, 0, left], [0, 0, top]])
        here, there = (
            cv2.warpAffine(p, m, size[::-1], flags=flags) for p, m in ((pixels, map_), (larger, moved))
        )
        assert np.array_equal(here, there)


@given(seeds)
def test_the_reach_holds_whatever_augmentation_shows(seed: int) -> None:
    size = (64, 48)
    augments = [WILD, STILL, Augment(rotation=150, half_body=1), Augment(rotation=10, rotation_probability=1)]
    for augment in augments:
        options, draws, _ = scene(seed, size)
        low, high = np.split(crop.reach(options, augment), 2, axis=1)
        corners = np.array([(0, 0), (47, 0), (0, 63), (47, 63)]) / (48, 64) - 0.5
        maps = crop.matrices(*crop.augmented(augment, draws, options), size)
        shown = crop.to_picture(maps, np.tile(corners, (len(maps), 1, 1)), size)
        assert (np.floor(shown).min(1) >= low).all()
        assert (np.floor(shown).max(1) + 2 <= high).all()


def test_the_reach_of_a_still_crop_is_hardly_more_than_the_crop() -> None:
    options, _, _ = scene(0, (64, 48))
    extent = np.diff(crop.reach(options, STILL).reshape(-1, 2, 2), axis=1)[:, 0]
    assert (extent <= options[:, 0, 2:] + 5).all()


@settings(max_examples=25)
@given(seeds)
def test_targets_follow_the_pixels(seed: int) -> None:
    """A bright dot drawn at a joint is found, after any augmentation, where the target says."""
    size = (128, 96)
    maps, points = maps_of(seed, size, Augment(scale=(0.5, 0.8), rotation_probability=1, half_body=0))
    targets = (crop.to_crop(maps, points, size) + 0.5) * (96, 128)
    whole = ((targets > 20) & (targets < (76, 108)) & (points > 50) & (points < 700)).all(2)
    whole &= (np.linalg.det(maps[:, :, :2]) ** 2 > 0.25)[:, None]  # magnified, the dot would fill the crop
    for row, joint in zip(*(index[:8] for index in np.nonzero(whole)), strict=True):
        np.testing.assert_allclose(
            found_at(points[row, joint], maps[row], size), targets[row, joint], atol=0.2
        )


def found_at(joint: np.ndarray, map_: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where in the crop a dot lies that is drawn at a joint of the picture: its centre of mass."""
    width = 2 * max(1.0, np.sqrt(abs(np.linalg.det(map_[:, :2]))))
    across, down = (np.exp(-((np.arange(760) - place) ** 2) / (2 * width**2)) for place in joint)
    dot = np.outer(down, across)
    shown = cv2.warpAffine(dot, map_, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.array([(shown * columns).sum(), (shown * rows).sum()]) / shown.sum()


def test_a_mirrored_crop_has_mirrored_targets() -> None:
    size = (64, 48)
    options, _, points = scene(1, size)
    still, no = np.zeros(16), np.zeros(16, bool)
    plain = crop.to_crop(crop.matrices(options[:, 0], still, no, size), points, size)
    mirrored = crop.to_crop(crop.matrices(options[:, 0], still, ~no, size), points, size)
    np.testing.assert_allclose(mirrored, plain * (-1, 1), atol=2 / GRID)


@given(st.integers(1, 40), seeds)
def test_flipping_twice_gives_back_what_was_there(width: int, seed: int) -> None:
    mu = np.random.default_rng(seed).normal(size=(3, 17, 2))
    assert PAIRS is not None
    twice = crop.flip_points(crop.flip_points(mu, PAIRS, width), PAIRS, width)
    np.testing.assert_allclose(twice, mu, atol=1e-12)


def test_flipped_coordinates_point_at_the_pixels_of_the_flipped_array() -> None:
    image = np.zeros((8, 10))
    image[3, 2] = 1
    mu = np.array([[[2 / 10 - 0.5, 3 / 8 - 0.5]]])
    u, v = crop.flip_points(mu, (), 10)[0, 0]
    assert image[:, ::-1][round((v + 0.5) * 8), round((u + 0.5) * 10)] == 1


def test_flipping_arrays_and_tensors_is_the_same_and_changes_neither() -> None:
    assert PAIRS is not None
    mu = np.random.default_rng(0).normal(size=(2, 17, 2)).astype(np.float32)
    kept, tensor = mu.copy(), torch.from_numpy(mu.copy())
    assert np.array_equal(crop.flip_points(tensor, PAIRS, 48).numpy(), crop.flip_points(mu, PAIRS, 48))
    assert np.array_equal(mu, kept)
    assert np.array_equal(tensor.numpy(), kept)


def test_pairs_change_places_in_scores_and_sigmas() -> None:
    score = np.arange(6.0).reshape(2, 3)
    assert crop.swap_pairs(score, ((0, 2),)).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert crop.swap_pairs(score[..., None], ((0, 2),))[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]


def test_augmentation_varies_as_its_fields_say() -> None:
    options, _, _ = scene(0, (64, 48), 1)
    draws = np.random.default_rng(1).random((20_000, DRAWS))
    augment = Augment(
        scale=(0.8, 1.1), rotation=30, rotation_probability=0.4, shift=0.05, flip=0.25, half_body=0
    )
    place, angle, mirrored = crop.augmented(augment, draws, np.repeat(options, 20_000, 0))
    scale = place[:, 2] / options[0, 0, 2]
    shift = (place[:, :2] - options[0, 0, :2]) / place[:, 2:]
    np.testing.assert_allclose([scale.min(), scale.mean(), scale.max()], [0.8, 0.95, 1.1], atol=2e-3)
    np.testing.assert_allclose([shift.min(0), shift.max(0)], [[-0.05] * 2, [0.05] * 2], atol=1e-3)
    np.testing.assert_allclose(np.rad2deg([angle.min(), angle.max()]), [-30, 30], atol=0.1)
    np.testing.assert_allclose([(angle != 0).mean(), mirrored.mean()], [0.4, 0.25], atol=0.015)


def test_no_augmentation_leaves_the_box() -> None:
    options, draws, _ = scene(3, (64, 48))
    place, angle, mirrored = crop.augmented(STILL, draws, options)
    assert np.array_equal(place, options[:, 0])
    assert not angle.any()
    assert not mirrored.any()


def half_bodies(labelled_upper: int, labelled_lower: int) -> np.ndarray:
    """The three choices (3, 4) of a person with so many labelled keypoints above and below the hips."""
    rng = np.random.default_rng(0)
    points = rng.uniform(100, 200, (1, 17, 2))
    labelled = np.zeros((1, 17), bool)
    labelled[0, :labelled_upper] = labelled[0, 11 : 11 + labelled_lower] = True
    bodies = crop.whole_bodies(np.array([[90.0, 90, 210, 210]]), 0.75, 1.25)
    return np.asarray(crop.placements(bodies, points, labelled, UPPER, 0.75)[0])


def test_half_a_body_is_cropped_around_its_keypoints() -> None:
    points = np.zeros((1, 17, 2))
    points[0, :3] = [[100, 100], [130, 100], [100, 160]]
    points[0, 11:15] = [[100, 300], [180, 300], [100, 340], [180, 340]]
    labelled = points.any(2)
    bodies = crop.whole_bodies(np.array([[90.0, 90, 190, 350]]), 0.75, 1.25)
    _, upper, lower = crop.placements(bodies, points, labelled, UPPER, 0.75)[0]
    np.testing.assert_allclose(upper, [110, 120, 1.5 * 45, 1.5 * 60])
    np.testing.assert_allclose(lower, [140, 320, 1.5 * 80, 1.5 * 80 / 0.75])


@pytest.mark.parametrize(
    ("above", "below", "same"),
    [
        (2, 2, "whole, whole, whole"),  # neither half has three
        (3, 0, "whole, whole, whole"),  # fewer than four in all
        (5, 2, "whole, upper, upper"),
        (1, 4, "whole, lower, lower"),
        (4, 3, "whole, upper, lower"),
    ],
)
def test_a_half_with_too_few_keypoints_is_not_cropped(above: int, below: int, same: str) -> None:
    choices = half_bodies(above, below)
    names = ["whole", *("upper" if c[3] != choices[0, 3] else "whole" for c in choices[1:])]
    if above < 3 <= below:
        names = [name.replace("upper", "lower") for name in names]
    elif below >= 3:
        names[2] = "lower"
        assert not np.array_equal(choices[1], choices[2])
    assert ", ".join(names) == same
    assert np.array_equal(choices[1], choices[2]) == (above < 3 or below < 3)


def test_the_upper_half_is_preferred_as_often_as_a_normal_is_below_a_half() -> None:
    options = np.tile(half_bodies(4, 3), (20_000, 1, 1))
    draws = np.random.default_rng(0).random((20_000, DRAWS))
    place, _, _ = crop.augmented(STILL.model_copy(update={"half_body": 0.3}), draws, options)
    shares = [(place == options[0, choice]).all(1).mean() for choice in range(3)]
    np.testing.assert_allclose(shares, [0.7, 0.3 * 0.6915, 0.3 * 0.3085], atol=0.01)


@pytest.mark.parametrize("size", [(256, 192), (1024, 256)])
def test_the_smallest_box_can_still_be_inverted(size: tuple[int, int]) -> None:
    place = crop.whole_bodies(np.array([[5.0, 5.0, 5.0001, 5.0001]]), size[1] / size[0], 1.25)
    maps = crop.matrices(place, np.array([0.7]), np.ones(1, bool), size)
    there = crop.to_crop(maps, np.array([[[5.0, 5.0]]]), size)
    np.testing.assert_allclose(there, 0, atol=0.01)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scale": (1.2, 0.8)}, "value_error"),
        ({"scale": (0, 1)}, "greater_than_equal"),
        ({"flip": 1.1}, "less_than_equal"),
        ({"rotation": -1}, "greater_than_equal"),
        ({"half_body": -0.1}, "greater_than_equal"),
        ({"zoom": 1}, "extra_forbidden"),
    ],
)
def test_an_augmentation_that_makes_no_sense_is_refused(fields: dict[str, object], code: str) -> None:
    with invalid(code):
        Augment.model_validate(fields)
