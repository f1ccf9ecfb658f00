"""`python -m sweeps`, the same as `rle-lab`: the command line over every sweep of this package."""

from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli import main as command_line
from sweeps import all_sweeps, listed

if TYPE_CHECKING:
    from orchestrator.config.experiment import Experiment


def main() -> NoReturn:
    """The command line."""
    command_line.main(listed, all_sweeps, demo)


def demo() -> "Experiment":
    """The experiment that `bench` times."""
    from sweeps.baselines import coco

    return coco("demo")


if __name__ == "__main__":
    main()
