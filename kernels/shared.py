"""What the backends have in common: types of arguments, constants, an expression for NumPy's and CuPy's arrays."""

from typing import Any

import numpy as np

# Which of three gradients a backward function is to return, in the order in which it returns them: of the images, the
# kernel or scale, and the bias or shift.
Needs = tuple[bool, bool, bool]

# So many numbers float32 adds up without losing digits; more are added in double.
MAX_FLOAT32_TERMS = 128

# The largest value that a rectifier after a normalization lets through; None where there is no rectifier.
Ceiling = float | None


# Klambauer, Unterthiner, Mayr & Hochreiter 2017, "Self-normalizing neural networks", equation 14: with these, mean 0
# and variance 1 are a fixed point.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

GELU_CUBE = 0.044715  # of the approximation by tanh; Hendrycks & Gimpel 2016, section 2


def scale_and_shift(inverse: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
    """Return γ/√(σ² + ε) and β (c,) from `inverse` = 1/√(σ² + ε), and γ and β or None for 1 and 0.

    With these, batch normalization is y = (x − μ)·scale + shift.
    """
    return inverse if gamma is None else gamma * inverse, np.zeros_like(inverse) if beta is None else beta


# What a warp sees beyond an image's edges, told in `reference/warp.py`; kernels are given the place in this row.
FILL_MODES = ("constant", "nearest", "reflect", "wrap", "cut", "overlap")


class RecordingError(RuntimeError):
    """Launches that were to be recorded take too much memory; see `cpu/launches.py`."""
