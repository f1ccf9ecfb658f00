"""Joining the cluster that the environment names, or starting one here."""

import logging
import os
from typing import Any

import ray

from orchestrator.schedule.address import check_address
from orchestrator.schedule.cluster import ClusterError
from orchestrator.schedule.private_folder import private_folder
from orchestrator.schedule.start_failures import why_not_started
from orchestrator.util.redact import redacted
from orchestrator.util.stop_signals import stop_as_ctrl_c


def connect() -> None:
    """Join the cluster that the environment names (a submitted job, RAY_ADDRESS), else start one here.

    Raises:
        ClusterError: it can't be joined, or Ray does not start.
    """
    _set_up()
    if ray.is_initialized():
        return
    # Without "local", Ray would join whatever cluster another sweep on this machine has started for itself,
    # and end with it.
    address = os.environ.get("RAY_ADDRESS") or "local"
    check_address(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **_options(address))
    except Exception as error:  # Ray raises whatever it meets, and bare exceptions of its own
        raise ClusterError(_unreachable(address, str(error).strip()), code="unreachable") from error
    stop_as_ctrl_c()


def _options(address: str) -> dict[str, Any]:
    """Of a cluster that is started here: its logs tell the environment, keys included, to all who may read
    them."""
    if address != "local":
        return {}
    folder = private_folder()
    return {"include_dashboard": False, **({"_temp_dir": str(folder)} if folder else {})}


def _set_up() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Train polls every 2 s by default, which would hold short epochs back.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    # As many as there is room for wait for nodes at once, so that an autoscaler adds them at once.
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "1000")
    # Tune's own result files are not written, and it would warn of each that it misses.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    # A trial that lost its process starts again, and if it fails for good its record says why: no traceback.
    # Tune's own state files, which a full disk may keep it from writing, are not needed.
    for module in ("tune_controller", "experiment_state"):
        logging.getLogger(f"ray.tune.execution.{module}").setLevel(logging.CRITICAL)


def _unreachable(address: str, reason: str) -> str:
    if address == "local":
        return f"Ray did not start on this machine: {reason}. {why_not_started(private_folder())}"
    return (
        f"the cluster at RAY_ADDRESS = {redacted(address)} can't be joined: {reason}. Check the address, and "
        "that RAY_AUTH_MODE and the token are those of the cluster"
    )
