"""A Ray cluster on this machine that starts nodes when it is asked for them, as a cloud would: what Ray's own
`AutoscalingCluster` is, which lacks a file in its wheels and ends every other cluster of the machine."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID, FAKE_HEAD_NODE_TYPE

from tests.support import faults
from tests.support.faults import Cluster, Running

RAYLET = "raylet"
LISTS = (
    "initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands",
    "head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files",
)  # fmt: skip
"""What a configuration must have, and fake nodes have no use for."""


def _config(cluster: Cluster, cpus: int, most: int, idle_minutes: float) -> dict[str, Any]:
    worker = {"CPU": cpus, "object_store_memory": 80 * 2**20}
    nodes: dict[str, Any] = {
        FAKE_HEAD_NODE_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "worker": {"resources": worker, "node_config": {}, "min_workers": 0, "max_workers": most},
    }
    provider = {
        "type": "fake_multinode",
        "gcs_address": f"127.0.0.1:{cluster.port}",
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
    }
    return {
        "cluster_name": "growing",
        "max_workers": most,
        "provider": provider,
        "available_node_types": nodes,
        "head_node_type": FAKE_HEAD_NODE_TYPE,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": idle_minutes,
        **{name: {} for name in ("auth", "docker", "file_mounts")},
        **{name: [] for name in LISTS},
    }


@contextmanager
def growing_cluster(
    cpus: int, most: int, idle_minutes: float = 0.1, *, v2: bool = False
) -> Iterator[tuple[Cluster, Running]]:
    """A head without CPUs, and up to `most` nodes with so many CPUs each.

    Args:
        idle_minutes: after which a node that nothing needs goes away.
        v2: whether Ray's newer autoscaler does it.
    """
    made = faults.new_cluster()
    config = made.folder / "autoscaling.json"
    text = _config(made, cpus, most, idle_minutes)
    if v2:
        text["provider"] |= {"launch_multiple": True, "head_node_id": FAKE_HEAD_NODE_ID}
    config.write_text(json.dumps(text))
    env = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        **({"RAY_enable_autoscaler_v2": "1", "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID} if v2 else {}),
    }
    heads: list[Running] = []
    try:
        heads.append(faults.up(lambda: made.head(0, "--autoscaling-config", str(config), **env)))
        yield made, heads[0]
    finally:
        for head in heads:
            head.kill()
        shutil.rmtree(made.folder, ignore_errors=True)


def nodes(head: Running) -> int:
    """How many are up beside the head."""
    return len(head.descendants(RAYLET)) - 1
