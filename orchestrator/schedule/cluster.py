"""The cluster: join or start it, see what it has, and plan how many trials fit at once."""

import logging
import os
from dataclasses import dataclass

import ray

TRIAL_MEMORY = 2 * 2**30
"""What a trial inside its own actor takes, in bytes."""
WORKERS_MEMORY = 3 * 2**30
"""What a trial with Ray Train workers takes beyond that for its helpers."""
DRIVER_CPU = 0.01
"""A trial that only starts workers must not hold a CPU that its workers need."""
WORKER_CPU = 0.99
"""A Train worker leaves room for its driver, so that N workers and a driver fit on N CPUs."""


@dataclass(frozen=True)
class Wishes:
    """What the user asked for; None leaves it to the cluster."""

    workers: int | None = None  # Ray Train workers a trial; 0 trains inside the trial's own actor
    gpus_per_worker: float | None = None
    concurrent: int | None = None


@dataclass(frozen=True)
class Plan:
    """How trials run on this cluster."""

    workers: int
    gpus_per_worker: float
    concurrent: int

    @property
    def trial(self) -> dict[str, float]:
        """What Tune reserves for a trial."""
        if self.workers:
            return {"cpu": DRIVER_CPU}
        return {"cpu": 1, "gpu": self.gpus_per_worker}

    @property
    def measurement(self) -> dict[str, float]:
        """What a measurement in its own process takes: one worker's share."""
        return {"cpu": 1, "gpu": self.gpus_per_worker}


class ClusterError(Exception):
    """The cluster can't run what was asked for; the message says what it has and what to change."""


def connect() -> None:
    """Join the cluster that the environment names (a submitted job, RAY_ADDRESS), else start one here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Train polls every 2 s by default, which would hold short epochs back.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    if ray.is_initialized():
        return
    # Tune's own result files are not written, and it would warn of each that it misses.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    # Without "local", Ray would join whatever cluster another sweep on this machine has started for itself,
    # and end with it.
    address = os.environ.get("RAY_ADDRESS") or "local"
    alone = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level="error", **alone)


def plan(wishes: Wishes) -> Plan:
    """Fit the wishes to the connected cluster.

    Raises:
        ClusterError: not even one trial fits.
    """
    return fit_plan(wishes, ray.cluster_resources())


def fit_plan(wishes: Wishes, resources: dict[str, float]) -> Plan:
    """The plan for a cluster with these total resources (CPU, GPU, memory in bytes).

    With GPUs the default is one Train worker a trial on one GPU each; without, no Train workers.

    Raises:
        ClusterError: not even one trial fits.
    """
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    workers = wishes.workers if wishes.workers is not None else int(gpus > 0)
    per_worker = wishes.gpus_per_worker if wishes.gpus_per_worker is not None else float(gpus > 0)
    share = max(workers, 1)
    room = [cpus / share]
    if per_worker:
        room.append(gpus / (share * per_worker))
    if int(min(room)) < 1:
        raise ClusterError(
            f"a trial needs {share} CPUs and {share * per_worker:g} GPUs at once, the cluster has {cpus:g} "
            f"and {gpus:g}: lower --workers or --gpus-per-worker, or add nodes"
        )
    memory = resources.get("memory", float("inf")) / (TRIAL_MEMORY + (WORKERS_MEMORY if workers else 0))
    fits = max(1, int(min(*room, memory)))
    return Plan(workers, per_worker, min(wishes.concurrent or fits, fits))
