"""The graph of an ONNX file as it is built: its nodes, its constants, and tensors in two orders of axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import kernels

FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # what brings the axes of (n, h, w, c) to (n, c, h, w), and back


class Value:
    """A tensor: its rank, and its name with the axes as Keras has them, or with channels first, or both."""

    def __init__(self, rank: int, last: str | None = None, first: str | None = None) -> None:
        self.rank, self.names = rank, {"last": last, "first": first}

    @property
    def has_first(self) -> bool:
        """Whether it is there with channels first."""
        return self.names["first"] is not None


class Graph:
    """Nodes and constants, each with a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []  # operator, inputs, output, attributes
        self.constants: dict[str, np.ndarray] = {}
        self.made: dict[Any, str] = {}  # the constants that are made of weights, by the weight's id and what is done
        self.taken: set[str] = set()

    def name(self, wanted: str) -> str:
        """Return `wanted` as a name that is free, and take it."""
        count, free = 0, wanted
        while free in self.taken:
            count += 1
            free = f"{wanted}_{count}"
        self.taken.add(free)
        return free

    def node(self, operator: str, inputs: Sequence[str], owner: str, **attributes: Any) -> str:
        """Add a node that computes for the layer called `owner`; return the name of its output."""
        output = self.name(f"{owner}/{operator}")
        self.nodes.append((operator, list(inputs), output, attributes))
        return output

    def constant(self, values: Any, wanted: str, dtype: Any = np.float32) -> str:
        """Add an array; return its name."""
        name = self.name(wanted)
        self.constants[name] = np.ascontiguousarray(values, dtype)
        return name

    def weight(self, weight: Any, order: Sequence[int] | None = None, shape: Sequence[int] | None = None) -> str:
        """Add a layer's weight, once, its axes in `order` and then of `shape`; return its name."""
        key = id(weight), order and tuple(order), shape and tuple(shape)
        if key not in self.made:
            values = np.asarray(kernels.move(weight.data, "cpu"))
            values = values if order is None else values.transpose(order)
            values = values if shape is None else values.reshape(shape)
            self.made[key] = self.constant(values, weight.path)
        return self.made[key]

    def integers(self, values: Sequence[int], owner: str) -> str:
        """Add whole numbers, such as a shape; return their name."""
        return self.constant(list(values), f"{owner}/numbers", np.int64)

    def last(self, value: Value) -> str:
        """Return the name of a tensor with its axes as Keras has them."""
        return self._in("last", value, "first", LAST)

    def first(self, value: Value) -> str:
        """Return the name of a tensor of images with channels first."""
        return self._in("first", value, "last", FIRST)

    def _in(self, wanted: str, value: Value, other: str, order: Sequence[int]) -> str:
        if value.names[wanted] is None:
            there = value.names[other]
            assert there is not None
            value.names[wanted] = self.node("Transpose", [there], there.partition("/")[0], perm=list(order))
        name = value.names[wanted]
        assert name is not None
        return name

    def alike(self, values: Sequence[Value]) -> tuple[list[str], bool]:
        """Return the names of tensors in one order, and whether that is channels first, as one of them has it."""
        first = all(value.rank == 4 for value in values) and any(value.has_first for value in values)
        return [self.first(value) if first else self.last(value) for value in values], first

    def name_outputs(self, outputs: Sequence[tuple[str, str]]) -> list[str]:
        """Give tensors (name, wanted name) that are outputs of the model their names; return these.

        One that is an input, or is an output twice, is passed on by a node of its own.
        """
        made = {output for _, _, output, _ in self.nodes}
        new: dict[str, str] = {}
        found = []
        for name, wanted in outputs:
            free = self.name(wanted)
            found.append(free)
            if name in made and name not in new:
                new[name] = free
            else:
                self.nodes.append(("Identity", [name], free, {}))
        self.nodes = [
            (operator, [new.get(name, name) for name in inputs], new.get(output, output), attributes)
            for operator, inputs, output, attributes in self.nodes
        ]
        return found


def value(name: str, rank: int, first: bool = False) -> Value:
    """Return the tensor that `name` is, of images with channels first or not."""
    return Value(rank, None if first else name, name if first else None)
