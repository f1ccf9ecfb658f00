"""`ray up` accepts the manifest of a cluster by SSH, and what it names is there."""

import copy
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT


@pytest.fixture
def launcher() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "cluster" / "ray-up.yaml").read_text())
    return found


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    """As `ray up` completes and checks a file, before it touches a machine."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    ready: dict[str, Any] = prepare_config(copy.deepcopy(config))
    validate_config(ready)
    return ready


def test_ray_accepts_ray_up_yaml_and_keeps_every_machine_that_it_names(launcher: dict[str, Any]) -> None:
    assert prepared(launcher)["max_workers"] == len(launcher["provider"]["worker_ips"])


def test_ray_would_refuse_a_misspelt_field(launcher: dict[str, Any]) -> None:
    from jsonschema import ValidationError

    with pytest.raises(ValidationError) as caught:
        prepared(launcher | {"setup_comands": []})
    assert caught.value.validator == "additionalProperties"


def test_every_start_of_ray_checks_the_token_that_ray_up_brings(launcher: dict[str, Any]) -> None:
    commands = launcher["head_start_ray_commands"] + launcher["worker_start_ray_commands"]
    starts = [command for command in commands if "ray start" in command]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in command.partition("ray start")[0] for command in starts)
    assert launcher["file_mounts"]["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"
    assert launcher["auth"]["ssh_user"] == "ubuntu"


def test_files_that_ray_up_brings_from_the_checkout_are_in_it(launcher: dict[str, Any]) -> None:
    local = [path for path in launcher["file_mounts"].values() if not path.startswith(("~", "/"))]
    assert local
    assert all((ROOT / path).is_file() for path in local)
