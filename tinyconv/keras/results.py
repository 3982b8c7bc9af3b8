"""What metrics return to a script: a number that answers as a tensor of TensorFlow's does."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .. import metrics
from ..metrics import Metric
from ..models import Model
from ..objectives import RunningMetrics
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
    """Return the methods `result` of all metrics, and what was otherwise before Keras 3."""
    kinds = {base for kind in vars(metrics).values() if isinstance(kind, type) for base in kind.__mro__}
    own = [kind for kind in kinds if issubclass(kind, Metric) and "result" in vars(kind)]
    found: list[Patch] = [(kind, "result", _numbered(vars(kind)["result"])) for kind in own]
    if not era.old:
        return found
    names = property(metrics_names)
    return [*found, (Metric, "reset_states", lambda self: self.reset_state()), (Model, "metrics_names", names)]


def metrics_names(model: Any) -> list[str]:
    """Return the names of what `evaluate` returns, in its order: "loss", the losses of several outputs, the metrics."""
    if not model.compiled or model._steps_freely():
        return [metric.name for metric in model.metrics]
    running = RunningMetrics(model.objectives)
    running.metrics = []
    for objective in model.objectives:
        plain, weighted = (
            [metrics.metric_of(each, (2,), (None, 2)) for each in given]
            for given in (objective.wanted, objective.wanted_weighted)
        )
        running.metrics.append(objective.metrics or (plain, weighted))
    return list(running.by_name())


def _numbered(result: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(result)
    def numbered(self: Any) -> Any:
        found = result(self)
        return Number(found) if isinstance(found, float | np.floating) else found

    return numbered
