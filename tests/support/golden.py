"""Golden numbers: short trainings of every kind, and every default that a fingerprint leaves out.

`python -m tests.support.golden` writes them again, but changed ones only after SCHEMA was raised.
"""

import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from datasets.contract import Data, DataPaths, Predictions
from datasets.crops.crop import Augment
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from models.backbones import ResNet
from models.heatmap_nets import TwoBranch
from models.objectives import (
    DLE,
    L1,
    L2,
    RLE,
    BetaLaplace,
    CorrelatedGaussian,
    HeatmapMSE,
    LearnedScale,
    Objective,
    UltralyticsRLE,
    WeightedSum,
)
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.schedule import Adam, Cosine, Schedule, Steps
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import open_data
from orchestrator.probes.step_time import StepTiming
from orchestrator.probes.union import AnyProbe
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit
from orchestrator.util.mathematics import SCHEMA
from sweeps.baselines import coco, human36m, integral, mpii, retina, simplepose
from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "golden"
LOSSES, METRICS, DEFAULTS = (FOLDER / f"{name}.json" for name in ("losses", "metrics", "defaults"))

ROUNDING = 3e-3
"""By how much a loss of the last epoch may differ between processors, relative to it."""

RAISE = (
    "If the mathematics was meant to change, raise SCHEMA in orchestrator/util/mathematics.py and then write "
    "the numbers again with `python -m tests.support.golden`"
)


def trainings() -> dict[str, Experiment]:
    """A training of each kind, of two epochs of two steps, in float32."""
    base = _short(coco("smoke"), source=People(train=32, val=8), size=(64, 48))
    regressor = base.model
    assert isinstance(regressor, Regressor)
    objectives: dict[str, Objective] = {
        "l1": L1(),
        "l2": L2(),
        "laplace": LearnedScale(),
        "gaussian": LearnedScale(density="gaussian"),
        "dle": DLE(),
        "rle": RLE(),
        "rle, gaussian": RLE(density="gaussian"),
        "rle, official": RLE(convention="official"),
        "rle, mmpose": RLE(convention="mmpose"),
        "rle, s by grid": RLE(s="grid"),
        "rle, s by samples": RLE(s="samples"),
        "rle, s by shifted grid": RLE(s="grid", nodes=30, shifted=True),
        "rle, constant s": RLE(s="grid", s_gradient=False),
        "rle, conditioned": RLE(flow=RealNVP(context=4)),
        "rle, ultralytics": UltralyticsRLE(),
        "laplace, beta": BetaLaplace(),
        "gaussian, correlated": CorrelatedGaussian(),
    }
    found = {name: vary(base, objective=objective) for name, objective in objectives.items()}
    heatmaps = simplepose(base)
    both = WeightedSum(terms=((1, RLE()), (0.5, HeatmapMSE(sigma=1.0))))
    paper = Schedule(
        epochs=2, batch=16, optimiser=Adam(weight_decay=0.01), decay=Steps(milestones=(1,)), clip_norm=0.5
    )
    return found | {
        "heatmap": heatmaps,
        "integral": integral(base),
        "two branches": vary(base, model=TwoBranch(regressor=regressor, width=32), objective=both),
        "start": vary(base, start=heatmaps),
        "augmented": vary(base, data=vary(base.data, augment=Augment())),
        "resnet, paper's schedule": vary(
            base,
            data=vary(base.data, size=(64, 64)),
            model=Regressor(trunk=ResNet(depth=18, weights=None)),
            schedule=paper,
        ),
        "cosine": vary(base, schedule=vary(base.schedule, decay=Cosine())),
        "mpii": _short(mpii("smoke"), source=MpiiPeople(scenes=People(train=32, val=8))),
        "human36m": _short(human36m("smoke"), source=Human36MPeople(train=4, val=2)),
        "retina": _short(retina("smoke")),
    }


def _short(experiment: Experiment, **data: Any) -> Experiment:
    warmup = min(experiment.schedule.warmup_steps, 1)
    short = vary(
        experiment,
        data=vary(experiment.data, **data),
        schedule=vary(experiment.schedule, epochs=2, warmup_steps=warmup),
    )
    return settled(short, "float32", lambda: "float32")


def losses(experiment: Experiment, folder: Path) -> list[float]:
    """The mean loss of each epoch; what it starts from is trained first."""
    paths, checkpoints = DataPaths(folder / "data"), Checkpoints(str(folder))
    experiment.data.prepare(paths)
    data = open_data(experiment.data, paths, experiment.seed)
    for before in experiment.needs:
        fit(before, data, SingleProcess(), checkpoints)
    runtime = SingleProcess()
    fit(experiment, data, runtime, checkpoints)
    return [metrics["loss"] for _, metrics in runtime.reports]


def measured(experiment: Experiment, folder: Path) -> dict[str, float]:
    """The metrics of predictions that are the truth and some noise."""
    paths = DataPaths(folder / "data")
    experiment.data.prepare(paths)
    data = open_data(experiment.data, paths, experiment.seed)
    return {name: value for name, value in data.metrics(_noisy(data)).items() if math.isfinite(value)}


def _noisy(data: Data) -> Predictions:
    truth = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    rng = np.random.default_rng(0)
    target = np.nan_to_num(truth.target.numpy())
    sigma = rng.uniform(0.005, 0.03, target.shape)
    return Predictions(
        id=truth.id.numpy(),
        mu=(target + sigma * rng.laplace(size=target.shape)).astype(np.float32),
        sigma=sigma.astype(np.float32),
        score=(1 - sigma.mean(-1)).astype(np.float32),
    )


def data_sets() -> dict[str, Experiment]:
    """One training on each data set."""
    known = trainings()
    return {name: known[name] for name in ("rle", "mpii", "human36m", "retina")}


def defaults() -> dict[str, dict[str, Any]]:
    """By class, of all that an experiment, a probe or a timing may hold, the default of each field."""
    found: dict[type[BaseModel], None] = {}
    for annotation in (Experiment, StepTiming, AnyProbe):
        _collect(annotation, found)
    assert len({kind.__name__ for kind in found}) == len(found), "two classes of one name"
    return {kind.__name__: _defaults(kind) for kind in sorted(found, key=lambda kind: kind.__name__)}


def kinds(annotation: Any) -> set[str]:
    """The names of the classes in a union."""
    return {part.__name__ for part in _classes(annotation)}


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _classes(part)


def _collect(annotation: Any, found: dict[type[BaseModel], None]) -> None:
    for kind in _classes(annotation):
        if kind not in found:
            found[kind] = None
            for field in kind.model_fields.values():
                _collect(field.annotation, found)


def _defaults(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: _plain(field) for name, field in kind.model_fields.items() if not _neutral(field)}


def _plain(field: FieldInfo) -> Any:
    if field.is_required():
        return "(required)"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return {"class": type(default).__name__, **default.model_dump(mode="json")}
    return json.loads(json.dumps(default, default=str))


def _neutral(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("neutral"))


def read(file: Path) -> dict[str, Any]:
    """What was written, with the number of the mathematics under which it was."""
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def write(file: Path, values: Mapping[str, Any], same: Callable[[Any, Any], bool]) -> None:
    """Write values; raises SystemExit where one of before has changed under the same number."""
    before = read(file) if file.exists() else {"schema": SCHEMA, "values": {}}
    changed = [name for name, value in before["values"].items() if not same(value, values.get(name))]
    if changed and before["schema"] == SCHEMA:
        sys.exit(f"{file.name}: {', '.join(changed)} changed. {RAISE}.")
    file.write_text(json.dumps({"schema": SCHEMA, "values": values}, indent=1, sort_keys=True) + "\n")


def close(before: Any, now: Any) -> bool:
    """Whether numbers are what they were but for another processor's rounding."""
    if isinstance(before, dict):
        return isinstance(now, dict) and all(close(value, now.get(name)) for name, value in before.items())
    if isinstance(before, list):
        return isinstance(now, list) and all(map(close, before, now))
    return now is not None and math.isclose(before, now, rel_tol=ROUNDING)


def extends(before: dict[str, Any], now: dict[str, Any] | None) -> bool:
    """Whether a class has every default that it had; fields may be new, also of values that are defaults."""
    if now is None:
        return False
    return all(
        extends(value, now[name])
        if isinstance(value, dict) and isinstance(now.get(name), dict)
        else name in now and now[name] == value
        for name, value in before.items()
    )


def main() -> None:
    """Write all golden numbers."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(LOSSES, {name: losses(e, folder) for name, e in trainings().items()}, close)
        write(METRICS, {name: measured(e, folder) for name, e in data_sets().items()}, close)
    write(DEFAULTS, defaults(), extends)


if __name__ == "__main__":
    main()
