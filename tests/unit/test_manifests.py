"""The cluster's manifests: Ray accepts one, the other has KubeRay's fields, and both name what there is."""

import argparse
import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from orchestrator.cli.options import add_options, options
from orchestrator.run.settings import RunSettings
from orchestrator.schedule.cluster import ResourceRequest, fit_plan
from tests.support.kuberay import PodSpec, RayJob, VolumeClaim, quantity
from tests.support.paths import ROOT

CLUSTER = ROOT / "docs" / "cluster"
RAY_PIN = re.search(r'"ray\[.*\]==(.*)"', (ROOT / "pyproject.toml").read_text())
SHARE = Decimal("0.5")  # of a container's memory that Ray surely offers, beside its object store


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    claim, job = yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text())
    return claim, job


@pytest.fixture
def claim() -> VolumeClaim:
    return VolumeClaim.model_validate(documents()[0])


@pytest.fixture
def job() -> RayJob:
    return RayJob.model_validate(documents()[1])


def pods(job: RayJob) -> list[PodSpec]:
    cluster = job.spec.rayClusterSpec
    return [group.template.spec for group in (cluster.headGroupSpec, *cluster.workerGroupSpecs)]


def dockerfile(instruction: str) -> list[str]:
    lines = (CLUSTER / "Dockerfile").read_text().splitlines()
    return [line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{instruction} ")]


def entrypoint(job: RayJob, folder: Path) -> tuple[Path, RunSettings]:
    """The sweep's file in this checkout, and its options. The data folder, which must exist, is `folder`."""
    program, file, *arguments = shlex.split(job.spec.entrypoint)
    assert program == "python"
    arguments[arguments.index("--data-root") + 1] = str(folder)
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_options(parser)
    return ROOT / Path(file).relative_to(dockerfile("WORKDIR")[0]), options(parser.parse_args(arguments))


def test_rayjob_yaml_has_no_field_but_those_of_kuberay_and_kubernetes_in_their_types() -> None:
    claim, job = documents()
    VolumeClaim.model_validate(claim)
    RayJob.model_validate(job)


@pytest.mark.parametrize(
    ("field", "value"),
    [("entryPoint", "python x.py"), ("backoffLimit", "3"), ("ttlSecondsAfterFinished", -1)],
)
def test_a_misspelt_field_or_a_value_of_another_type_would_be_noticed(field: str, value: object) -> None:
    job = documents()[1]
    job["spec"][field] = value
    with pytest.raises(ValidationError) as caught:
        RayJob.model_validate(job)
    assert [error["loc"][-1] for error in caught.value.errors()] == [field]


def test_every_mount_names_a_volume_of_its_pod_and_every_volume_the_claim(
    job: RayJob, claim: VolumeClaim
) -> None:
    for pod in pods(job):
        volumes = {volume.name for volume in pod.volumes}
        assert {mount.name for container in pod.containers for mount in container.volumeMounts} == volumes
        assert {v.persistentVolumeClaim.claimName for v in pod.volumes} == {claim.metadata.name}


def test_requests_of_cpu_gpu_and_memory_equal_their_limits_so_that_ray_sees_what_a_pod_has(
    job: RayJob,
) -> None:
    for container in (c for pod in pods(job) for c in pod.containers):
        assert {"cpu", "memory"} <= container.resources.requests.keys()
        assert container.resources.requests == container.resources.limits


def test_the_entrypoint_is_a_sweep_of_this_checkout_with_options_that_it_has(
    job: RayJob, tmp_path: Path
) -> None:
    file, asked = entrypoint(job, tmp_path)
    assert file.parent == ROOT / "sweeps"
    assert file.is_file()
    assert asked.scale == "paper"


def test_all_that_a_job_reads_and_writes_lies_on_the_volume_that_every_pod_mounts(
    job: RayJob, tmp_path: Path
) -> None:
    mounts = [{m.mountPath for c in pod.containers for m in c.volumeMounts} for pod in pods(job)]
    (shared,) = set.intersection(*mounts)
    _, asked = entrypoint(job, tmp_path)
    named = shlex.split(job.spec.entrypoint)
    places = (asked.results, Path(asked.storage), Path(named[named.index("--data-root") + 1]))
    assert all(place.is_relative_to(shared) for place in places)


def test_every_worker_pod_holds_a_trial_with_the_gpus_that_the_entrypoint_asks_for(
    job: RayJob, tmp_path: Path
) -> None:
    _, asked = entrypoint(job, tmp_path)
    for group in job.spec.rayClusterSpec.workerGroupSpecs:
        (container,) = group.template.spec.containers
        have = {key: quantity(text) for key, text in container.resources.limits.items()}
        assert have["nvidia.com/gpu"] % Decimal(str(asked.gpus_per_worker)) == 0
        node = {"CPU": float(have["cpu"]), "GPU": float(have["nvidia.com/gpu"])}
        nodes = [node | {"memory": float(have["memory"] * SHARE)}] * group.minReplicas
        plan = fit_plan(ResourceRequest(asked.workers, asked.gpus_per_worker, asked.concurrent), nodes)
        assert plan.concurrent == group.minReplicas == group.maxReplicas


def test_pods_ask_for_the_token_and_run_the_ray_that_the_project_pins(job: RayJob) -> None:
    cluster = job.spec.rayClusterSpec
    assert cluster.authOptions.mode == "token"
    assert RAY_PIN is not None
    assert cluster.rayVersion == RAY_PIN[1]


def test_all_pods_run_the_one_image_that_the_dockerfile_says_how_to_build(job: RayJob) -> None:
    images = {container.image for pod in pods(job) for container in pod.containers}
    (image,) = images
    assert f"-t {image} ." in (CLUSTER / "Dockerfile").read_text()
    sources = [source for line in dockerfile("COPY") for source in line.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_workers_tolerate_the_taint_of_gpu_nodes_and_no_start_walks_over_the_whole_volume(
    job: RayJob,
) -> None:
    for pod in pods(job):
        assert pod.securityContext is not None
        assert pod.securityContext.fsGroupChangePolicy == "OnRootMismatch"
        gpus = any("nvidia.com/gpu" in container.resources.limits for container in pod.containers)
        assert [one.key for one in pod.tolerations] == (["nvidia.com/gpu"] if gpus else [])


def test_no_credential_stands_in_a_manifest(job: RayJob) -> None:
    secret = re.compile("TOKEN|PASSWORD|USERNAME|KEY")
    variables = [v for pod in pods(job) for c in pod.containers for v in c.env if secret.search(v.name)]
    assert variables
    assert all(variable.value is None for variable in variables)
