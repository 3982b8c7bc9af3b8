"""Where Keras's files keep each layer: `layers/conv2d_1`, `layers/functional/layers/conv2d`, `layers/block/attribute`.

Read from Keras 3.15, keras/src/saving/saving_lib.py, `_walk_saveable` and `_save_container_state`: a model's layers are
counted by class name, whatever they are called, in a group `layers`; the layers that a layer of one's own has as
attributes are called as these, a list's by class name again. Attributes come in the order of the alphabet, private ones
last, and what is met twice is kept where it was met first.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from .. import registry
from ..names import snake_case


def places(model: Any) -> dict[str, Any]:
    """Return the model and every layer within it, by the place of each below the file's root; the model's is ""."""
    found: dict[str, Any] = {}
    visited: set[int] = set()
    waiting = [("", model)]
    while waiting:
        place, layer = waiting.pop()
        if id(layer) not in visited:
            visited.add(id(layer))
            found[place] = layer
            within = [(f"{place}/{name}".lstrip("/"), each) for name, each in _within(layer)]
            waiting.extend(reversed(within))
    return found


def own_weights(layer: Any) -> Sequence[Any]:
    """Return the weights that a layer has itself; where it says nothing of layers within, these are all."""
    return getattr(layer, "own_weights", () if hasattr(layer, "layers") else layer.weights)


def _within(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers that a layer has, each with its place below that of the layer."""
    values = {name: value for name, value in vars(layer).items() if name != "_layers"}
    if hasattr(layer, "layers"):
        values["layers"] = layer.layers
    order = sorted(values, key=lambda name: f"~{name}" if name.startswith("_") else name)
    if getattr(layer, "layers_first", True) and "layers" in values:
        order = ["layers", *order]
    for name in order:
        yield from _placed(name, values[name])


def _placed(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers that an attribute's value is or holds, each with its place."""
    if hasattr(value, "weights"):
        yield place, value
    elif isinstance(value, list | tuple | dict):
        seen: Counter[str] = Counter()
        for each in value.values() if isinstance(value, dict) else value:
            if hasattr(each, "weights"):
                base = snake_case(registry.class_name(each))
            elif isinstance(each, list | tuple | dict):
                base = "container"
            else:
                continue
            count = seen[base]
            seen[base] += 1
            yield from _placed(f"{place}/{base}_{count}" if count else f"{place}/{base}", each)
