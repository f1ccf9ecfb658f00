import json
import pickle

import pytest
from pydantic import ValidationError

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.retina.config import RetinaBoundaries
from datasets.synthetic.people.people import People
from models.backbones import SmallTrunk
from models.boundary_unet import BoundaryNet
from models.objectives import DLE, L1, L2, RLE, HeatmapMSE
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment, seeded
from orchestrator.config.fingerprint import essence
from orchestrator.config.vary import vary
from orchestrator.probes.step_time import StepTiming
from tests.support.errors import invalid


def test_json_both_ways_gives_the_same_experiment(experiment: Experiment) -> None:
    again = Experiment.model_validate_json(experiment.model_dump_json())
    assert again == experiment
    assert again.fingerprint() == experiment.fingerprint()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schedule", "epochs"), 0),
        (("schedule", "lr"), 1.0),
        (("objective", "kind"), "rlee"),
        (("objective", "flow", "layers"), 1),
        (("model", "trunk", "kind"), "vgg"),
        (("seed",), -1),
        (("seed",), 2**32),
        (("schedule", "epochs"), 10**30),
        (("schedule", "batch"), 1e30),
        (("schedule", "recipe_batch"), 0),
        (("schedule", "warmup_steps"), 10**20),
        (("schedule", "clip_norm"), 1e308),
        (("schedule", "optimiser", "lr"), 1e308),
        (("schedule", "optimiser", "betas"), [-0.1, 0.9]),
        (("schedule", "optimiser", "betas"), [0.9, 1.0]),
        (("schedule", "optimiser", "flow_rate"), 1e30),
        (("schedule", "optimiser", "weight_decay"), 1e300),
        (("schedule", "decay", "factor"), 1e300),
        (("schedule", "decay", "milestones"), [10**30]),
        (("schedule", "matrices"), {"lr": 1e308}),
        (("schedule", "matrices"), {"iterations": 10**9}),
        (("objective", "flow", "width"), 10**9),
        (("objective", "samples"), 10**12),
        (("model", "trunk", "channels"), [10**9] * 4),
        (("model", "trunk", "strides"), [2, 2, 2, 10**9]),
        (("model", "sigma_bias"), 1e300),
        (("data", "padding"), 1e300),
        (("data", "augment", "scale"), [1e-300, 1e300]),
        (("data", "augment", "shift"), 1e300),
        (("data", "size"), [10**9, 64]),
    ],
)
def test_a_wrong_field_is_an_error_that_names_it(
    experiment: Experiment, path: tuple[str, ...], value: object
) -> None:
    fields = json.loads(experiment.model_dump_json())
    inner = fields
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(ValidationError) as caught:
        Experiment.model_validate(fields)
    assert {error["loc"][0] for error in caught.value.errors()} == {path[0]}


def test_a_crop_that_does_not_fit_the_trunk_is_refused(experiment: Experiment) -> None:
    with invalid("crop-stride"):
        vary(experiment, data=vary(experiment.data, size=(40, 32)))


def test_vary_refuses_a_field_that_does_not_exist(experiment: Experiment) -> None:
    with invalid("extra_forbidden"):
        vary(experiment, epochs=3)


def test_fingerprint_changes_with_what_changes_the_result(experiment: Experiment) -> None:
    different = [
        vary(experiment, seed=1),
        vary(experiment, objective=L1()),
        vary(experiment, objective=L2()),
        vary(experiment, objective=DLE(flow=RealNVP(width=8))),
        vary(experiment, objective=RLE(flow=RealNVP(width=8), s="grid")),
        vary(experiment, schedule=vary(experiment.schedule, epochs=5)),
        vary(experiment, data=vary(experiment.data, source=People(train=25, val=10))),
        vary(experiment, data=CocoKeypoints(source=CocoFolder(digest="0" * 16), size=(32, 32))),
    ]
    prints = {e.fingerprint() for e in [experiment, *different]}
    assert len(prints) == len(different) + 1


def test_fingerprint_ignores_how_often_one_looks(experiment: Experiment) -> None:
    seldom = vary(experiment, schedule=vary(experiment.schedule, evaluate_every=4))
    assert seldom.fingerprint() == experiment.fingerprint()


def test_essence_keeps_the_kind_and_leaves_defaults_out() -> None:
    assert essence(L1()) == {"kind": "l1"}
    assert essence(RLE(flow=RealNVP(width=32))) == {"kind": "rle", "flow": {"width": 32}}


def test_equal_values_written_differently_have_one_fingerprint(experiment: Experiment) -> None:
    spelled = vary(experiment, objective=RLE(flow=RealNVP(couplings=6, layers=3, width=8), density="laplace"))
    assert spelled.fingerprint() == experiment.fingerprint()


def test_step_costs_differ_by_what_is_timed(timing: StepTiming) -> None:
    larger = vary(timing, schedule=vary(timing.schedule, batch=64))
    assert timing.fingerprint() != larger.fingerprint()
    assert StepTiming.model_validate_json(timing.model_dump_json()) == timing


def test_what_it_starts_from_is_part_of_the_fingerprint_and_shares_the_seed(experiment: Experiment) -> None:
    started = vary(experiment, start=vary(experiment, objective=L1()))
    other = vary(experiment, start=vary(experiment, objective=DLE()))
    assert len({e.fingerprint() for e in (experiment, started, other)}) == 3
    assert seeded(started, 3) == vary(experiment, seed=3, start=vary(experiment, objective=L1(), seed=3))
    assert Experiment.model_validate_json(started.model_dump_json()) == started


def test_a_start_with_another_trunk_is_refused(experiment: Experiment) -> None:
    wider = vary(experiment.model, trunk=SmallTrunk(channels=(4, 16), strides=(4, 4)))
    with invalid("other-trunk"):
        vary(experiment, start=vary(experiment, model=wider))


def test_a_fingerprint_is_computed_once_and_is_no_part_of_the_value(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = Experiment.model_validate_json(experiment.model_dump_json())
    before = experiment.fingerprint()
    monkeypatch.setattr("orchestrator.config.fingerprint.digest", lambda fields: "computed again")
    assert experiment.fingerprint() == before
    assert experiment == untouched
    assert hash(experiment) == hash(untouched)
    assert experiment.model_dump_json() == untouched.model_dump_json()
    assert pickle.loads(pickle.dumps(experiment)).fingerprint() == "computed again"


def test_a_changed_copy_has_a_fingerprint_of_its_own(experiment: Experiment) -> None:
    copied = experiment.model_copy(update={"seed": experiment.seed + 1})
    assert experiment.fingerprint() != copied.fingerprint() == vary(experiment, seed=1).fingerprint()


def test_an_objective_that_does_not_suit_the_coordinates_is_refused(experiment: Experiment) -> None:
    retina = Experiment(
        data=RetinaBoundaries(), model=BoundaryNet(), objective=L1(), schedule=experiment.schedule
    )
    with invalid("heatmap-dim"):
        vary(retina, objective=HeatmapMSE())
    with invalid("grid-too-large"):
        vary(retina, objective=RLE(s="grid"))


def test_a_recipes_batch_that_is_the_batch_itself_is_refused(experiment: Experiment) -> None:
    with invalid("recipe-batch"):
        vary(experiment, schedule=vary(experiment.schedule, recipe_batch=experiment.schedule.batch))
