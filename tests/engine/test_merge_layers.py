"""Layers that join several tensors: one body that every one of them passes."""

import inspect

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.layers.merge import Merge

# Arguments, the samples' shapes, and the definition.
CASES = [
    (layers.Add, {}, [(3, 4)] * 3, lambda a, b, c: a + b + c),
    (layers.Add, {}, [(5, 6, 2), (1, 1, 2)], lambda a, b: a + b),
    (layers.Subtract, {}, [(3, 4), (1, 4)], lambda a, b: a - b),
    (layers.Multiply, {}, [(5, 6, 2), (1, 1, 2), (5, 6, 1)], lambda a, b, c: a * b * c),
    (layers.Average, {}, [(3,)] * 3, lambda *x: sum(x) / 3),
    (layers.Maximum, {}, [(3, 4), (3, 1), (3, 4)], lambda *x: np.maximum(np.maximum(x[0], x[1]), x[2])),
    (layers.Minimum, {}, [(3, 4), (3, 4)], np.minimum),
    (layers.Concatenate, {}, [(3, 4), (3, 1)], lambda *x: np.concatenate(x, axis=-1)),
    (layers.Concatenate, {"axis": 1}, [(3, 4), (2, 4), (1, 4)], lambda *x: np.concatenate(x, axis=1)),
    (layers.Dot, {"axes": -1}, [(4,), (4,)], lambda a, b: (a * b).sum(axis=1, keepdims=True)),
    (layers.Dot, {"axes": (2, 1)}, [(3, 4), (4, 2)], np.matmul),
    (
        layers.Dot,
        {"axes": [1, -2], "normalize": True},
        [(4, 2), (3, 4, 2)],
        lambda a, b: np.einsum(
            "nki,njkl->nijl",
            a / np.linalg.norm(a, axis=1, keepdims=True),
            b / np.linalg.norm(b, axis=2, keepdims=True),
        ),
    ),
    (layers.Concatenate, {"axis": -3}, [(3, 4, 2), (2, 4, 2)], lambda *x: np.concatenate(x, axis=1)),
]


def test_every_merging_layer_is_here():
    classes = {value for value in vars(layers).values() if inspect.isclass(value) and issubclass(value, Merge)}
    assert {kind for kind, *_ in CASES} == classes


@pytest.mark.parametrize(
    ("kind", "arguments", "samples", "definition"), CASES, ids=[f"{c[0].__name__}{i}" for i, c in enumerate(CASES)]
)
def test_conformance(kind, arguments, samples, definition, rng):
    tc.set_floatx("float64")
    layer = kind(**arguments)
    x = [rng.standard_normal((2, *shape)) for shape in samples]
    y = layer(x)
    np.testing.assert_allclose(y.numpy(), definition(*x), rtol=1e-14)
    assert layer.output_shape == (None, *y.shape[1:])
    symbol = kind.from_config(layer.get_config())([tc.Input(shape) for shape in samples])
    assert symbol.shape == layer.output_shape
    assert kind.from_config(layer.get_config()).get_config() == layer.get_config()
    assert tc.gradcheck(lambda *x: layer(x), *x) < 1e-6


@pytest.mark.parametrize(
    ("layer", "given", "message"),
    [
        (layers.Add(), (2, 3), r"joins a list of tensors, got ndarray"),
        (layers.Add(), [(2, 3)], r"joins 2 tensors or more, got 1"),
        (layers.Add(), [(2, 3), (2, 4)], r"got inputs of shapes \(None, 3\), \(None, 4\)"),
        (layers.Multiply(), [(2, 3), (2, 3, 4)], r"same number of axes"),
        (layers.Subtract(), [(2, 3)] * 3, r"needs 2 tensors, not 3"),
        (layers.Dot(1), [(2, 3)] * 3, r"needs 2 tensors, not 3"),
        (layers.Dot(2), [(2, 3), (2, 3, 4)], r"their axes are below 3, and axes=2"),
        (layers.Dot(1), [(2, 3), (2, 4)], r"the vectors along axes=1 have 3 and 4 numbers"),
        (layers.Concatenate(), [(2, 3, 4), (2, 5, 4)], r"agree on every axis but -1"),
        (layers.Concatenate(axis=3), [(2, 3, 4), (2, 5, 4)], r"no axis 3"),
    ],
)
def test_what_cannot_be_joined_is_refused(layer, given, message):
    x = [np.zeros(shape, np.float32) for shape in given] if isinstance(given, list) else np.zeros(given, np.float32)
    with pytest.raises(ValueError, match=message):
        layer(x)


def test_the_batch_cannot_be_concatenated():
    with pytest.raises(ValueError, match="other than 0"):
        layers.Concatenate(axis=0)
    for axes in (0, (1, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match="axes must be an integer other than 0"):
            layers.Dot(axes)
