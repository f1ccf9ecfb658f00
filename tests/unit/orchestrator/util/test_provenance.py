"""What code a number comes from."""

import re
from pathlib import Path

import pytest

from orchestrator.util import provenance
from orchestrator.util.provenance import ROOT, commit, imported_sources, sources


def test_what_is_imported_is_named_by_digest_and_place() -> None:
    assert imported_sources() == f"{sources(ROOT)} in {ROOT}"


def test_a_commit_or_a_digest_names_the_code() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?|source-[0-9a-f]{12}", commit())


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        ("0123456789ab", "0123456789ab "),
        ("0123456789ab-dirty", "0123456789ab-dirty "),
        ("", ""),
        ("v1; rm", ""),
    ],
)
def test_outside_a_checkout_the_commit_may_be_passed_along(
    passed: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "_git", lambda *_: "")
    monkeypatch.setenv("RLE_LAB_COMMIT", passed)
    assert commit.__wrapped__() == f"{shown}source-{sources(provenance.ROOT)}"


def test_the_digest_follows_names_and_bytes_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "flow.py"
    file.write_text("a = 1\n")
    first = sources(tmp_path)
    (tmp_path / "README.md").write_text("not code")
    (tmp_path / "models" / "__pycache__").mkdir()
    (tmp_path / "models" / "__pycache__" / "flow.pyc").write_bytes(b"compiled")
    assert sources(tmp_path) == first
    file.write_text("a = 2\n")
    changed = sources(tmp_path)
    file.rename(file.with_name("density.py"))
    assert len({first, changed, sources(tmp_path)}) == 3
