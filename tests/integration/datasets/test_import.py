"""Importing the package is cheap: its public names are loaded when they are used."""

import subprocess
import sys


def test_importing_the_package_loads_no_library() -> None:
    code = (
        "import sys, datasets, datasets.io.errors; print({'torch', 'numpy', 'pydantic'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
