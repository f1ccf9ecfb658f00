"""Claims of the paper as statistical tests on cells of a table."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.schema.stored import Stored


class CellRef(Stored):
    """A reference to a cell of the claim's table."""

    row: str
    column: str


class Sentence(Stored):
    """A sentence of the paper, word for word, and the section of the supplement that it is from."""

    text: str
    section: str


class _Stated(Stored):
    """What every claim has.

    Args:
        description: the claim in words that the test takes literally.
        sentence: the paper's, of which the claim is a reading; None for a question of our own.
    """

    description: str
    sentence: Sentence | None = None


class Greater(_Stated):
    """Holds if the mean over seeds of `a - times · b`, paired by seed, is positive."""

    kind: Literal["greater"] = "greater"
    a: CellRef
    b: CellRef
    times: float = Field(default=1.0, gt=0)


class NotGreater(_Stated):
    """Holds if the mean of `a - b`, paired by seed, lies below the margin (non-superiority)."""

    kind: Literal["not greater"] = "not greater"
    a: CellRef
    b: CellRef
    margin: float = Field(ge=0)


class Equivalent(_Stated):
    """Holds if the mean of `a - b`, paired by seed, lies within ± margin (two one-sided tests)."""

    kind: Literal["equivalent"] = "equivalent"
    a: CellRef
    b: CellRef
    margin: float = Field(gt=0)


class Below(_Stated):
    """Holds if the mean of `a` lies below a limit."""

    kind: Literal["below"] = "below"
    a: CellRef
    limit: float


Claim = Annotated[Greater | NotGreater | Equivalent | Below, Field(discriminator="kind")]
