"""The message in words: counts, groups and a sentence for each table, from verdicts alone."""

import pytest

from orchestrator.report.message import groups, opening, table_sentence
from orchestrator.report.section import Section
from orchestrator.report.text import provenance
from orchestrator.schema.claims import Below, CellRef, Sentence
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import fill
from orchestrator.stats.verdict import Decision, Verdict


def section(*decisions: Decision, table: str = "1") -> Section:
    sentence = Sentence(text="RLE is better.", section="C")
    claims = tuple(
        Below(
            description=kind,
            sentence=None if table == "7" else sentence,
            a=CellRef(row="", column=""),
            limit=1,
        )
        for kind in decisions
    )
    declared = Declaration(
        table=table,
        title="",
        scale="demo",
        data="",
        data_fingerprints=(),
        seeds=(0,),
        columns=(),
        rows=(),
        claims=claims,
    )
    verdicts = tuple(
        Verdict(f"{kind} {place}.", kind, 1.0, 0.5, 1.5, 4, 0.01, 0.01, None, "", effect=f"+{place} (a to b)")
        for place, kind in enumerate(decisions)
    )
    return Section(fill(declared, {}), verdicts, (), provenance(declared, {}), "")


def test_the_opening_counts_the_papers_sentences_and_our_questions() -> None:
    sections = (section("supported", "supported", "undecided"), section("contradicted", table="7"))
    assert opening(sections) == (
        "Of 3 readings of the paper's sentences, 2 hold and 1 cannot be told. "
        "Of 1 question of our own, 1 does not hold."
    )
    assert opening((section(),)) == ""


def test_every_claim_is_listed_once_with_its_effect_and_its_table() -> None:
    found = groups((section("undecided", "supported"), section("supported", table="Figure 1")))
    assert [group.verdict for group in found] == ["supported", "undecided"]
    lines = [(line.heading, line.anchor, line.claim, line.effect) for line in found[0].lines]
    assert lines == [
        ("Table 1", "table-1", "supported 1.", "+1 (a to b)"),
        ("Figure 1", "figure-1", "supported 0.", "+0 (a to b)"),
    ]


@pytest.mark.parametrize(
    ("decisions", "sentence"),
    [
        ((), ""),
        (("supported",), "Its claim holds."),
        (("supported", "supported"), "All 2 claims hold."),
        (("not run", "not run", "not run"), "All 3 claims were not run."),
        (
            ("contradicted",),
            "Its claim does not hold (not: “contradicted 0”, +0 (a to b)).",
        ),
        (
            ("supported", "contradicted", "undecided", "undecided"),
            "Of its 4 claims 1 holds, 1 does not hold and 2 cannot be told (not: “contradicted 1”, "
            "+1 (a to b)).",
        ),
    ],
)
def test_a_table_begins_with_one_sentence(decisions: tuple[Decision, ...], sentence: str) -> None:
    assert table_sentence(section(*decisions)) == sentence


def test_a_sentence_of_the_paper_is_quoted_once_above_its_readings() -> None:
    (paper,) = section("supported", "undecided").statements
    assert paper.sentence is not None
    assert paper.sentence.text == "RLE is better."
    assert len(paper.judged) == 2
    (ours,) = section("supported", table="7").statements
    assert ours.sentence is None
