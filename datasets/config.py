"""The base of every configuration in this package, and of what a data set is made from."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=1, le=8192)]
"""Of a crop, in pixels: a batch of larger ones fits no memory."""


Amount = Annotated[float, Field(ge=-1e6, le=1e6)]
"""Of whatever generated data are made with, in its own unit."""

Version = Annotated[int, Field(ge=1, le=10**6)]
"""Of a generator."""

Text = Annotated[str, Field(max_length=10_000)]
"""A name, a path or a sentence."""

MANY = 10**7
"""Records or pictures of a set at most."""

Factor = Annotated[float, Field(ge=0.01, le=100)]
"""By which pictures are scaled."""


class Frozen(BaseModel):
    """An immutable, validated value: an unknown field, a wrong type, a NaN or an infinity is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Source(Frozen):
    """Where the samples of a data set come from: a generator, or a copy of the set on the disk."""

    generated: ClassVar[bool]

    def fingerprint(self) -> str:
        """16 hex digits over everything that samples and metrics depend on."""
        raise NotImplementedError


class Generator(Source):
    """Parameters of generated data. Equal values give equal data."""

    generated = True

    def fingerprint(self) -> str:
        """16 hex digits over all fields: the name of these data, known before they are generated."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def digest(parts: Sequence[object]) -> str:
    """16 hex digits over values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
