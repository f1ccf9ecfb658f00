"""The training loop: plain PyTorch, resumable bit for bit, the same alone, in a trial and across a cluster.

Shapes: B batch, P points, D coordinates, H W pixels.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.contract import Batch, Data, Key, Split
from datasets.io.errors import DataError
from models.errors import WeightsError
from models.import_weights import load_trunk
from models.interface import LossInputs
from models.losses import LossModule
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.training.checkpoint import CheckpointError, Checkpoints
from orchestrator.training.dataloader import load
from orchestrator.training.evaluation import evaluate
from orchestrator.training.monitor import Monitor
from orchestrator.training.optimizers import build_optimisers, rate, set_rate
from orchestrator.training.precision import in_bf16
from orchestrator.training.runtime import Runtime
from orchestrator.util.errors import UserError


class DivergedError(Exception):
    """A number that training can't recover from; the message is JSON with step, samples and quantities."""


@dataclass(frozen=True)
class Outcome:
    """What came of a training. `metrics` are those of the last epoch that was evaluated."""

    status: Literal["finished", "diverged"]
    metrics: dict[str, float]
    duration: float  # seconds of training and evaluation, interruptions left out
    note: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """The part of the state that is neither weights nor optimiser."""

    epoch: int = 0  # epochs done
    duration: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    # Each quantity that ran away: the last epoch in which it did, and its value there.
    warnings: dict[str, list[float]] = field(default_factory=dict)
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # epochs and their metrics

    def sentences(self) -> tuple[str, ...]:
        """The warnings, to be read."""
        return tuple(
            f"{name} = {value:.3g} in epoch {epoch}" for name, (epoch, value) in self.warnings.items()
        )


class TrainingModule(nn.Module):
    """Model and objective as one module whose forward is the loss, so that data parallelism averages
    the flow's gradients with all others."""

    def __init__(self, experiment: Experiment, *, pretrained: bool, bf16: bool = False) -> None:
        super().__init__()
        self.model = experiment.model.build(experiment.output_spec, pretrained)
        self.objective: LossModule = experiment.objective.build(experiment.data.dim)
        self.bf16 = bf16  # of the trunk
        self.seed = experiment.seed

    def forward(self, image: Tensor, target: Tensor, weight: Tensor, step: int) -> Any:
        """image uint8 (B, H, W, 3), target and weight (B, P, D) -> Loss(loss, parts)."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.bf16):
            mu, sigma, heatmap, _ = self.model(image)
        return self.objective(mu, sigma, target, weight, step=step, seed=self.seed, heatmap=heatmap)


@dataclass(frozen=True)
class Training:
    """Everything that stays in place while epochs go by."""

    experiment: Experiment
    data: Data
    runtime: Runtime
    trainee: TrainingModule
    wrapped: nn.Module  # the trainee as the runtime runs it
    optimisers: list[torch.optim.Optimizer]
    parameters: tuple[nn.Parameter, ...]  # of the trainee, looked up once
    steps: int  # an epoch


def fit(experiment: Experiment, data: Data, runtime: Runtime, checkpoints: Checkpoints) -> Outcome:
    """Train to the end from wherever the last checkpoint left it.

    Raises:
        DataError: fewer training samples than a batch.
        ValueError: the batch can't be shared equally by the workers.
        CheckpointError: what the experiment starts from has no checkpoint.
        UserError: pretrained weights can't be had, or do not fit the model.
    """
    steps = _steps_per_epoch(experiment.schedule, data.train, runtime.world_size)
    fingerprint = experiment.fingerprint()
    # One worker reads, so that none begins from another epoch than the others.
    state = runtime.agree(_saved(checkpoints, fingerprint) if runtime.rank == 0 else None)
    bf16 = runtime.agree(in_bf16(experiment.schedule, runtime.device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        trainee = _built(experiment, checkpoints, fresh=state is None, bf16=bf16)
        wrapped = runtime.prepare(trainee)
        optimisers = build_optimisers(experiment.schedule, trainee.model, trainee.objective)
        progress = _restore(state, trainee, optimisers) if state else Progress()
        if state:  # what was told last may have been lost with the one who listened
            runtime.recall(progress.history)
        parameters = tuple(trainee.parameters())
        training = Training(experiment, data, runtime, trainee, wrapped, optimisers, parameters, steps)
        try:
            while progress.epoch < experiment.schedule.epochs:
                progress, measured = _epoch(training, progress)
                if runtime.rank == 0:
                    checkpoints.save(fingerprint, _state(training, progress))
                runtime.report(progress.epoch, measured)
        except DivergedError as diverged:
            return _outcome("diverged", progress, str(diverged))
    return _outcome("finished", progress)


def _built(experiment: Experiment, checkpoints: Checkpoints, *, fresh: bool, bf16: bool) -> TrainingModule:
    """The model and objective; where training starts afresh, with the weights that it begins from."""
    start = experiment.start
    try:
        trainee = TrainingModule(experiment, pretrained=fresh and start is None, bf16=bf16)
        if fresh and start is not None:
            load_trunk(trainee.model, trained_state(start, checkpoints))
    except WeightsError as error:
        raise UserError(str(error), code=error.code) from error
    return trainee


def trained_state(experiment: Experiment, checkpoints: Checkpoints) -> dict[str, Tensor]:
    """The weights of a finished training: model and objective, named as in `Trainee`.

    Raises:
        CheckpointError: there are none, or of an unfinished training.
    """
    state = checkpoints.load(experiment.fingerprint())
    if state is None or json.loads(state["progress"])["epoch"] < experiment.schedule.epochs:
        raise CheckpointError(
            f"{checkpoints.path(experiment.fingerprint())}: no finished training lies there, though one is "
            "needed. Name the --storage that it was trained with, or train it again with --fresh."
        )
    weights: dict[str, Tensor] = state["trainee"]
    return weights


def _outcome(status: Literal["finished", "diverged"], progress: Progress, note: str = "") -> Outcome:
    return Outcome(status, progress.metrics, progress.duration, note, progress.sentences())


def _epoch(training: Training, before: Progress) -> tuple[Progress, dict[str, float]]:
    """One epoch; and what was measured in it, which is less than `Progress.metrics` without an evaluation."""
    began = time.perf_counter()
    schedule, runtime, trainee = training.experiment.schedule, training.runtime, training.trainee
    watch = Monitor()
    trainee.train()
    for index, batch in enumerate(_batches(training, before.epoch)):
        step = before.epoch * training.steps + index
        set_rate(training.optimisers, rate(schedule, step, training.steps))
        _step(training, batch, step, watch)
    epoch = before.epoch + 1
    metrics = watch.summary()
    if epoch % schedule.evaluate_every == 0 or epoch == schedule.epochs:
        runtime.align(trainee)
        metrics |= gradient_shares(trainee, batch.to(runtime.device))
        metrics |= evaluate(trainee.model, training.data, runtime, bf16=trainee.bf16)
        metrics["bf16"] = float(trainee.bf16)
    progress = Progress(
        epoch=epoch,
        duration=before.duration + time.perf_counter() - began,
        metrics={**before.metrics, **metrics},
        history=[*before.history, (epoch, metrics)],
        warnings=before.warnings | {name: [epoch, value] for name, value in watch.warnings().items()},
    )
    return progress, metrics


def _step(training: Training, batch: Batch, step: int, watch: Monitor) -> None:
    clip_norm = training.experiment.schedule.clip_norm
    here = batch.to(training.runtime.device)
    loss, parts = training.wrapped(here.image, here.target, here.weight, step)
    for optimiser in training.optimisers:
        optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.get_total_norm([p.grad for p in training.parameters if p.grad is not None])
    # The gradient is averaged over workers, so that all of them see the same norm and stop together.
    if not math.isfinite(float(norm)):
        raise DivergedError(_explain(step, batch.id, {"loss": loss.detach(), "gradient norm": norm, **parts}))
    if clip_norm is not None:
        nn.utils.clip_grads_with_norm_(training.parameters, clip_norm, norm)
    for optimiser in training.optimisers:
        optimiser.step()
    watch.add(loss.detach(), parts)


def gradient_shares(trainee: TrainingModule, batch: Batch) -> dict[str, float]:
    """How strongly Q and G each pull at mu on a batch; empty for objectives without either (Table 7)."""
    was_training = trainee.training
    trainee.eval()
    with torch.no_grad():
        output = trainee.model(batch.image)
    trainee.train(was_training)
    inputs = LossInputs(output.mu, output.sigma, batch.target, batch.weight)
    found = trainee.objective.gradient_shares(inputs)
    return {name: float(value) for name, value in found.items()}


def _explain(step: int, ids: Tensor, quantities: dict[str, Tensor]) -> str:
    found = {name: repr(float(value)) for name, value in quantities.items()}
    return json.dumps({"step": step, "samples": ids.tolist(), "quantities": found})


def _batches(training: Training, epoch: int) -> Iterator[Batch]:
    """This worker's share of every global batch of an epoch, in the order that (seed, epoch) gives."""
    runtime, split, steps = training.runtime, training.data.train, training.steps
    order = np.random.default_rng((training.experiment.seed, epoch)).permutation(len(split))
    batches = order[: steps * training.experiment.schedule.batch]
    shares = batches.reshape(steps, runtime.world_size, -1)[:, runtime.rank]
    keys: list[list[Key]] = [[(epoch, int(index)) for index in share] for share in shares]
    return load(split, keys, runtime)


def _steps_per_epoch(schedule: Schedule, split: Split, world_size: int) -> int:
    if schedule.batch % world_size:
        raise ValueError(
            f"schedule.batch = {schedule.batch} can't be shared equally by {world_size} workers: "
            "choose --workers that divides it"
        )
    if len(split) < schedule.batch:
        raise DataError(
            "the training set",
            f"{len(split)} samples are fewer than one batch of {schedule.batch}",
            remedy="Use more pictures or a smaller schedule.batch",
        )
    return len(split) // schedule.batch


def _state(training: Training, progress: Progress) -> dict[str, Any]:
    return {
        "experiment": training.experiment.model_dump_json(),  # a checkpoint alone says what it is
        "trainee": training.trainee.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in training.optimisers],
        "torch_rng": torch.get_rng_state(),
        "progress": json.dumps(asdict(progress)),
    }


def _saved(checkpoints: Checkpoints, fingerprint: str) -> dict[str, Any] | None:
    state = checkpoints.load(fingerprint)
    if state is not None and "optimisers" not in state:
        where = checkpoints.path(fingerprint)
        raise CheckpointError(f"{where}: training can't go on from an earlier version's. Use --fresh.")
    return state


def _restore(
    state: dict[str, Any], trainee: TrainingModule, optimisers: list[torch.optim.Optimizer]
) -> Progress:
    trainee.load_state_dict(state["trainee"])
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    torch.set_rng_state(state["torch_rng"])
    progress = json.loads(state["progress"])
    if "alarms" in progress:  # as checkpoints of older versions call them
        progress["warnings"] = progress.pop("alarms")
    return Progress(**progress)
