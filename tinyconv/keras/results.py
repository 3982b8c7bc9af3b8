"""What metrics return to a script: a number that answers as a tensor of TensorFlow's does."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .. import metrics
from ..metrics import Metric
from .eras import Era
from .spelling import Patch


class Number(float):
    """A number with `.numpy()`."""

    shape = ()
    dtype = "float32"

    def numpy(self) -> np.floating[Any]:
        """Return the number as NumPy's."""
        return np.float32(self)

    def item(self) -> float:
        """Return the number as Python's."""
        return float(self)


def patches(era: Era) -> list[Patch]:
    """Return the methods `result` of all metrics, and another name of `reset_state` before Keras 3."""
    kinds = {base for kind in vars(metrics).values() if isinstance(kind, type) for base in kind.__mro__}
    own = [kind for kind in kinds if issubclass(kind, Metric) and "result" in vars(kind)]
    found: list[Patch] = [(kind, "result", _numbered(vars(kind)["result"])) for kind in own]
    return [*found, (Metric, "reset_states", lambda self: self.reset_state())] if era.old else found


def _numbered(result: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(result)
    def numbered(self: Any) -> Any:
        found = result(self)
        return Number(found) if isinstance(found, float | np.floating) else found

    return numbered
