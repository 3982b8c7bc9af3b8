"""Automatic names of layers and models, as the eras count them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import names
from ..layers import InputLayer
from ..models import Sequential
from .eras import Era
from .spelling import Patch

OTHER = {"InputLayer": "input", "Functional": "model"}
FROM_ONE = ("input",)  # in tf.keras, too


def patches(era: Era) -> list[Patch]:
    """Return what names the input of a stack of layers after the first: conv2d_1_input in Keras 2."""

    def input_of(self: Any, first: Any, shape: Any) -> Any:
        kind, _, number = first.name.rpartition("_")
        counted = era.before(2) and number.isdigit()
        name = f"{kind}_input_{number}" if counted else f"{first.name}_input"
        return InputLayer(shape[1:], dtype=first.dtype, name=name).output

    return [(Sequential, "_input_of", input_of)] if era.old else []


@contextmanager
def counted_as_in(era: Era) -> Iterator[None]:
    """Have names given as an era gives them, from the first on: conv2d_1 in Keras 1 and 2, conv2d in tf.keras."""
    if not era.old:
        yield
        return
    given: dict[str, int] = {}
    before = names.automatic, names.clear_session

    def automatic(class_name: str) -> str:
        base = OTHER.get(class_name) or (class_name.lower() if era.before(2) else names.snake_case(class_name))
        number = given.get(base, 0)
        given[base] = number + 1
        if era.before(3) or base in FROM_ONE:
            return f"{base}_{number + 1}"
        return f"{base}_{number}" if number else base

    def clear_session(free_memory: bool = True) -> None:
        given.clear()
        before[1](free_memory)

    names.automatic, names.clear_session = automatic, clear_session
    try:
        yield
    finally:
        names.automatic, names.clear_session = before
