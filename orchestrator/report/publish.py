"""Copy a finished report into the folder that is under version control."""

import shutil
from pathlib import Path

from orchestrator.util.errors import SweepError

PARTS = ("README.md", "report.html", "tables", "figures")


def publish(report: Path, published: Path) -> None:
    """Replace `published` by the tables, figures and pages of `report`; the store stays where it is.

    Raises:
        SweepError: there is no finished report.
    """
    missing = [part for part in PARTS if not (report / part).exists()]
    if missing:
        raise SweepError(
            f"{report / missing[0]}: does not exist; run the sweeps first, then publish", code="no-report"
        )
    fresh = published.with_name(published.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for part in PARTS:
        source = report / part
        if source.is_dir():
            shutil.copytree(source, fresh / part)
        else:
            shutil.copy2(source, fresh / part)
    shutil.rmtree(published, ignore_errors=True)
    fresh.rename(published)
