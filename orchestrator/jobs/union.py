"""Whatever has a fingerprint and gives metrics when it is run."""

from orchestrator.config.experiment import Experiment, StepCost
from orchestrator.probes.union import Probe

Job = Experiment | StepCost | Probe


def needed(job: Job) -> tuple[Experiment, ...]:
    """The trainings that must have finished before this job can begin, the first first."""
    if isinstance(job, StepCost):
        return ()
    before = job.start if isinstance(job, Experiment) else job.of
    return () if before is None else (*needed(before), before)
