"""The one base of every configuration in this package."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable, validated value: an unknown field, a wrong type, a NaN or an infinity is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
