"""What a whole session has in common: the default floating-point type and layout of images; and a switch: fusion.

One rule says how far a setting reaches. What is set by a call (`set_floatx`, `set_image_data_format`, `set_seed`) holds
for the process, for all of its threads. What is switched by a `with` block (`no_grad`, `backend`, `conv_algorithm`, …)
is a context variable: it holds, until the block ends, for the thread that entered the block, or the asyncio task, and
for no other. A thread that is begun inside the block starts with what is usual.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_floatx = "float32"


def floatx() -> str:
    """Return the dtype of new weights and of data without one of its own: "float32" unless `set_floatx` changed it."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Set the default dtype, "float32" or "float64" (for gradient checks and exact comparisons)."""
    global _floatx
    if dtype not in ("float32", "float64"):
        raise ValueError(f'floatx must be "float32" or "float64", got {dtype!r}')
    _floatx = dtype


_image_data_format = "channels_last"


def image_data_format() -> str:
    """Return the layout of images where a layer is told none: "channels_last" unless it was changed."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images in layers that are told none: "channels_last" (n,h,w,c), "channels_first" (n,c,h,w)."""
    global _image_data_format
    _image_data_format = data_format_of(data_format)


def data_format_of(data_format: str | None) -> str:
    """Return the layout that the argument `data_format` means: None is that of the session."""
    if data_format is None:
        return _image_data_format
    found = data_format.lower() if isinstance(data_format, str) else data_format
    if found not in ("channels_last", "channels_first"):
        raise ValueError(f'data_format must be "channels_last", "channels_first" or None, got {data_format!r}')
    return found


_interactive_logging = True


def is_interactive_logging_enabled() -> bool:
    """Return whether training that is told no `verbose` shows a bar; else it prints one line an epoch."""
    return _interactive_logging


def enable_interactive_logging() -> None:
    """Let training that is told no `verbose` show a bar."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Let training that is told no `verbose` print one line an epoch."""
    global _interactive_logging
    _interactive_logging = False


_fusing = ContextVar("fusing", default=True)


def fusing() -> bool:
    """Return whether layers may be computed several in one pass at present: see `fusion`."""
    return _fusing.get()


@contextmanager
def fusion(enabled: bool) -> Iterator[None]:
    """Say whether inside the `with` block several operations may be computed in one pass.

    With `fusion(False)` every layer runs by itself, and an activation inside Dense or Conv2D is an operation of its
    own: slower, for who watches the single operations.
    """
    token = _fusing.set(enabled)
    try:
        yield
    finally:
        _fusing.reset(token)
