"""Output for programs: one JSON value on standard output."""

import json
import math
from typing import Any


def print_json(found: object) -> None:
    """A value to standard output; numbers that JSON does not have, NaN and infinities, as null."""
    print(json.dumps(_finite(found), indent=1, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
