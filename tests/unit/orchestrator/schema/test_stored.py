"""Declarations of older stores are read under the names that their fields had."""

import pytest

from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.declaration import DeclaredColumn, DeclaredRow


@pytest.mark.parametrize("added", [True, False])
def test_former_names_of_fields_are_read(added: bool) -> None:
    row = DeclaredRow.model_validate({"key": "a", "label": "A", "cells": {}, "ours": added, "says": "A row."})
    assert row == DeclaredRow(key="a", label="A", cells={}, in_paper=not added, description="A row.")
    column = DeclaredColumn.model_validate({"name": "AP", "ours": added, "says": "A column."})
    assert column == DeclaredColumn(name="AP", in_paper=not added, description="A column.")


def test_a_claim_of_an_older_store_keeps_its_sentence() -> None:
    cells = {"a": {"row": "x", "column": "AP"}, "b": {"row": "y", "column": "AP"}}
    claim = Greater.model_validate({"says": "x beats y.", **cells})
    assert claim == Greater(
        description="x beats y.", a=CellRef(row="x", column="AP"), b=CellRef(row="y", column="AP")
    )
