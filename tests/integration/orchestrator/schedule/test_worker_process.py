"""What a process of a trial does for itself."""

import resource
import subprocess
import sys

import pytest

FAULTS = """
import resource
from orchestrator.schedule.worker_process import keep_freed_memory
{keep}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        blocks = [bytearray(3 << 20) for _ in range(16)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator alone is told")
def test_freed_blocks_are_used_again_without_asking_the_kernel() -> None:
    def faults(keep: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    pages = 16 * (3 << 20) // resource.getpagesize()
    assert faults("keep_freed_memory()") < pages
    assert faults("") > 50 * pages  # otherwise there is no reason for it any more
