"""Which precision the machines multiply on which trials will run."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from orchestrator.schedule import cluster
from orchestrator.schedule.cluster import ClusterError, ResourceRequest
from orchestrator.training.precision import has_bf16
from orchestrator.util.mathematics import Precision

PATIENCE = 120.0
"""Seconds that a node may take to answer."""


@dataclass(frozen=True)
class Native:
    """A precision, and whom it was learnt from, in words."""

    precision: Precision
    reason: str


def native(request: ResourceRequest) -> Native:
    """bf16 where every node that trials may run on multiplies it, else float32.

    The nodes of the cluster that the environment names are asked, never this machine in their place; without
    one, trials run on this machine, and Ray is not started for the question.

    Raises:
        ClusterError: the cluster can't be joined, is too small, has no node yet, or one does not answer.
    """
    if not os.environ.get("RAY_ADDRESS") and not _is_connected():
        return judged([_ability(request.gpus_per_worker != 0)])
    import ray

    from orchestrator.schedule.connection import connect

    connect()
    per_worker = cluster.plan(request).gpus_per_worker
    nodes = [n for n in ray.nodes() if n["Alive"] and cluster.room(n["Resources"], per_worker)]
    if not nodes:
        raise ClusterError(
            "no node is up yet that could say whether it multiplies bf16: choose with --precision float32 or "
            "--precision bf16",
            code="no-node",
        )
    return judged(_ask([node["NodeID"] for node in nodes], gpu=per_worker > 0))


def judged(answers: Sequence[tuple[str, bool]]) -> Native:
    """What all have in common, from each node's processor and whether it multiplies bf16."""
    unable = Counter(processor for processor, able in answers if not able)
    if not unable:
        names = ", ".join(dict.fromkeys(processor for processor, _ in answers))
        return Native("bf16", f"multiplied by {names}")
    return Native("float32", f"no instructions for bf16 on {', '.join(unable)}")


def _is_connected() -> bool:
    """Nothing is where Ray, which takes long to import, has not been imported."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _ability(gpu: bool) -> tuple[str, bool]:
    """The processors that a trial on this node would get, and whether each multiplies bf16."""
    if gpu and torch.cuda.is_available():
        devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
        names = dict.fromkeys(torch.cuda.get_device_name(device) for device in devices)
        return ", ".join(names), all(has_bf16(device) for device in devices)
    return "the CPU", has_bf16(torch.device("cpu"))


def _ability_with_gpus(gpu: bool) -> tuple[str, bool]:
    # The task reserves no GPU, as all may be busy, and Ray hides them from it.
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    return _ability(gpu)


def _ask(nodes: Sequence[str], *, gpu: bool) -> list[tuple[str, bool]]:
    """Each node's answer, from a process of its own there that reserves nothing."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0, max_calls=1)(_ability_with_gpus)
    asked = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(gpu)
        for node in nodes
    ]
    try:
        return list(ray.get(asked, timeout=PATIENCE))
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"not every node says whether it multiplies bf16 ({type(error).__name__}): try again, or choose "
            "with --precision float32 or --precision bf16",
            code="no-answer",
        ) from error
