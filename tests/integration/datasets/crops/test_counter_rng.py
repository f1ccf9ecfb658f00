import subprocess
import sys

import numpy as np

from datasets.crops.counter_rng import uniforms
from tests.support.paths import ROOT


def test_another_process_draws_the_same_bits() -> None:
    code = (
        "import numpy as np; from datasets.crops.counter_rng import uniforms;"
        "print(uniforms(3, np.array([2]), np.array([2**62]), 4).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    here = uniforms(3, np.array([2]), np.array([2**62]), 4)
    assert done.stdout.strip() == here.tobytes().hex()
