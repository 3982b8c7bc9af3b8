"""Metrics over the samples of all ranks: their states, which are sums, added up."""

from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from typing import Any

import numpy as np

from ..distributed import Communicator
from ..distributed.communicator import flat_numbers
from ..metrics import Mean, Metric
from ..objectives import number


class SummedLogs(Mapping[str, Any]):
    """The values of metrics over what all ranks have seen, by name; worked out when somebody looks.

    All ranks make it at the same time, of metrics alike: their states are summed at once.
    """

    def __init__(self, measures: Mapping[str, Metric], communicator: Communicator) -> None:
        self.measures = measures
        self.sums = flat_numbers([each for metric in measures.values() for each in state(metric)])
        communicator.sum_inplace(self.sums)

    def found(self) -> dict[str, Any]:
        """Return the values by name."""
        at, values = 0, {}
        for name, metric in self.measures.items():
            size = sum(np.size(each) for each in state(metric))
            values[name] = number(_with_state(metric, self.sums[at : at + size]).result())
            at += size
        return values

    def __getitem__(self, name: str) -> Any:
        return self.found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.measures)

    def __len__(self) -> int:
        return len(self.measures)

    def items(self) -> Any:
        """Return (name, value) of each."""
        return self.found().items()

    def __repr__(self) -> str:
        return repr(self.found())


def state(metric: Metric) -> list[Any]:
    """Return the numbers and arrays that a metric has seen its samples into; of all samples they are the sums."""
    if isinstance(metric, Mean):
        return [float(metric.total), float(metric.count)]
    return [variable.numpy() for variable in metric.variables]


def _with_state(metric: Metric, numbers: np.ndarray) -> Metric:
    """Return a copy of a metric that has another state."""
    if isinstance(metric, Mean):
        metric = copy(metric)
        metric.total, metric.count = numbers.tolist()
        return metric
    metric, at = deepcopy(metric), 0
    for variable in metric.variables:
        variable.assign(numbers[at : at + variable.size].reshape(variable.shape))
        at += variable.size
    return metric
