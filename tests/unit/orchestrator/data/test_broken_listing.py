"""Broken records that are listed together."""

import io
from pathlib import Path

from rich.console import Console

from datasets.io.problems import Problem
from orchestrator.data.broken_listing import grouped, listing


def test_what_is_broken_in_one_way_is_one_line_with_a_count_and_an_example() -> None:
    small = [Problem("/d/t.json", f"annotations[{i}]", f"width is -{i}", "Mend it") for i in range(100)]
    other = Problem("/d/t.json", "annotations[7]", "has no keypoints", "Mend it")
    pictures = [Problem(f"/d/{i}.jpg", "", "does not exist", "Add it") for i in range(3)]
    groups = grouped([*small, other, *pictures])
    assert [len(group) for group in groups] == [100, 1, 3]
    text = io.StringIO()
    Console(file=text, width=160, markup=False).print(listing("coco", groups, Path("/d")))
    lines = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert "100 × t.json such as annotations[0] width is -0" in lines
    assert "t.json annotations[7] has no keypoints" in lines
    assert "3 × such as 0.jpg does not exist" in lines
