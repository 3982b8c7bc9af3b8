"""`tf.compat`: v1 and v2 are `tensorflow` itself, see `places.py`."""

from typing import Any

from ..vocabulary import missing


def as_str(value: Any) -> str:
    """Return bytes or a text as a text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def as_bytes(value: Any) -> bytes:
    """Return bytes or a text as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


__getattr__ = missing("tensorflow.compat", globals())
