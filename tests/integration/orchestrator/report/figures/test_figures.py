import subprocess
import sys


def test_drawing_needs_no_pyplot() -> None:
    code = "import sys, orchestrator.report.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
