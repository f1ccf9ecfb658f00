"""The one base of every configuration in this package."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Width = Annotated[int, Field(ge=1, le=2**14)]
"""Channels of a layer, units of it, bins: more fit no memory."""

Bias = Annotated[float, Field(ge=-100, le=100)]
"""Of a sigmoid, which is 0 or 1 in float32 beyond this."""


class Frozen(BaseModel):
    """An immutable, validated value: an unknown field, a wrong type, a NaN or an infinity is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
