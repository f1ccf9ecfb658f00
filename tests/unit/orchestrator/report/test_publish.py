from pathlib import Path

from orchestrator.report.publish import PARTS, publish
from orchestrator.util.errors import SweepError
from tests.support.errors import refused


def report(folder: Path, text: str) -> Path:
    for part in PARTS:
        path = folder / part if "." in part else folder / part / "file"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "store").mkdir(exist_ok=True)
    return folder


def test_publishing_replaces_what_was_there_and_leaves_the_store(tmp_path: Path) -> None:
    published = tmp_path / "published"
    publish(report(tmp_path / "old", "old"), published)
    (published / "stale").write_text("")
    publish(report(tmp_path / "new", "new"), published)
    assert sorted(path.name for path in published.iterdir()) == sorted(PARTS)
    assert (published / "tables" / "file").read_text() == "new"


def test_an_unfinished_report_is_not_published(tmp_path: Path) -> None:
    published = tmp_path / "published"
    publish(report(tmp_path / "old", "old"), published)
    with refused("no-report", SweepError):
        publish(tmp_path, published)
    assert (published / "README.md").read_text() == "old"
