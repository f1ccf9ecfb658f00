"""Runs the property tests with a new seed in each round, for so many rounds or minutes or until one fails.

    python tests/fuzz.py --rounds 200
    python tests/fuzz.py --minutes 10

The seed of each round is printed; where a round fails, so is the command that repeats it.
"""

import argparse
import itertools
import secrets
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(seed: int) -> list[str]:
    """Runs all property tests once: hypothesis marks them itself."""
    options = ["-m", "hypothesis", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    options += ["-p", "no:unraisableexception"]  # which collects garbage for a third of a round
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *property_tests()]


def property_tests() -> list[str]:
    """The files that have some: importing only these makes a round faster."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "from hypothesis import" in file.read_text()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--rounds", type=int, default=20)
    limit.add_argument("--minutes", type=float)
    arguments = parser.parse_args()
    started = time.monotonic()
    for done in itertools.count():
        minutes = (time.monotonic() - started) / 60
        if done >= arguments.rounds if arguments.minutes is None else minutes >= arguments.minutes:
            print(f"{done} rounds without a failure in {minutes:.1f} minutes")
            return 0
        seed = secrets.randbelow(2**32)
        print(f"round {done + 1}: seed {seed}", flush=True)
        words = command(seed)
        result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode:
            print(result.stdout, result.stderr, f"To repeat it: {shlex.join(words)}", sep="\n")
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
