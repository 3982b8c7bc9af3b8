"""`keras.utils.conv_utils`: the arithmetic of windows, for layers of a script's own."""

from typing import Any

from .. import config
from .utilities import convert_kernel

__all__ = [
    "conv_input_length",
    "conv_output_length",
    "convert_kernel",
    "deconv_length",
    "normalize_data_format",
    "normalize_padding",
    "normalize_tuple",
]


def normalize_tuple(value: Any, n: int, name: str) -> tuple[int, ...]:
    """Return n whole numbers: one that is given counts n times."""
    found = (value,) * n if isinstance(value, int) else tuple(int(each) for each in value)
    if len(found) != n:
        raise ValueError(f"{name} must be one whole number or {n}, got {value}")
    return found


def normalize_padding(value: str) -> str:
    """Return a padding in small letters."""
    if value.lower() not in ("valid", "same", "causal", "full"):
        raise ValueError(f'padding must be "valid" or "same", got {value!r}')
    return value.lower()


def normalize_data_format(value: str | None) -> str:
    """Return where images have their channels: as the session has it, if nothing is said."""
    found = config.image_data_format() if value is None else value.lower()
    if found not in ("channels_first", "channels_last"):
        raise ValueError(f'data_format must be "channels_first" or "channels_last", got {value!r}')
    return found


def conv_output_length(
    input_length: int | None, filter_size: int, padding: str, stride: int, dilation: int = 1
) -> int | None:
    """Return how many windows there are along an axis."""
    if input_length is None:
        return None
    span = filter_size + (filter_size - 1) * (dilation - 1)
    length = {"same": input_length, "causal": input_length, "full": input_length + span - 1}.get(
        padding, input_length - span + 1
    )
    return (length + stride - 1) // stride


def conv_input_length(output_length: int | None, filter_size: int, padding: str, stride: int) -> int | None:
    """Return the shortest length that gives so many windows."""
    if output_length is None:
        return None
    margin = {"same": filter_size // 2, "full": filter_size - 1}.get(padding, 0)
    return (output_length - 1) * stride - 2 * margin + filter_size


def deconv_length(
    dim_size: int | None,
    stride_size: int,
    kernel_size: int,
    padding: str,
    output_padding: Any = None,
    dilation: int = 1,
) -> int | None:
    """Return the length that a transposed convolution gives."""
    if dim_size is None:
        return None
    kernel_size += (kernel_size - 1) * (dilation - 1)
    if output_padding is None:
        return dim_size * stride_size + (max(kernel_size - stride_size, 0) if padding == "valid" else 0)
    margin = {"same": kernel_size // 2, "full": kernel_size - 1}.get(padding, 0)
    return (dim_size - 1) * stride_size + kernel_size - 2 * margin + int(output_padding)
