"""The training loop: plain PyTorch, resumable bit for bit, the same in one process and across a cluster.

Shapes: B batch, P points, D coordinates, H W pixels.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

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
from orchestrator.training.checkpoint import Checkpoint, Checkpoints
from orchestrator.training.checkpoint_content import Progress
from orchestrator.training.dataloader import load
from orchestrator.training.evaluation import evaluate
from orchestrator.training.module import TrainingModule, check_finite
from orchestrator.training.monitor import Monitor
from orchestrator.training.optimizers import build_optimizers, rate, set_rate
from orchestrator.training.precision import in_bf16
from orchestrator.training.resume import resume
from orchestrator.training.runtime import Runtime, SingleProcess
from orchestrator.util.errors import SweepError, UserError

EVALUATED = "bf16"
"""A metric of epochs with an evaluation alone: whether it was in bf16."""


class DivergedError(Exception):
    """The loss or its gradient became non-finite; the message is JSON with step, samples and quantities."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended or was stopped. `metrics` are those of the last epoch that was evaluated."""

    status: Literal["finished", "diverged", "stopped"]
    metrics: dict[str, float]
    duration: float  # seconds of training and evaluation, interruptions left out
    note: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    """Everything that stays the same from epoch to epoch."""

    experiment: Experiment
    data: Data
    runtime: Runtime
    module: TrainingModule
    wrapped: nn.Module  # the module as the runtime runs it
    optimizers: list[torch.optim.Optimizer]
    parameters: tuple[nn.Parameter, ...]  # of the module, looked up once
    steps: int  # an epoch


def fit(
    experiment: Experiment,
    data: Data,
    runtime: Runtime,
    checkpoints: Checkpoints,
    until: int | None = None,
) -> Outcome:
    """Train to the end from wherever the last checkpoint left it.

    Args:
        until: the epoch after which to evaluate and stop; another call goes on from there. None for the end.

    Raises:
        DataError: fewer training samples than a batch.
        SweepError: the batch can't be shared equally by the workers.
        CheckpointError: training can't go on from the experiment's checkpoint, or what it starts from has
            none.
        UserError: pretrained weights can't be had, or do not fit the model.
    """
    steps = _steps_per_epoch(experiment.schedule, data.train, runtime.world_size)
    # One worker reads, so that none begins from another epoch than the others.
    checkpoint = runtime.agree(checkpoints.load(experiment) if runtime.rank == 0 else None)
    bf16 = in_bf16(experiment.schedule, runtime.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        module = _built(experiment, checkpoints, fresh=checkpoint is None, bf16=bf16)
        training = _prepared(experiment, data, runtime, module, steps)
        progress = Progress() if checkpoint is None else _resumed(training, checkpoint, checkpoints)
        notes = () if checkpoint is None else checkpoint.notes
        end = _end(experiment.schedule, progress, until)
        try:
            while progress.epoch < end:
                progress, measured = _epoch(training, progress, end)
                if runtime.rank == 0:
                    checkpoints.save(_checkpoint(training, progress))
                runtime.report(progress.epoch, measured)
        except DivergedError as diverged:
            return _outcome("diverged", progress, notes, str(diverged))
    return _outcome("finished" if end == experiment.schedule.epochs else "stopped", progress, notes)


def _resumed(training: Training, checkpoint: Checkpoint, checkpoints: Checkpoints) -> Progress:
    path = checkpoints.path(training.experiment.fingerprint())
    progress = resume(checkpoint, training.module, training.optimizers, path)
    # What was reported last may have been lost with the process that was to receive it.
    training.runtime.replay(progress.history)
    return progress


def _end(schedule: Schedule, progress: Progress, until: int | None) -> int:
    """The epoch at which to stop: one further where the training has been there, and was never evaluated."""
    if until is None:
        return schedule.epochs
    evaluated = any(EVALUATED in metrics for _, metrics in progress.history)
    least = progress.epoch if evaluated else progress.epoch + 1
    return min(max(until, least), schedule.epochs)


def train_again(
    experiment: Experiment,
    data: Data,
    device: torch.device,
    steps: int,
    watch: Callable[[LossModule, LossInputs], None],
) -> TrainingModule:
    """The first `steps` steps of a training once more, as `fit` takes them, in one process.

    Args:
        experiment: one that starts from no other.
        watch: called at each step, before the weights change, with the loss and what it is computed from.

    Raises:
        DataError: fewer training samples than a batch.
        DivergedError: it diverges within these steps.
        UserError: pretrained weights can't be had, or do not fit the model.
    """
    runtime, schedule = SingleProcess(device), experiment.schedule
    of_epoch = _steps_per_epoch(schedule, data.train, runtime.world_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        module = _built(experiment, None, fresh=True, bf16=in_bf16(schedule, device))
        training = _prepared(experiment, data, runtime, module, of_epoch)
        module.watch(watch)
        for epoch in range(min(schedule.epochs, math.ceil(steps / of_epoch))):
            _train_epoch(training, epoch, Monitor(), steps - epoch * of_epoch)
    return module


def _built(
    experiment: Experiment, checkpoints: Checkpoints | None, *, fresh: bool, bf16: bool
) -> TrainingModule:
    """The model and objective; where training starts afresh, with the weights that it begins from."""
    start = experiment.start
    try:
        module = TrainingModule(experiment, pretrained=fresh and start is None, bf16=bf16)
        if fresh and start is not None:
            assert checkpoints is not None
            begun = checkpoints.load_finished(start)
            check_finite(begun, checkpoints.path(start.fingerprint()))
            load_trunk(module.model, begun.weights)
    except WeightsError as error:
        raise UserError(str(error), code=error.code) from error
    return module


def _prepared(
    experiment: Experiment, data: Data, runtime: Runtime, module: TrainingModule, steps: int
) -> Training:
    """The module as the runtime runs it, with new optimizers."""
    wrapped = runtime.prepare(module)
    optimizers = build_optimizers(experiment.schedule, module.model, module.objective)
    return Training(experiment, data, runtime, module, wrapped, optimizers, tuple(module.parameters()), steps)


def _outcome(
    status: Literal["finished", "diverged", "stopped"],
    progress: Progress,
    notes: tuple[str, ...],
    note: str = "",
) -> Outcome:
    return Outcome(status, progress.metrics, progress.duration, note, (*progress.sentences(), *notes))


def _epoch(training: Training, before: Progress, end: int) -> tuple[Progress, dict[str, float]]:
    """One epoch; and what was measured in it, which is less than `Progress.metrics` without an evaluation."""
    began = time.perf_counter()
    schedule, runtime, module = training.experiment.schedule, training.runtime, training.module
    monitor = Monitor()
    batch = _train_epoch(training, before.epoch, monitor)
    epoch = before.epoch + 1
    metrics, spread = monitor.summary(), before.spread
    if epoch % schedule.evaluate_every == 0 or epoch == end:
        runtime.align(module)
        metrics |= gradient_shares(module, batch.to(runtime.device))
        measured, spread = evaluate(module.model, training.data, runtime, bf16=module.bf16)
        metrics |= measured
        metrics[EVALUATED] = float(module.bf16)
    progress = Progress(
        epoch=epoch,
        duration=before.duration + time.perf_counter() - began,
        metrics={**before.metrics, **metrics},
        history=[*before.history, (epoch, metrics)],
        spread=spread,
        warnings=before.warnings | {name: [epoch, value] for name, value in monitor.warnings().items()},
    )
    return progress, metrics


def _train_epoch(training: Training, epoch: int, monitor: Monitor, most: int | None = None) -> Batch:
    """The steps of an epoch, numbered from 0, or only the first `most`; the last batch."""
    training.module.train()
    for index, batch in enumerate(islice(_batches(training, epoch), most)):
        step = epoch * training.steps + index
        set_rate(training.optimizers, rate(training.experiment.schedule, step, training.steps))
        _step(training, batch, step, monitor)
    return batch


def _step(training: Training, batch: Batch, step: int, monitor: Monitor) -> None:
    clip_norm = training.experiment.schedule.clip_norm
    here = batch.to(training.runtime.device)
    loss, parts = training.wrapped(here.image, here.target, here.weight, step)
    for optimizer in training.optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.get_total_norm([p.grad for p in training.parameters if p.grad is not None])
    # The gradient is averaged over workers, so that all of them see the same norm and stop together.
    if not math.isfinite(float(norm)):
        raise DivergedError(_explain(step, batch.id, {"loss": loss.detach(), "gradient norm": norm, **parts}))
    if clip_norm is not None:
        nn.utils.clip_grads_with_norm_(training.parameters, clip_norm, norm)
    for optimizer in training.optimizers:
        optimizer.step()
    monitor.add(loss.detach(), parts)


def gradient_shares(module: TrainingModule, batch: Batch) -> dict[str, float]:
    """Mean norms of the gradients at mu from Q and from G on a batch (Table 7); empty without either."""
    if not module.objective.has_densities:
        return {}
    was_training = module.training
    module.eval()
    with torch.no_grad():
        output = module.model(batch.image)
    module.train(was_training)
    inputs = LossInputs(output.mu, output.sigma, batch.target, batch.weight, context=output.context)
    norms = module.objective.gradient_shares(inputs)
    return {name: float(value) for name, value in norms.items()}


def _explain(step: int, ids: Tensor, quantities: dict[str, Tensor]) -> str:
    values = {name: repr(float(value)) for name, value in quantities.items()}
    return json.dumps({"step": step, "samples": ids.tolist(), "quantities": values})


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
        raise SweepError(
            f"schedule.batch = {schedule.batch} can't be shared equally by {world_size} workers: "
            "choose --workers that divides it",
            code="indivisible-batch",
        )
    if len(split) < schedule.batch:
        raise DataError(
            "the training set",
            f"{len(split)} samples are fewer than one batch of {schedule.batch}",
            remedy="Add samples to train on, or name a smaller --batch",
            code="few-samples",
        )
    return len(split) // schedule.batch


def _checkpoint(training: Training, progress: Progress) -> Checkpoint:
    return Checkpoint(
        experiment=training.experiment,
        weights=training.module.state_dict(),
        progress=progress,
        optimizers=tuple(optimizer.state_dict() for optimizer in training.optimizers),
        rng=torch.get_rng_state(),
    )
