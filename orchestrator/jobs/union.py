"""Whatever has a fingerprint and gives metrics when it is run."""

from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.probes.union import Probe

Job = Experiment | StepTiming | Probe


def needed(job: Job) -> tuple[Experiment, ...]:
    """The trainings that must have finished before this job can begin, the first first."""
    if isinstance(job, StepTiming):
        return ()
    before = job.start if isinstance(job, Experiment) else job.of
    return () if before is None else (*needed(before), before)
