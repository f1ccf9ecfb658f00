"""The commit and the machine that a number comes from."""

import hashlib
import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psutil
import torch

from models.kinds import PACKAGES

ROOT = Path(__file__).parents[2]
PASSED_ALONG = "RLE_LAB_COMMIT"
"""The variable of the environment that names the commit where there is no checkout."""


@cache
def commit() -> str:
    """The code's commit, with `-dirty` where files differ from it.

    Outside a checkout it is `source-` and a digest of the files, after the commit where `RLE_LAB_COMMIT`
    passes that along: Ray leaves .git out of what it uploads with a job.
    """
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        passed = os.environ.get(PASSED_ALONG, "").strip()
        given = f"{passed} " if re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", passed) else ""
        return f"{given}source-{sources(ROOT)}"
    return f"{head}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else head


@cache
def imported_sources() -> str:
    """The digest of the sources that this process imports, and where: `0123456789ab in /home/me/lab`.

    It is taken once, when it is first asked for. Packages from several places are all named.
    """
    found = {package: importlib.util.find_spec(package) for package in PACKAGES}
    roots = {
        package: Path(spec.origin).parents[1] if spec is not None and spec.origin else ROOT
        for package, spec in found.items()
    }
    places = ", ".join(sorted({str(root) for root in roots.values()}))
    return f"{_digest(roots)} in {places}"


def sources(root: Path) -> str:
    """12 hex digits of the Python files of the project's packages under `root`, names and bytes."""
    return _digest(dict.fromkeys(PACKAGES, root))


def _digest(roots: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    files = {
        path.relative_to(root).as_posix(): path
        for package, root in roots.items()
        for path in (root / package).rglob("*.py")
    }
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def machine() -> str:
    """Processor, cores and accelerators of this machine, in a few words."""
    parts = [f"{psutil.cpu_count(logical=False) or psutil.cpu_count()} cores of {_processor()}"]
    if torch.cuda.is_available():
        parts.append(f"{torch.cuda.device_count()} × {torch.cuda.get_device_name(0)}")
    return ", ".join(parts)


def processor(device: torch.device) -> str:
    """What computes there, in words: a GPU's name, or the CPU's and the instructions that PyTorch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()} ({torch.backends.cpu.get_cpu_capability()})"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
