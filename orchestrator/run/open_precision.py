"""The precision of recipes that leave it to the machine, learnt before anything has a fingerprint."""

from dataclasses import dataclass
from functools import cached_property

from rich.console import Console

from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.run.settings import RunSettings
from orchestrator.util.mathematics import Precision


@dataclass(frozen=True)
class OpenPrecision:
    """Settles experiments in the precision that the user chose, or else the machines multiply."""

    settings: RunSettings
    console: Console

    def settled(self, experiment: Experiment) -> Experiment:
        """The experiment in a precision that its fingerprint names.

        Raises:
            ClusterError: the cluster that would have to be asked can't be.
        """
        return settled(experiment, self.settings.precision, lambda: self._native)

    @cached_property
    def _native(self) -> Precision:
        """Asked once, and only where a recipe leaves it open."""
        from orchestrator.schedule.native_precision import native

        found = native(self.settings.resources)
        self.console.print(
            f"backbones in {found.precision} ({found.reason}); --precision chooses, for equal experiments on "
            "every machine",
            soft_wrap=True,
        )
        return found.precision
