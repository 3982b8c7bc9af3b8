"""Numbers as JSON has them."""

from math import isfinite
from typing import Any


def finite(value: Any) -> float | None:
    """Return a number with the digits that float32 has, None if it is none: JSON knows neither NaN nor ∞."""
    found = float(value)
    return float(f"{found:.8g}") if isfinite(found) else None
