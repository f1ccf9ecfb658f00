"""The small drawings of the page show sign, size and the side of the bound."""

import re
from xml.etree import ElementTree as ET

import pytest

from orchestrator.report import inline_svg

SVG = "{http://www.w3.org/2000/svg}"


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def shapes(drawing: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for element in ET.fromstring(drawing).iter():
        found.setdefault(element.tag.removeprefix(SVG), []).append(dict(element.attrib))
    return found


@pytest.mark.parametrize("share", [-1.0, -0.5, 0.5, 1.0])
def test_a_deviation_lies_on_its_side_and_is_as_long_as_its_share(share: float) -> None:
    (bar,) = shapes(inline_svg.deviation(share))["rect"]
    left, length = float(bar["x"]), float(bar["width"])
    assert length == pytest.approx(20 * abs(share))
    assert (left if share > 0 else left + length) == pytest.approx(22)


@pytest.mark.parametrize("estimate", [-1.5, -0.5, 0.5, 1.5])
@pytest.mark.parametrize("holds", [(-1.0, 1.0), (0.0, None), (None, 1.0)])
def test_the_dot_lies_in_the_region_exactly_where_the_sentence_holds(
    estimate: float, holds: tuple[float | None, float | None]
) -> None:
    found = shapes(inline_svg.interval(estimate, estimate - 0.2, estimate + 0.2, holds))
    region, dot = found["rect"][0], float(found["circle"][0]["cx"])
    start, length = float(region["x"]), float(region["width"])
    low, high = holds
    true = (low is None or estimate > low) and (high is None or estimate < high)
    assert (start < dot < start + length) == true


def test_an_interval_contains_its_dot_and_stays_in_the_picture() -> None:
    found = shapes(inline_svg.interval(3.0, 1.0, 5.0, (0.0, None)))
    left, _, right = numbers(found["path"][-1]["d"])[0:3]
    assert 0 <= left < float(found["circle"][0]["cx"]) < right <= inline_svg.WIDTH


def test_without_an_interval_there_is_only_the_dot() -> None:
    found = shapes(inline_svg.interval(3.0, None, None, (None, 5.0)))
    assert len(found["circle"]) == 1
    assert not [path for path in found["path"] if path.get("stroke-width") == "2"]


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(1.25, 1, "+1.2"), (-3.0, 2, "−3.00"), (-0.04, 1, "±0.0"), (0.0, 1, "±0.0")]
)
def test_a_difference_has_its_sign(value: float, digits: int, text: str) -> None:
    assert inline_svg.signed(value, digits) == text
