"""The cluster: what it has, and how many trials fit on it at once."""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.util.errors import UserError

TRIAL_MEMORY = 2 * 2**30
"""What a process that trains takes, in bytes."""
DRIVER_MEMORY = 3 * 2**30
"""What a trial with Ray Train workers takes beyond them, for its driver and helpers, which share a node."""
WORKER_CPU = 0.99
"""A Train worker leaves room for drivers, so that N workers fit on N CPUs wherever their drivers sit."""
DRIVER_CPU = 0.0001
"""A trial that only starts workers must not hold a CPU that its workers need; Ray counts no finer."""
MOST_DRIVERS = round((1 - WORKER_CPU) / DRIVER_CPU)
"""As many drivers fit beside one worker on one CPU, should they all come together there."""

ASKED = 16
"""Trials that ask a cluster which grows for nodes where it has none yet; where it has some, as many more as
run, so that it may double at each step."""
LOOK = 2.0
"""Seconds from one look at the nodes to the next."""

Node = Mapping[str, float]
"""The resources of a node by Ray's names: CPU, GPU, memory (bytes)."""


@dataclass(frozen=True)
class ResourceRequest:
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
    memory: float = 0.0  # bytes that a trial's own process reserves; 0 where no node has as much
    request: ResourceRequest = ResourceRequest()  # with what it left open settled
    grows: bool = False  # whether nodes come that are asked for
    waits: bool = False  # whether no node has room for a trial yet

    @property
    def trial(self) -> dict[str, float]:
        """What Tune reserves for a trial.

        Workers come on top, in one placement group that Ray grants as a whole or not at all. They reserve no
        memory: what a trial holds before its workers start must never be what other workers wait for.
        """
        process = {"cpu": DRIVER_CPU} if self.workers else self._share
        return process | ({"memory": self.memory} if self.memory else {})

    @property
    def measurement(self) -> dict[str, float]:
        """What a measurement in its own process takes: one worker's share."""
        return self._share

    @property
    def _share(self) -> dict[str, float]:
        return {"cpu": 1, "gpu": self.gpus_per_worker}


class ClusterError(UserError):
    """The cluster can't run what was asked for; the message says what it has and what to change."""


def plan(request: ResourceRequest) -> Plan:
    """Fit the request to the connected cluster, as it is just now.

    Raises:
        ClusterError: not even one trial fits, and no autoscaler adds nodes.
    """
    from orchestrator.schedule.autoscaler import grows

    try:
        return fit_plan(request, nodes(), grows=grows())
    except ClusterError:
        return fit_plan(request, nodes(), grows=grows(wait=True))


def nodes() -> list[Node]:
    """The resources of the nodes that are up."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def fit_plan(request: ResourceRequest, nodes: Sequence[Node], *, grows: bool = False) -> Plan:
    """The plan for a cluster of these nodes: as many trials at once as can all have their workers.

    Resources are counted by node, since no worker can have its CPU on one and its GPU on another. With GPUs
    the default is one Train worker a trial on one GPU each; without, no Train workers.

    Args:
        grows: whether nodes come that trials wait for: more than fit are to wait, and none is refused.

    Raises:
        ClusterError: not even one trial fits.
    """
    gpus = any(node.get("GPU", 0.0) for node in nodes)
    workers = request.workers if request.workers is not None else int(gpus)
    per_worker = request.gpus_per_worker if request.gpus_per_worker is not None else float(gpus)
    if per_worker > 1 and per_worker % 1:
        raise ClusterError(
            f"--gpus-per-worker {per_worker:g}: more than one must be a whole number of GPUs",
            code="share-of-gpus",
        )
    total = sum(room(node, per_worker) for node in nodes)
    if total < max(workers, 1) and not grows:
        raise ClusterError(_refusal(max(workers, 1), per_worker, total, nodes), code="too-small")
    if workers:
        memory, fits = DRIVER_MEMORY, min(total // workers, MOST_DRIVERS, _with_memory(nodes, workers))
    else:
        memory, fits = TRIAL_MEMORY, sum(min(room(n, per_worker), _times(n, TRIAL_MEMORY)) for n in nodes)
    concurrent = max(2 * fits, ASKED) if grows else max(1, fits)  # where memory is short one trial may try
    concurrent = min(request.concurrent or concurrent, concurrent)
    settled = ResourceRequest(workers, per_worker, request.concurrent)
    waits = total < max(workers, 1)
    return Plan(workers, per_worker, concurrent, memory if fits else 0.0, settled, grows, waits)


class Room:
    """How many trials may run, or wait for nodes, just now: nodes come and go while a sweep runs.

    Args:
        plan: by which they run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._found = plan, plan.concurrent
        self._looked = time.monotonic()

    def __call__(self) -> int:
        """As the nodes were at the last look; where all are gone, as before."""
        if time.monotonic() - self._looked > LOOK:
            with suppress(Exception):  # the head does not answer; whoever watches it ends the sweep
                self._found = fit_plan(self._plan.request, nodes(), grows=self._plan.grows).concurrent
            self._looked = time.monotonic()
        return self._found


def waiting(plan: Plan) -> str:
    """What trials wait for, where no node has room for one."""
    return (
        f"no node has room for a trial yet, which needs {max(plan.workers, 1)} × (1 CPU and "
        f"{plan.gpus_per_worker:g} GPUs): waiting for the cluster's autoscaler. `ray status` shows what "
        "it does; GPUs are asked for with --gpus-per-worker"
    )


def whole_nodes(plan: Plan, nodes: Sequence[Node]) -> tuple[dict[str, float], int] | None:
    """What a measurement takes that has one of the largest nodes to itself, and how many such nodes are up;
    None where trials have no other node beside it."""
    able = [node for node in nodes if room(node, plan.gpus_per_worker)]
    if len(able) < 2:
        return None
    sizes = [(node["CPU"], node.get("GPU", 0.0)) for node in able]
    cpus, gpus = max(sizes)
    return {"cpu": cpus, "gpu": gpus}, sizes.count((cpus, gpus))


def room(node: Node, gpus_per_worker: float) -> int:
    """How many workers a node has room for. A share of a GPU is one of a single GPU."""
    cpus, gpus = math.floor(node.get("CPU", 0.0)), node.get("GPU", 0.0)
    if not gpus_per_worker:
        return cpus
    if gpus_per_worker < 1:
        return min(cpus, math.floor(gpus) * math.floor(1 / gpus_per_worker + 1e-9))
    return min(cpus, math.floor(gpus / gpus_per_worker))


def _with_memory(nodes: Sequence[Node], workers: int) -> int:
    """How many trials with Train workers there is memory for: each driver on one node, workers anywhere."""
    drivers = sum(_times(node, DRIVER_MEMORY) for node in nodes if node.get("CPU", 0.0) >= 1)
    memory = sum(node.get("memory", 0.0) for node in nodes)
    return min(drivers, int(memory // (DRIVER_MEMORY + workers * TRIAL_MEMORY)))


def _times(node: Node, memory: float) -> int:
    """How many processes that reserve so much memory a node can hold."""
    return int(node.get("memory", 0.0) // memory)


def _refusal(workers: int, gpus_per_worker: float, room: int, nodes: Sequence[Node]) -> str:
    kinds = Counter(f"{node.get('CPU', 0.0):g} CPUs and {node.get('GPU', 0.0):g} GPUs" for node in nodes)
    has = ", ".join(f"{count} × ({kind})" for kind, count in kinds.items())
    return (
        f"a trial needs {workers} × (1 CPU and {gpus_per_worker:g} GPUs) at once; the cluster's nodes, "
        f"{has}, have room for {room}: lower --workers or --gpus-per-worker, or add nodes"
    )
