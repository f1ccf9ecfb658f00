"""Figure 2 trains nothing that another table has."""

import pytest

from models.objectives import L1
from orchestrator.config.vary import vary
from sweeps.baselines import coco, simplepose
from sweeps.truncation import rows


@pytest.mark.parametrize("scale", ["smoke", "demo"])
def test_rows_without_half_bodies_are_the_baselines_of_small_scales(scale: str) -> None:
    ours = {row.key: row.experiment.fingerprint() for row in rows(scale)}
    assert ours["RLE, whole bodies"] == coco(scale).fingerprint()
    assert ours["SimplePose, whole bodies"] == simplepose(coco(scale)).fingerprint()


def test_rows_with_half_bodies_are_the_papers_baselines() -> None:
    ours = {row.key: row.experiment.fingerprint() for row in rows("paper")}
    base = coco("paper")
    assert ours["RLE"] == base.fingerprint()
    assert ours["SimplePose"] == simplepose(base).fingerprint()
    assert ours["Direct L1"] == vary(base, objective=L1()).fingerprint()
