"""A report of two tables, written once."""

import pytest

from orchestrator.report import writer
from orchestrator.schema.record import Record
from tests.support.reported import ENDS, PAPER_1, SEEDS, fitted, table_1, table_7, timed


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    wrong = ("RLE (Q+G+s)", 2)
    found = [fitted(row, seed, diverged=(row, seed) == wrong) for row in ENDS for seed in SEEDS]
    found += [timed(row, seed) for row in PAPER_1 for seed in SEEDS]
    return {record.fingerprint: record for record in found}


@pytest.fixture(scope="module")
def written(records: dict[str, Record], tmp_path_factory: pytest.TempPathFactory) -> writer.Report:
    return writer.write((table_1(), table_7()), records, tmp_path_factory.mktemp("results"))
