"""Generated retinas: anatomy, graders, files."""

from pathlib import Path

import numpy as np

from datasets.synthetic.retinas import retinas as generator
from datasets.synthetic.retinas.graders import Graders
from datasets.synthetic.retinas.optics import Optics
from datasets.synthetic.retinas.retinas import Retinas
from tests.support.errors import invalid, refused

RETINAS = Retinas(seed=5, subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)


def test_a_scan_depends_on_nothing_generated_before_it() -> None:
    volume = generator.volume(RETINAS, 2)
    np.testing.assert_array_equal(volume["images"][..., 3], generator.truth(RETINAS, 2, 3).image)


def test_a_generated_file_has_the_keys_and_shapes_of_the_real_ones() -> None:
    volume = generator.volume(RETINAS, 1)
    layers, pixels = (8, 64, 6), (128, 64, 6)
    assert {key: value.shape for key, value in volume.items()} == {
        "images": pixels,
        "manualLayers1": layers,
        "manualLayers2": layers,
        "automaticLayersDME": layers,
        "automaticLayersNormal": layers,
        "manualFluid1": pixels,
        "manualFluid2": pixels,
        "automaticFluidDME": pixels,
    }
    assert volume["images"].dtype == np.uint8
    graded = np.isfinite(volume["manualLayers1"]).any((0, 1))
    assert tuple(np.flatnonzero(graded)) == RETINAS.labelled_scans
    assert np.isnan(volume["manualFluid1"][..., ~graded]).all()
    assert np.isfinite(volume["manualFluid1"][..., graded]).all()


def test_graders_without_noise_mark_the_truth_in_rows_counted_from_1() -> None:
    exact = RETINAS.model_copy(update={"graders": Graders(unrest=0, habit=0, gaps=0)})
    volume = generator.volume(exact, 1)
    index = exact.labelled_scans[1]
    truth = generator.truth(exact, 1, index).cut.boundaries / exact.row_um + 0.5
    marked = volume["manualLayers1"][..., index]
    live = np.isfinite(marked)
    assert live.any()
    np.testing.assert_allclose(marked[live], truth[live])
    np.testing.assert_array_equal(marked, volume["manualLayers2"][..., index])


def test_boundaries_never_cross_and_pockets_lie_within_their_layer() -> None:
    set_ = RETINAS.model_copy(update={"width": 256})
    pockets = 0
    for subject in (1, 2, 3, 4):
        for index in set_.labelled_scans:
            cut = generator.truth(set_, subject, index).cut
            assert (np.diff(cut.boundaries, axis=0) > 0).all()
            for top, bottom in cut.fluid:
                filled = bottom > top
                pockets += filled.any()
                b = cut.boundaries
                within = (b[:-1] <= top) & (bottom <= b[1:])
                assert within[:, filled].all(1).any()
    assert pockets > 20


def test_graders_disagree_more_under_fluid() -> None:
    set_ = RETINAS.model_copy(
        update={"width": 256, "graders": Graders(habit=0, gaps=0), "optics": Optics(vessels=0)}
    )
    wet, dry = [], []
    for subject in (1, 2, 3, 4):
        volume = generator.volume(set_, subject)
        apart = np.abs(volume["manualLayers1"] - volume["manualLayers2"])
        for index in set_.labelled_scans:
            fluid = generator.truth(set_, subject, index).cut.under_fluid
            wet.append(apart[:, fluid, index])
            dry.append(apart[:, ~fluid, index])
    means = [np.nanmean(np.concatenate(parts, axis=1)) for parts in (wet, dry)]
    assert means[0] > 1.5 * means[1]


def test_writing_twice_is_writing_once_and_another_set_is_refused(tmp_path: Path) -> None:
    small = RETINAS.model_copy(update={"subjects": 1, "scans": 3, "labelled": 1})
    done: list[tuple[int, int]] = []
    generator.write(small, tmp_path / "set", lambda *at: done.append(at))
    generator.write(small, tmp_path / "set", lambda *at: done.append(at))
    assert done == [(1, 1)]
    with refused("another-set"):
        generator.write(small.model_copy(update={"seed": 6}), tmp_path / "set")
    (tmp_path / "set" / "Subject_01.mat").unlink()
    with refused("incomplete-set"):
        generator.write(small, tmp_path / "set")


def test_a_volume_too_short_for_its_labels_is_refused() -> None:
    with invalid("value_error"):
        Retinas(scans=11, labelled=11)


def test_a_healthy_fovea_is_a_pit_of_usual_thickness() -> None:
    healthy = Retinas(oedema=0, height=128, width=256, row_um=15.5, scans=61)
    for subject in (1, 2, 3):
        middle = [generator.truth(healthy, subject, index).cut.boundaries for index in range(24, 37)]
        thickness = np.array([b[-1] - b[0] for b in middle])
        assert 180 < thickness.min() < 290
        assert 290 < np.percentile(thickness, 95) < 420
