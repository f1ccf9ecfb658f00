"""How many trials run at once, on any cluster: as many as can all have their workers."""

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.schedule.cluster import (
    ASKED,
    DRIVER_MEMORY,
    TRIAL_MEMORY,
    WORKER_CPU,
    ClusterError,
    Plan,
    ResourceRequest,
    fit_plan,
    whole_nodes,
)
from tests.support.errors import refused

GIB = 2**30
PLENTY = 512 * GIB


def node(cpus: float, gpus: float = 0, memory: float = PLENTY) -> dict[str, float]:
    return {"CPU": cpus, "memory": memory} | ({"GPU": gpus} if gpus else {})


def test_without_gpus_trials_train_in_their_own_actors_one_a_cpu() -> None:
    plan = fit_plan(ResourceRequest(), [node(2)])
    assert (plan.workers, plan.gpus_per_worker, plan.concurrent) == (0, 0, 2)
    assert plan.trial == {"cpu": 1, "gpu": 0, "memory": TRIAL_MEMORY}


def test_with_gpus_each_trial_gets_one_worker_on_one_gpu_and_its_driver_no_cpu_to_speak_of() -> None:
    plan = fit_plan(ResourceRequest(), [node(64, 8)])
    assert (plan.workers, plan.gpus_per_worker, plan.concurrent) == (1, 1, 8)
    assert plan.trial["cpu"] < 0.001


def test_concurrency_never_exceeds_what_whole_groups_of_workers_fit() -> None:
    assert fit_plan(ResourceRequest(workers=3), [node(8)]).concurrent == 2
    assert fit_plan(ResourceRequest(workers=2, concurrent=9), [node(8)]).concurrent == 4
    assert fit_plan(ResourceRequest(workers=1, concurrent=1), [node(8)]).concurrent == 1


@pytest.mark.parametrize(
    ("resources", "nodes", "concurrent"),
    [
        (
            ResourceRequest(workers=3, gpus_per_worker=2),
            [node(8, 5), node(8, 5)],
            1,
        ),  # 10 GPUs, but 2 + 2 pairs
        (ResourceRequest(workers=2), [node(1.5), node(1.5), node(1)], 1),  # 4 CPUs, but room for 3 workers
        (ResourceRequest(workers=1), [node(2, 8), node(64)], 2),  # 8 GPUs, but 2 CPUs beside them
        (ResourceRequest(workers=1, gpus_per_worker=0.6), [node(8, 4)], 4),  # no share spans two GPUs
        (ResourceRequest(), [node(8, memory=2 * GIB), node(1, memory=32 * GIB)], 2),  # memory where no CPU is
    ],
)
def test_what_is_left_over_on_several_nodes_does_not_add_up(
    resources: ResourceRequest, nodes: list[dict[str, float]], concurrent: int
) -> None:
    assert fit_plan(resources, nodes).concurrent == concurrent


def test_memory_limits_concurrency_but_never_forbids_a_single_trial() -> None:
    assert fit_plan(ResourceRequest(), [node(16, memory=6 * GIB)]).concurrent == 3
    assert fit_plan(ResourceRequest(workers=2), [node(16, memory=15 * GIB)]).concurrent == 2
    poor = fit_plan(ResourceRequest(), [node(2, memory=GIB)])
    assert (poor.concurrent, poor.trial) == (1, {"cpu": 1, "gpu": 0})


def test_what_can_not_fit_even_once_is_refused_with_the_numbers() -> None:
    with refused("too-small", ClusterError) as caught:
        fit_plan(ResourceRequest(workers=4), [node(1), node(1), node(0.5)])
    assert "4 × (1 CPU and 0 GPUs)" in str(caught.value)
    with refused("too-small", ClusterError) as caught:
        fit_plan(ResourceRequest(workers=3, gpus_per_worker=2), [node(4, 3), node(4, 3)])
    assert "2 × (4 CPUs and 3 GPUs)" in str(caught.value)
    with refused("share-of-gpus", ClusterError):
        fit_plan(ResourceRequest(workers=1, gpus_per_worker=1.5), [node(4, 3)])


def test_a_cluster_that_grows_is_asked_for_more_than_it_has_but_never_for_more_than_is_wanted() -> None:
    head = node(0)
    empty = fit_plan(ResourceRequest(workers=1, gpus_per_worker=1), [head], grows=True)
    assert (empty.concurrent, empty.waits, empty.memory) == (ASKED, True, 0)  # of no node that could be asked
    assert fit_plan(ResourceRequest(concurrent=3), [head], grows=True).concurrent == 3
    grown = fit_plan(ResourceRequest(), [head, *[node(8)] * 4], grows=True)
    assert (grown.concurrent, grown.waits, grown.memory) == (64, False, TRIAL_MEMORY)
    assert fit_plan(ResourceRequest(), [head, *[node(8)] * 4]).concurrent == 32


def test_what_the_first_nodes_decided_stays_when_others_come() -> None:
    first = fit_plan(ResourceRequest(concurrent=40), [node(4)])
    later = fit_plan(first.request, [node(4), node(64, 8)])
    assert (later.workers, later.gpus_per_worker, later.concurrent) == (0, 0, 40)


def test_a_timing_has_a_whole_node_where_trials_have_another() -> None:
    plan = fit_plan(ResourceRequest(), [node(8)])
    assert whole_nodes(plan, [node(0), node(8)]) is None
    assert whole_nodes(plan, [node(0), node(8), node(4), node(8)]) == ({"cpu": 8, "gpu": 0}, 2)
    with_gpus = fit_plan(ResourceRequest(), [node(16, 4), node(16, 4)])
    assert whole_nodes(with_gpus, [node(64), node(16, 4), node(8, 4)]) == ({"cpu": 16, "gpu": 4}, 1)


CLUSTERS = st.lists(
    st.builds(
        node,
        st.sampled_from([0, 0.5, 1, 1.5, 2, 3, 8, 64]),
        st.sampled_from([0, 0, 1, 2, 3, 8]),
        st.floats(0, 64 * GIB),
    ),
    min_size=1,
    max_size=5,
)
REQUESTS = st.builds(
    ResourceRequest,
    st.none() | st.integers(0, 6),
    st.none() | st.sampled_from([0, 0.25, 0.3, 0.5, 1, 2, 3]),
    st.none() | st.integers(1, 9),
)


def worker_fits(plan: Plan, left: dict[str, float], gpus: list[float]) -> bool:
    """Whether a node with so much left can take one more worker, which is then taken from it."""
    cpu, share = WORKER_CPU if plan.workers else 1.0, plan.gpus_per_worker
    whole = [index for index, free in enumerate(gpus) if free >= min(share, 1) - 1e-6]
    if left["CPU"] < cpu - 1e-9 or len(whole) < max(1, share) * (share > 0):
        return False
    left["CPU"] -= cpu
    for index in whole[: int(max(1, share)) if share else 0]:
        gpus[index] -= min(share, 1)
    return True


@given(REQUESTS, CLUSTERS, st.randoms(use_true_random=False))
def test_all_trials_of_a_plan_get_all_their_workers_wherever_drivers_and_workers_go(
    resources: ResourceRequest, nodes: list[dict[str, float]], chance: Mapping
) -> None:
    try:
        plan = fit_plan(resources, nodes)
    except ClusterError:
        assume(False)
        raise
    left = [dict(one) for one in nodes]
    gpus = [[1.0] * int(one.get("GPU", 0)) for one in nodes]
    if plan.workers:  # every driver sits on the worst node that can have it
        for _ in range(plan.concurrent):
            able = [o for o in left if o["CPU"] >= plan.trial["cpu"] and o["memory"] >= plan.memory]
            poorest = min(able, key=lambda one: one["CPU"])
            poorest["CPU"] -= plan.trial["cpu"]
            poorest["memory"] -= plan.memory
    for _ in range(plan.concurrent * max(plan.workers, 1)):
        order = chance.sample(range(len(nodes)), len(nodes))
        if not plan.workers:
            order = [index for index in order if left[index]["memory"] >= plan.memory]
        taken = next(index for index in order if worker_fits(plan, left[index], gpus[index]))
        if not plan.workers:
            left[taken]["memory"] -= plan.memory
    needed = plan.workers * TRIAL_MEMORY + DRIVER_MEMORY if plan.workers else TRIAL_MEMORY
    assert plan.concurrent == 1 or plan.concurrent * needed <= sum(one["memory"] for one in nodes)
