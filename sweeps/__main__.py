"""`python -m sweeps`, the same as `rle-lab`: every sweep of this package, and what can be done with it."""

from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli import main as command_line
from sweeps import all_sweeps

if TYPE_CHECKING:
    from orchestrator.config.experiment import Experiment


def main() -> NoReturn:
    """The command line."""
    command_line.main(all_sweeps, demo)


def demo() -> "Experiment":
    """What `bench` times."""
    from sweeps.baselines import coco

    return coco("demo")


if __name__ == "__main__":
    main()
