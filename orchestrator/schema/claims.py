"""Claims of the paper as statistical tests on cells of a table."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.schema.stored import Stored


class CellRef(Stored):
    """A reference to a cell of the claim's table."""

    row: str
    column: str


class Greater(Stored):
    """Holds if the mean over seeds of `a - times · b`, paired by seed, is positive."""

    kind: Literal["greater"] = "greater"
    description: str
    a: CellRef
    b: CellRef
    times: float = Field(default=1.0, gt=0)


class Equivalent(Stored):
    """Holds if the mean of `a - b`, paired by seed, lies within ± margin (two one-sided tests)."""

    kind: Literal["equivalent"] = "equivalent"
    description: str
    a: CellRef
    b: CellRef
    margin: float = Field(gt=0)


class Below(Stored):
    """Holds if the mean of `a` lies below a limit."""

    kind: Literal["below"] = "below"
    description: str
    a: CellRef
    limit: float


Claim = Annotated[Greater | Equivalent | Below, Field(discriminator="kind")]
