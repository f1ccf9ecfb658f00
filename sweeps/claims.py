"""Claims about two rows in one column, as sweeps state them."""

from orchestrator.schema.claims import Below, CellRef, Claim, Equivalent, Greater, NotGreater, Sentence


def higher(description: str, column: str, row: str, than: str, times: float = 1.0) -> Greater:
    """`row` has a higher mean than `times` times that of `than`."""
    a, b = CellRef(row=row, column=column), CellRef(row=than, column=column)
    return Greater(description=description, a=a, b=b, times=times)


def lower(description: str, column: str, row: str, than: str, times: float = 1.0) -> Greater:
    """`times` times the mean of `row` is lower than that of `than`."""
    return higher(description, column, than, row, times)


def no_better(description: str, column: str, row: str, than: str, margin: float) -> NotGreater:
    """`row` does not have a mean higher by `margin` than that of `than`."""
    a, b = CellRef(row=row, column=column), CellRef(row=than, column=column)
    return NotGreater(description=description, a=a, b=b, margin=margin)


def equal(description: str, column: str, row: str, to: str, margin: float) -> Equivalent:
    """The means of both rows differ by less than `margin`."""
    a, b = CellRef(row=row, column=column), CellRef(row=to, column=column)
    return Equivalent(description=description, a=a, b=b, margin=margin)


def below(description: str, column: str, row: str, limit: float) -> Below:
    """`row` has a mean below `limit`."""
    return Below(description=description, a=CellRef(row=row, column=column), limit=limit)


def readings(section: str, sentence: str, *claims: Claim) -> tuple[Claim, ...]:
    """These claims as readings of a sentence of the paper, quoted word for word."""
    quoted = Sentence(text=sentence, section=section)
    return tuple(claim.model_copy(update={"sentence": quoted}) for claim in claims)
