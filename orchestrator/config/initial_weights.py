"""Initial weights that the user named, in place of the recipe's."""

from collections.abc import Iterable

from models.backbones import ResNet
from models.errors import ModelError
from models.pretrained import WeightsFile
from models.timm_trunk import Timm
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.util.errors import SweepError


def begun_with(experiment: Experiment, weights: WeightsFile | None) -> Experiment:
    """The experiment, and what it starts from, with the weights of this file in the trunk before training;
    unchanged for None.

    Raises:
        SweepError: its trunk has no pretrained weights in place of which they could be.
    """
    if weights is None:
        return experiment
    trunk = getattr(experiment.model, "trunk", None)
    if not isinstance(trunk, ResNet | Timm):
        raise SweepError(
            f"--weights: {experiment.describe()} has a network of its own, for which there are no weights; "
            "--scale photos and --scale paper have trunks that others have trained",
            code="no-pretrained-trunk",
        )
    start = None if experiment.start is None else begun_with(experiment.start, weights)
    return vary(experiment, model=vary(experiment.model, trunk=vary(trunk, weights=weights)), start=start)


def check_weights(experiments: Iterable[Experiment]) -> None:
    """Load, once each, the initial weights that lie on this machine, before anything is trained.

    Raises:
        SweepError: a file is missing, has changed or is of another architecture, or a package is missing.
    """
    trunks = (getattr(experiment.model, "trunk", None) for experiment in experiments)
    for trunk in dict.fromkeys(trunk for trunk in trunks if isinstance(trunk, ResNet | Timm)):
        if isinstance(trunk.weights, WeightsFile) or trunk.weights == "package":
            try:
                trunk.build()
            except ModelError as error:
                raise SweepError(str(error), code=error.code) from error
