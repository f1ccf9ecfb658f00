"""Sentences of the paper as tests on cells of a table."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.schema.stored import Stored


class CellRef(Stored):
    """A cell of the table that a claim is about."""

    row: str
    column: str


class Greater(Stored):
    """The sentence holds if the mean over seeds of `a - times · b`, paired by seed, is positive."""

    kind: Literal["greater"] = "greater"
    description: str
    a: CellRef
    b: CellRef
    times: float = Field(default=1.0, gt=0)


class Equivalent(Stored):
    """The sentence holds if the mean of `a - b`, paired by seed, lies within ± margin (two one-sided
    tests)."""

    kind: Literal["equivalent"] = "equivalent"
    description: str
    a: CellRef
    b: CellRef
    margin: float = Field(gt=0)


class Below(Stored):
    """The sentence holds if the mean of `a` lies below a limit."""

    kind: Literal["below"] = "below"
    description: str
    a: CellRef
    limit: float


Claim = Annotated[Greater | Equivalent | Below, Field(discriminator="kind")]
