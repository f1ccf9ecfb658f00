"""Retinas from files to samples and metrics, generated ones through the loader of the real ones."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from datasets.contract import Data, DataPaths, Predictions, PredictionsError
from datasets.retina.config import DmeFolder, RetinaBoundaries, RetinaData
from datasets.retina.dataset import STILL, ScanAugment, as_points, as_rows, augmented
from datasets.retina.flatten import BRUCH_AT
from datasets.retina.samples import open_scans
from datasets.synthetic.retinas.retinas import Retinas
from tests.support.errors import invalid, refused

RETINAS = Retinas(seed=5, subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)
CONFIG = RetinaBoundaries(source=RETINAS, size=(64, 64), train_subjects=(3, 4), test_subjects=(1, 2))
PAIRS = CONFIG.model_copy(update={"points_of": "pairs"})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    """With the small set prepared."""
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    CONFIG.prepare(place)
    return place


@pytest.fixture(scope="module")
def data(place: DataPaths) -> RetinaData:
    return CONFIG.open(place, seed=0)


def predictions(data: RetinaData, off_by: float = 0.0) -> Predictions:
    """The labels, moved down by some rows; where there are none, the middle."""
    rows = np.nan_to_num(data.val.scans.rows[data.val.places], nan=32.0) + off_by
    mu = (np.swapaxes(rows, 1, 2) / 64 - 0.5).reshape(len(rows), data.config.points, data.config.dim)
    return Predictions(data.val.ids, mu.astype(np.float32), None, np.ones(mu.shape[:2], np.float32))


def test_the_report_counts_what_there_is(place: DataPaths) -> None:
    report = CONFIG.prepare(place)
    assert (report.train, report.test, report.outside) == (8, 8, 0)
    assert 0 < report.incomplete < 0.5
    assert 0.05 < report.graders < 1
    assert report.bruch < 1.5
    assert "8 labelled B-scans for training, 8 for testing" in report.sentence()


def test_an_open_data_set_is_what_the_contract_asks_for(data: RetinaData) -> None:
    asked: Data = data
    assert asked.flip_pairs is None
    batch = asked.train.__getitems__([(0, 0), (1, 3), (0, 2)])
    assert batch.image.shape == (3, 64, 64, 3)
    assert batch.image.dtype == torch.uint8
    assert bool((batch.image == batch.image[..., :1]).all())
    assert batch.target.shape == batch.weight.shape == (3, CONFIG.points, CONFIG.dim) == (3, 64, 8)
    assert batch.target.dtype == batch.weight.dtype == torch.float32
    np.testing.assert_array_equal(batch.id, asked.train.ids[[0, 3, 2]])


def test_subjects_are_held_out_whole(data: RetinaData) -> None:
    assert set(data.train.ids // 1000) == {3, 4}
    assert set(data.val.ids // 1000) == {1, 2}
    assert len(data.train) == len(set(data.train.ids)) == 8


def test_a_column_weighs_all_or_nothing_and_its_target_is_the_label(data: RetinaData) -> None:
    batch = data.val.__getitems__([(0, n) for n in range(len(data.val))])
    rows = torch.from_numpy(np.array(data.val.scans.rows[data.val.places])).transpose(1, 2)
    whole = rows.isfinite().all(-1) & (rows >= -0.5).all(-1) & (rows <= 63.5).all(-1)
    assert torch.equal(batch.weight, whole[..., None].expand_as(rows).float())
    assert 0 < int(whole.sum()) < whole.numel()
    torch.testing.assert_close((batch.target[whole] + 0.5) * 64, rows[whole])
    assert not batch.target[~whole].any()


def test_pairs_are_neighbouring_boundaries_of_one_column(place: DataPaths, data: RetinaData) -> None:
    assert (PAIRS.points, PAIRS.dim) == (256, 2)
    keys = [(0, 1)]
    pairs, columns = (one.val.__getitems__(keys) for one in (PAIRS.open(place, seed=0), data))
    live = columns.weight[0, :, 0] > 0
    torch.testing.assert_close(pairs.target.reshape(64, 8)[live], columns.target[0][live])
    # A pair needs two labels, a column eight.
    assert pairs.weight.sum() >= columns.weight.sum()


@given(st.sampled_from([2, 4, 8]), st.integers(0, 2**32 - 1))
def test_rows_to_points_and_back_are_the_same(dim: int, seed: int) -> None:
    rows = np.random.default_rng(seed).uniform(0, 63, (2, 8, 5)).astype(np.float32)
    points, weight = as_points(rows, height=64, dim=dim)
    assert points.shape == weight.shape == (2, 5 * 8 // dim, dim)
    assert weight.all()
    np.testing.assert_allclose(as_rows(points, 64, 5), rows, atol=1e-4)


def test_the_same_key_gives_the_same_bits_and_other_epochs_others(data: RetinaData) -> None:
    keys = [(e, n) for e in range(4) for n in range(8)]
    first, again = data.train.__getitems__(keys), data.train.__getitems__(keys[::-1])
    assert torch.equal(first.image, again.image.flip(0))
    assert torch.equal(first.target, again.target.flip(0))
    by_epoch = first.image.unflatten(0, (4, 8))
    assert not torch.equal(by_epoch[0], by_epoch[1])


def test_validation_never_augments(data: RetinaData) -> None:
    a, b = (data.val.__getitems__([(epoch, 0)]) for epoch in (0, 9))
    assert torch.equal(a.image, b.image)
    np.testing.assert_array_equal(a.image[0, ..., 0], data.val.scans.crop[data.val.places[0]])


@given(st.floats(0.7, 1.4), st.booleans(), st.floats(15, 50))
def test_augmentation_moves_a_line_in_the_picture_with_its_row(
    factor: float, mirrored: bool, row: float
) -> None:
    line = row + np.linspace(-3, 3, 16)
    crop = (255 * np.exp(-0.5 * ((np.arange(64)[:, None] - line) / 2) ** 2)).astype(np.uint8)
    augment = ScanAugment(flip=float(mirrored), scale=(factor, factor), scale_probability=1)
    got, rows = augmented(augment, np.array([0.5, 0.5, 0.5]), crop, line[None].astype(np.float32))
    inside = (rows[0] > 8) & (rows[0] < 56)
    centre = (got * np.arange(64.0)[:, None]).sum(0) / np.maximum(got.sum(0, dtype=float), 1)
    np.testing.assert_allclose(centre[inside], rows[0][inside], atol=0.15)


def test_scaling_leaves_bruchs_membrane_where_it_was() -> None:
    rows = np.full((1, 4), BRUCH_AT * 64, np.float32)
    augment = ScanAugment(scale=(1.3, 1.3), scale_probability=1, flip=0)
    _, got = augmented(augment, np.full(3, 0.5), np.zeros((64, 4), np.uint8), rows)
    np.testing.assert_allclose(got, rows, rtol=1e-6)


def test_no_augmentation_copies() -> None:
    crop, rows = np.eye(8, dtype=np.uint8), np.ones((8, 8), np.float32)
    assert augmented(STILL, np.zeros(3), crop, rows) == (crop, rows)


def test_perfect_predictions_have_no_error_and_others_theirs(data: RetinaData) -> None:
    assert data.metrics(predictions(data))["MAE px"] == pytest.approx(0, abs=1e-4)
    off = data.metrics(predictions(data, off_by=2.0))
    assert off["MAE px"] == pytest.approx(2, abs=1e-4)
    assert off["MAE px ILM"] == pytest.approx(2, abs=1e-4)
    assert off["MAE um He"] == pytest.approx(2 * 15.5, abs=1e-3)


def test_the_order_of_predictions_does_not_matter(data: RetinaData) -> None:
    made = predictions(data, off_by=1.0)
    made.mu[0] += 0.25
    shuffled = Predictions(made.id[::-1], made.mu[::-1], None, made.score)
    assert data.metrics(shuffled) == pytest.approx(data.metrics(made))


def test_every_label_counts_in_columns_that_training_masks_too(data: RetinaData) -> None:
    rows = data.val.scans.rows[data.val.places]
    labelled = np.isfinite(rows)
    expected = np.abs(rows[labelled] - 32).mean()
    made = predictions(data)
    made.mu[:] = 0
    assert data.metrics(made)["MAE px"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("ids", ["missing", "repeated", "unknown"])
def test_predictions_for_other_scans_are_refused(data: RetinaData, ids: str) -> None:
    made = predictions(data)
    wrong = {
        "missing": made.id[1:],
        "repeated": np.array([made.id[1], *made.id[1:]]),
        "unknown": np.array([9999, *made.id[1:]]),
    }[ids]
    with pytest.raises(PredictionsError):
        data.metrics(Predictions(wrong, made.mu[: len(wrong)], None, made.score))


def test_predictions_of_another_shape_are_refused(data: RetinaData) -> None:
    made = predictions(data)
    with pytest.raises(PredictionsError):
        data.metrics(Predictions(made.id, made.mu[:, 1:], None, made.score))


def test_a_split_travels_to_workers_as_a_path(data: RetinaData) -> None:
    sent = pickle.dumps(data.train)
    assert len(sent) < 2000
    keys = [(3, 1)]
    assert torch.equal(pickle.loads(sent).__getitems__(keys).image, data.train.__getitems__(keys).image)


def test_opening_before_preparing_says_so(tmp_path: Path) -> None:
    with refused("not-prepared"):
        CONFIG.open(DataPaths(tmp_path), seed=0)


def test_a_damaged_preparation_is_named(tmp_path: Path) -> None:
    place = DataPaths(tmp_path)
    CONFIG.prepare(place)
    (file,) = tmp_path.glob("packs/*/rows.npy")
    whole = file.read_bytes()
    for content in (b"\x93NUMPY", whole[:-4] + bytes(4), None):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        open_scans.cache_clear()
        with refused("damaged"):
            CONFIG.open(place, seed=0)


def test_a_folder_of_files_gives_what_the_generated_set_gave(place: DataPaths, data: RetinaData) -> None:
    (root,) = place.cache.glob("retinas-*")
    # The real set has 3.87 µm a row; only the flattening looks at it.
    bound = CONFIG.model_copy(update={"source": DmeFolder.bind(root)})
    there = DataPaths(place.cache, root)
    assert bound.prepare(there).train == 8
    np.testing.assert_array_equal(bound.open(there, seed=0).train.ids, data.train.ids)


def test_an_unbound_folder_is_refused(tmp_path: Path) -> None:
    with refused("not-bound"):
        RetinaBoundaries().prepare(DataPaths(tmp_path, tmp_path))


def test_files_that_changed_since_are_refused(place: DataPaths, tmp_path: Path) -> None:
    (root,) = place.cache.glob("retinas-*")
    bound = CONFIG.model_copy(update={"source": DmeFolder.bind(root)})
    for path in root.glob("*.mat"):
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"\0" * path.name.count("1"))
    with refused("files-changed"):
        bound.prepare(DataPaths(place.cache, tmp_path))


def test_a_folder_without_subjects_is_refused(tmp_path: Path) -> None:
    with refused("no-subjects"):
        DmeFolder.bind(tmp_path)


def test_scans_of_another_width_name_the_file_and_the_size(place: DataPaths) -> None:
    (root,) = place.cache.glob("retinas-*")
    config = RetinaBoundaries(source=DmeFolder.bind(root), train_subjects=(1,), test_subjects=(2,))
    with refused("other-scan-size"):
        config.prepare(DataPaths(place.cache, root))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"train_subjects": (1, 3)}, "value_error"),
        ({"train_subjects": ()}, "too_short"),
        ({"train_subjects": (3, 5)}, "value_error"),
        ({"size": (64, 32)}, "value_error"),
        ({"grader": 3}, "literal_error"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], code: str) -> None:
    with invalid(code):
        RetinaBoundaries.model_validate({**CONFIG.model_dump(), **fields})


@pytest.mark.parametrize("config", [CONFIG, PAIRS, RetinaBoundaries()])
def test_json_there_and_back(config: RetinaBoundaries) -> None:
    adapter = TypeAdapter(RetinaBoundaries)
    assert adapter.validate_json(config.model_dump_json()) == config


def test_the_fingerprint_tells_apart_what_is_prepared_and_nothing_else() -> None:
    others = [
        CONFIG.model_copy(update=change)
        for change in (
            {"grader": 2},
            {"test_subjects": (1,)},
            {"size": (80, 64)},
            {"source": RETINAS.model_copy(update={"seed": 6})},
            {"source": DmeFolder()},
        )
    ]
    assert len({CONFIG.fingerprint(), *(other.fingerprint() for other in others)}) == 6
    assert PAIRS.fingerprint() == CONFIG.fingerprint()
