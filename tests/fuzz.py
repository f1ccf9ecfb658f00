"""Runs the property tests with a new seed in each round, for so many rounds or minutes or until one fails.

    python tests/fuzz.py --rounds 200
    python tests/fuzz.py --minutes 10
    python tests/fuzz.py --inputs 100000

With --inputs, only the tests of files and command lines that somebody may have spoiled run, until so many
were tried. The seed of each round is printed, and how many inputs of each kind were tried; where a round
fails, so is the command that repeats it.
"""

import argparse
import itertools
import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROPERTIES = "from hypothesis import"
SPOILED = "import fuzzed"
TIMES = "10"
"""How many times as many inputs as usual a round of --inputs tries."""


def command(seed: int, tests: list[str]) -> list[str]:
    """Runs all property tests of these files once: hypothesis marks them itself."""
    options = ["-m", "hypothesis", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    options += ["-p", "no:unraisableexception"]  # which collects garbage for a third of a round
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *tests]


def with_text(text: str) -> list[str]:
    """The files of tests in which it stands: importing only these makes a round faster."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if text in file.read_text()]


def one_round(words: list[str], times: str) -> tuple[str, Counter[str]]:
    """What it printed where it failed, and how many inputs of each kind were tried."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.json"
        env = {**os.environ, "RLE_LAB_FUZZ_TIMES": times, "RLE_LAB_FUZZ_COUNTS": str(counts)}
        result = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        repeat = f"To repeat it: RLE_LAB_FUZZ_TIMES={times} {shlex.join(words)}"
        failed = f"{result.stdout}\n{result.stderr}\n{repeat}" if result.returncode else ""
        return failed, Counter(json.loads(counts.read_text()) if counts.exists() else {})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--rounds", type=int, default=20)
    limit.add_argument("--minutes", type=float)
    limit.add_argument("--inputs", type=int)
    return parser.parse_args()


def main() -> int:
    wanted, started, tried = arguments(), time.monotonic(), Counter[str]()
    times, tests = ("1", PROPERTIES) if wanted.inputs is None else (TIMES, SPOILED)
    for done in itertools.count():
        minutes = (time.monotonic() - started) / 60
        enough = done >= wanted.rounds if wanted.minutes is None else minutes >= wanted.minutes
        if enough if wanted.inputs is None else tried.total() >= wanted.inputs:
            print(f"{done} rounds without a failure in {minutes:.1f} minutes")
            return 0
        seed = secrets.randbelow(2**32)
        print(f"round {done + 1}: seed {seed}", flush=True)
        failed, found = one_round(command(seed, with_text(tests)), times)
        tried += found
        print(
            f"{tried.total()} inputs: {', '.join(f'{n} {kind}' for kind, n in sorted(tried.items()))}",
            flush=True,
        )
        if failed:
            print(failed)
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
