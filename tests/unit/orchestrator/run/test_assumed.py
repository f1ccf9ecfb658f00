"""What was assumed about the user's files is said once in the dry run and in the report."""

import io
from pathlib import Path
from typing import Any

from datasets.base.folder import DataRoot
from datasets.coco.config import CocoFolder, CocoKeypoints
from orchestrator.config.vary import vary
from orchestrator.report import terminal, writer
from orchestrator.run import dry_run
from orchestrator.sweep.plan import PlanSettings, plan_tables
from orchestrator.util.terminal import Terminal
from sweeps import flow_size

SENTENCE = "coco: 2 people have no area: 0.53 of the box's area stands in"


def without_areas(tree: Any) -> CocoFolder:
    for split in ("train", "val"):
        tree.edit(split, lambda document: document["annotations"][0].pop("area"))
    return DataRoot(tree.root).bind(CocoFolder)


def test_it_belongs_to_the_experiment_and_not_to_its_fingerprint(tree: Any) -> None:
    bound = without_areas(tree)
    data = CocoKeypoints(source=bound)
    assert data.assumed == (SENTENCE,)
    assert CocoKeypoints.model_validate_json(data.model_dump_json()) == data
    plain = bound.model_copy(update={"assumed": ()})
    assert plain.fingerprint() == bound.fingerprint()
    assert "assumed" not in plain.model_dump_json()


def test_the_dry_run_and_the_report_say_it_once(tree: Any, tmp_path: Path) -> None:
    source = without_areas(tree)
    settings = PlanSettings(
        scale="smoke",
        report="smoke",
        seeds=(0, 1),
        data=lambda data: data.name,
        command="x",
        bind=lambda experiment: vary(experiment, data=experiment.data.varied(source=source)),
    )
    planned = plan_tables(flow_size.SWEEP.tables * 2, settings)
    text = io.StringIO()
    console = Terminal(file=text, width=100)
    dry_run.show(planned, {}, console)
    assert text.getvalue().count(SENTENCE) == 1
    report = writer.write([p.declaration for p in planned], {}, tmp_path / "report")
    terminal.render(console, report)
    assert " ".join(text.getvalue().split()).count(SENTENCE) == 2
    page = (tmp_path / "report" / "report.html").read_text().replace("&#39;", "'")
    assert page.count(SENTENCE) == (tmp_path / "report" / "README.md").read_text().count(SENTENCE) == 1
