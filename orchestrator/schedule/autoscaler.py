"""Whether the cluster grows: whether an autoscaler, KubeRay's or that of `ray up`, adds nodes that are asked
for. Trials that wait for their resources are what it looks at."""

import json
import time
from typing import Any

from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray.autoscaler.v2.utils import is_autoscaler_v2
from ray.experimental.internal_kv import _internal_kv_get

FIRST_REPORT = 20.0
"""Seconds after the start of a head in which its autoscaler tells of itself."""
PAUSE = 0.5

_READ_ONLY = "node_"
"""Ray's monitor of a cluster that nobody scales calls each node a type of its own, by its id."""


def grows(*, wait: bool = False) -> bool:
    """Whether the connected cluster does.

    Args:
        wait: for the first report, where there has been none yet.
    """
    if is_autoscaler_v2(fetch_from_server=True):
        return True
    end = time.monotonic() + FIRST_REPORT
    while (report := _report()) is None and wait and time.monotonic() < end:
        time.sleep(PAUSE)
    return report is not None and any(not name.startswith(_READ_ONLY) for name in report["active_nodes"])


def _report() -> dict[str, Any] | None:
    """What the autoscaler, or the monitor in its place, said last; None as long as it has not."""
    text = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)
    report: dict[str, Any] | None = json.loads(text).get("autoscaler_report") if text else None
    return report
