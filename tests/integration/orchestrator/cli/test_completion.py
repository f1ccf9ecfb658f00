"""The script that `rle-lab completion` prints, as a shell uses it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ASK = """
source "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_shtab_rle_lab
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "rle-lab.bash"
    file.write_bytes(
        subprocess.run(
            [sys.executable, "-m", "sweeps", "completion", "bash"], cwd=ROOT, capture_output=True, check=True
        ).stdout
    )
    return file


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["sh"], {"show"}),
        (["run", "flow"], {"flow_size", "flow_search"}),
        (["run", "--until"], {"--until-decided"}),
        (["run", "--scale", "pa"], {"paper"}),
        (["show", "--sweep", "reti"], {"retina"}),
    ],
)
def test_commands_options_choices_and_sweeps_are_completed(
    script: Path, typed: list[str], found: set[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(script), "rle-lab", *typed],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == found, done.stderr
