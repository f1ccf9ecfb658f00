from pathlib import Path
from typing import Any

import pytest

from datasets.coco.config import CocoFolder
from datasets.human36m.config import Human36MFolder
from datasets.keypoints import KEYPOINTS
from datasets.mpii.config import MpiiFolder
from datasets.retina.config import DmeFolder
from datasets.synthetic.people.people import People
from orchestrator.config.experiment import Experiment
from orchestrator.config.small_sets import LARGEST_BATCH, batches_to_come
from orchestrator.config.vary import vary
from orchestrator.data.binding import Binding
from orchestrator.sweep.plan import PlanSettings, plan_table
from sweeps import residual_term
from sweeps.baselines import coco, human36m, mpii, retina, simplepose
from tests.support.errors import refused

ROOT = Path("/some/where")


@pytest.fixture
def binding(monkeypatch: pytest.MonkeyPatch) -> Binding:
    """Of a folder that holds every set, without files."""
    return of(monkeypatch, CocoFolder(digest="0" * 16, train_samples=100))


def of(monkeypatch: pytest.MonkeyPatch, own: CocoFolder) -> Binding:
    mpii, human36m = MpiiFolder(digest="1" * 16, format="mat"), Human36MFolder(digest="2" * 16)
    for folder in (own, mpii, human36m, DmeFolder(digest="3" * 16)):
        monkeypatch.setattr(type(folder), "describe", lambda root, folder=folder: (folder, None))
    return Binding(ROOT)


def generated(experiment: Experiment, pictures: int) -> Experiment:
    return vary(experiment, data=vary(experiment.data, source=People(train=pictures)))


def test_without_a_folder_everything_stays_as_it_is(experiment: Experiment) -> None:
    assert Binding().bound(experiment) is experiment


def test_a_small_set_is_gone_through_until_as_many_samples_are_seen(
    binding: Binding, experiment: Experiment
) -> None:
    bound = binding.bound(generated(experiment, 1200))
    assert bound.data.source == CocoFolder(digest="0" * 16, train_samples=100)
    assert bound.schedule.epochs == 12 * experiment.schedule.epochs
    assert bound.schedule.evaluate_every == 12 * experiment.schedule.evaluate_every


def test_a_large_set_keeps_the_epochs(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    large = of(monkeypatch, CocoFolder(digest="0" * 16, train_samples=5000))
    assert large.bound(generated(experiment, 1200)).schedule == experiment.schedule


@pytest.mark.parametrize(
    ("samples", "batch"), [(1, 1), (2, 2), (24, 16), (57, 32), (63, 32), (64, 64), (255, 64)]
)
def test_batches_are_no_larger_than_the_training_set(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, samples: int, batch: int
) -> None:
    small = of(monkeypatch, CocoFolder(digest="0" * 16, train_samples=samples))
    recipe = vary(experiment, schedule=vary(experiment.schedule, batch=64))
    bound = small.bound(vary(recipe, start=recipe))
    for one in (bound, bound.start):
        assert one.schedule.batch == batch
        assert one.schedule.recipe_batch == (64 if batch < 64 else None)
    said = [f"coco: batches of {batch} instead of 64, as there are {samples} samples to train on"]
    assert list(bound.assumed) == (said if batch < 64 else [])


def test_the_fingerprint_tells_the_batch_that_is_used_and_not_the_recipes(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = of(monkeypatch, CocoFolder(digest="0" * 16, train_samples=40))
    prints = [
        small.bound(vary(experiment, schedule=vary(experiment.schedule, batch=batch))).fingerprint()
        for batch in (16, 32, 64)
    ]
    assert prints[0] != prints[1] == prints[2]
    assert "recipe_batch" not in experiment.model_dump_json()


def test_no_recipe_has_a_larger_batch_than_prepare_speaks_of() -> None:
    scales = ("smoke", "demo", "paper")
    batches = [base(scale).schedule.batch for base in (coco, mpii, human36m, retina) for scale in scales]
    assert max(batches) == LARGEST_BATCH
    assert "32" in batches_to_come(57)[0]
    assert batches_to_come(LARGEST_BATCH) == batches_to_come(None) == ()


def test_an_experiment_made_for_real_data_keeps_its_schedule(
    binding: Binding, experiment: Experiment
) -> None:
    real = vary(experiment, data=vary(experiment.data, source=CocoFolder()))
    assert binding.bound(real).schedule == experiment.schedule


def test_how_many_samples_there_are_is_no_part_of_the_fingerprint(experiment: Experiment) -> None:
    prints = {
        vary(
            experiment, data=vary(experiment.data, source=CocoFolder(digest="0" * 16, train_samples=n))
        ).fingerprint()
        for n in (None, 10)
    }
    assert len(prints) == 1


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_every_data_set_is_bound_to_its_own_files(binding: Binding, scale: str) -> None:
    digests = [binding.bound(base(scale)).data.source.digest for base in (coco, mpii, human36m, retina)]
    assert digests == ["0" * 16, "1" * 16, "2" * 16, "3" * 16]


def test_what_is_mixed_in_and_what_an_experiment_starts_from_are_bound_too(binding: Binding) -> None:
    mixed = binding.bound(human36m("paper")).data
    assert mixed.mix.source.digest == "1" * 16
    base = mpii("demo")
    started = binding.bound(vary(base, start=simplepose(base)))
    assert started.start.data == started.data


def test_real_scans_are_cropped_and_split_as_the_benchmark_has_them(binding: Binding) -> None:
    bound = binding.bound(retina("smoke")).data
    assert bound.size == (224, 768)
    assert bound.test_subjects == (1, 2, 3, 4, 5)


def test_each_set_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    own = MpiiFolder(digest="1" * 16)
    monkeypatch.setattr(MpiiFolder, "describe", lambda root: seen.append(root) or (own, "what was read"))
    binding = Binding(ROOT)
    for scale in ("demo", "paper"):
        binding.bound(mpii(scale))
    assert len(seen) == 1
    assert binding.contents == {own: "what was read"}
    assert not Binding().contents


def test_the_table_says_what_it_was_measured_on_and_where_the_split_is_not_the_papers(
    binding: Binding,
) -> None:
    assert Binding().words(mpii("demo").data) == "generated people in MPII's format"
    assert Binding().words(mpii("paper").data) == "MPII"
    own = binding.words(binding.bound(coco("demo")).data)
    assert own == "where (100 people for training, COCO has 149,813)"
    assert "not the paper's split" in binding.words(binding.bound(mpii("demo")).data)


def test_a_set_of_ones_own_is_called_by_its_folder_and_says_how_it_differs(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = KEYPOINTS[:14]
    own = CocoFolder(digest="0" * 16, train_samples=100, keypoints=names, skeleton=(), title="festival")
    bound = of(monkeypatch, own).bound(experiment)
    assert bound.describe().endswith("on festival, seed 0")
    assert bound.data.measured_on == "festival"
    assert not bound.data.published
    assert bound.data.caveat.startswith("14 keypoints, not COCO's 17; FLOPs grow")
    same = vary(bound, data=vary(bound.data, source=vary(own, title="moved")))
    assert same.fingerprint() == bound.fingerprint()


@pytest.mark.parametrize(("people", "published"), [(149_813, True), (6_391, False)])
def test_a_set_with_cocos_keypoints_is_coco_if_it_is_as_large(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, people: int, published: bool
) -> None:
    own = CocoFolder(digest="0" * 16, train_samples=people, title="pictures")
    data = of(monkeypatch, own).bound(experiment).data
    assert data.published == published
    assert data.caveat == ("" if published else f"{people} people for training, COCO has 149,813")


def test_a_title_names_the_data_that_were_used() -> None:
    table = residual_term.SWEEP.tables[0]
    for source, title, benchmark in (
        (CocoFolder(digest="0" * 16, title="festival", train_samples=9), "festival", False),
        (CocoFolder(), "COCO keypoints", True),
        (People(), "generated people in COCO's format", False),
    ):

        def bind(experiment: Experiment, source: CocoFolder | People = source) -> Experiment:
            return vary(experiment, data=vary(experiment.data, source=source))

        settings = PlanSettings("smoke", "smoke", (0,), Binding().words, "", bind=bind)
        declared = plan_table(table, settings).declaration
        assert declared.title == f"Effectiveness of RLE, on {title}"
        assert declared.benchmark == benchmark


def test_constants_of_the_users_file_are_used_and_a_wrong_name_is_refused(tree: Any, tmp_path: Path) -> None:
    file = tmp_path / "sigmas.json"
    file.write_text('{"nose": 0.5}')
    bound = Binding(tree.root, sigmas=file).bound(coco("smoke"))
    assert bound.data.source.oks_sigmas[0] == 0.5
    file.write_text('{"beak": 0.5}')
    with refused("unknown-sigma") as caught:
        Binding(tree.root, sigmas=file).bound(coco("smoke"))
    assert "--sigmas" in caught.value.remedy


def test_an_experiment_that_was_bound_before_is_not_run_on_other_files(
    binding: Binding, experiment: Experiment
) -> None:
    bound = binding.bound(experiment)
    assert binding.bound(bound).data == bound.data
    other = vary(bound, data=vary(bound.data, source=CocoFolder(digest="9" * 16)))
    with refused("files-changed"):
        binding.bound(other)
