"""`rle-lab completion`: a script that completes commands, options and names of sweeps in a shell."""

import argparse
import shlex
from collections.abc import Callable, Sequence

SHELLS = ("bash", "zsh", "tcsh")

BASH = """
_rle_lab_sweeps() {{ compgen -W {names} -- "$1"; compgen -f -- "$1"; }}
"""
ZSH = """
_rle_lab_sweeps() {{ local names=({words}); compadd -a names; _files; }}
"""


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    whole: argparse.ArgumentParser,
    names: Callable[[], Sequence[str]],
) -> None:
    """Add `completion` to a command line.

    Args:
        whole: what is completed.
        names: of the sweeps.
    """
    parser = commands.add_parser(
        "completion",
        help="a script that completes commands, options and sweeps in a shell",
        description='Print a script for a shell, for example: eval "$(rle-lab completion bash)" in '
        "~/.bashrc; rle-lab completion zsh > _rle-lab in a folder of $fpath.",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(act=lambda arguments: _act(arguments.shell, whole, names()))


def _act(shell: str, whole: argparse.ArgumentParser, names: Sequence[str]) -> int:
    import shtab

    words = " ".join(map(shlex.quote, names))
    _complete_sweeps(whole)
    preamble = {"bash": BASH.format(names=shlex.quote(words)), "zsh": ZSH.format(words=words), "tcsh": ""}
    print(shtab.complete(whole, shell, preamble=preamble))
    return 0


def _complete_sweeps(parser: argparse.ArgumentParser) -> None:
    """Mark the arguments that name sweeps, of all commands, for shtab."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_sweeps(command)
        elif action.dest == "sweep":
            action.complete = {"bash": "_rle_lab_sweeps", "zsh": "_rle_lab_sweeps"}  # type: ignore[attr-defined]
