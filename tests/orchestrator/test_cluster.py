import pytest

from orchestrator.schedule.cluster import ClusterError, Wishes, fit_plan

GIB = 2**30


def test_without_gpus_trials_train_in_their_own_actors_one_a_cpu() -> None:
    plan = fit_plan(Wishes(), {"CPU": 2, "memory": 64 * GIB})
    assert (plan.workers, plan.gpus_per_worker, plan.concurrent) == (0, 0, 2)
    assert plan.trial == {"cpu": 1, "gpu": 0}


def test_with_gpus_each_trial_gets_one_worker_on_one_gpu_and_its_driver_no_cpu_to_speak_of() -> None:
    plan = fit_plan(Wishes(), {"CPU": 64, "GPU": 8, "memory": 512 * GIB})
    assert (plan.workers, plan.gpus_per_worker, plan.concurrent) == (1, 1, 8)
    assert plan.trial["cpu"] < 0.1


def test_concurrency_never_exceeds_what_whole_groups_of_workers_fit() -> None:
    assert fit_plan(Wishes(workers=3), {"CPU": 8, "memory": 512 * GIB}).concurrent == 2
    assert fit_plan(Wishes(workers=2, concurrent=9), {"CPU": 8, "memory": 512 * GIB}).concurrent == 4
    assert fit_plan(Wishes(workers=1, concurrent=1), {"CPU": 8, "memory": 512 * GIB}).concurrent == 1


def test_memory_limits_concurrency() -> None:
    assert fit_plan(Wishes(), {"CPU": 16, "memory": 6 * GIB}).concurrent == 3


def test_what_can_not_fit_even_once_is_refused_with_the_numbers() -> None:
    with pytest.raises(ClusterError, match=r"needs 4 CPUs and 0 GPUs.*has 2.*--workers"):
        fit_plan(Wishes(workers=4), {"CPU": 2})
    with pytest.raises(ClusterError, match="2 GPUs at once"):
        fit_plan(Wishes(workers=2, gpus_per_worker=1), {"CPU": 8, "GPU": 1})
