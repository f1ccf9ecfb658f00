"""How the jobs of a stage run: by which function, on what, and how many at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ray import tune

NAMES = {"cpu": "CPU", "gpu": "GPU"}
"""Of resources in a placement group."""


@dataclass(frozen=True)
class HowToRun:
    """The same for all jobs of a stage, but for those that are measured beside them.

    Args:
        trainable: Tune's function.
        resources: of each job.
        room: how many at once, just now.
        apart: the resources of jobs, by fingerprint, that are measured beside the others, one at a time.
    """

    trainable: Callable[..., None]
    resources: Mapping[str, float]
    room: Callable[[], int]
    apart: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def reserved(self) -> Callable[[Mapping[str, Any]], tune.PlacementGroupFactory]:
        """What Tune reserves for a trial, by its configuration. It travels to the trials, this does not."""
        usual, apart = self.resources, self.apart

        def bundles(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
            own = apart.get(config["job"], usual)
            return tune.PlacementGroupFactory([{NAMES.get(name, name): share for name, share in own.items()}])

        return bundles
