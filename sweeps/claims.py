"""Claims about two rows in one column, as sweeps state them."""

from orchestrator.schema.claims import Below, CellRef, Equivalent, Greater


def higher(description: str, column: str, row: str, than: str, times: float = 1.0) -> Greater:
    """`row` has a higher mean than `times` times that of `than`."""
    a, b = CellRef(row=row, column=column), CellRef(row=than, column=column)
    return Greater(description=description, a=a, b=b, times=times)


def lower(description: str, column: str, row: str, than: str, times: float = 1.0) -> Greater:
    """`times` times the mean of `row` is lower than that of `than`."""
    return higher(description, column, than, row, times)


def equal(description: str, column: str, row: str, to: str, margin: float) -> Equivalent:
    """The means of both rows differ by less than `margin`."""
    a, b = CellRef(row=row, column=column), CellRef(row=to, column=column)
    return Equivalent(description=description, a=a, b=b, margin=margin)


def below(description: str, column: str, row: str, limit: float) -> Below:
    """`row` has a mean below `limit`."""
    return Below(description=description, a=CellRef(row=row, column=column), limit=limit)
