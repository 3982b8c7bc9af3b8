"""`tc.profile`: the operations that it lists, their times within the whole, and the model as it was."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.models.execution_plan import plan_of


def network():
    model = tc.Sequential(
        [tc.Input((12, 12, 16)), L.Conv2D(32, 3, activation="relu"), L.Flatten(), L.Dropout(0.5), L.Dense(5)]
    )
    model.compile("adam", "mse")
    return model


def test_a_prediction(rng):
    x = rng.standard_normal((2, 12, 12, 16)).astype(np.float32)
    model = network()
    found = tc.profile(model, x, repeats=3)
    assert plan_of(model, [x]) is not None
    assert [row.operation for row in found.rows] == ["Conv2D", "Reshape", "Dense"]
    convolution, _, dense = found.rows
    assert (convolution.algorithm, convolution.shape) == ("winograd", (2, 10, 10, 32))
    assert dense.bytes == 4 * (2 * 3200 + 3200 * 5 + 5 + 2 * 5)
    assert all(len(row.forward) == 3 and not row.backward for row in found.rows)
    for run, whole in enumerate(found.totals):
        assert 0 < sum(row.forward[run] for row in found.rows) < whole
    lines = str(found).splitlines()
    assert len(lines) == 1 + 3 + 2
    assert lines[0].split() == ["operation", "layer", "algorithm", "result", "MB", "ms", "%"]
    with tc.conv_algorithm("im2col"):
        assert tc.profile(network(), x, repeats=1).rows[0].algorithm == "im2col"


def test_a_training_step_leaves_the_model_alone(rng):
    model = network()
    x, y = rng.standard_normal((4, 12, 12, 16)).astype(np.float32), rng.standard_normal((4, 5)).astype(np.float32)
    before = model.get_weights()
    found = tc.profile(model, x, y, repeats=2)
    assert [row.operation for row in found.rows[:4]] == ["Conv2D", "Reshape", "Dropout", "Dense"]
    assert all(len(row.backward) == 2 for row in found.rows)
    assert len(found.optimizer) == 2
    assert "backward, ms" in str(found)
    assert "optimizer" in str(found)
    assert model.optimizer.iterations == 0
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_model_without_a_plan(rng):
    model = tc.Sequential([tc.Input((3,)), L.Lambda(lambda x: x * 2), L.Dense(2)])
    x = rng.standard_normal((2, 3)).astype(np.float32)
    found = tc.profile(model, x, repeats=1)
    assert plan_of(model, [x]) is None
    assert [row.operation for row in found.rows] == ["Multiply", "Dense"]


def test_bad_arguments(rng):
    model = tc.Sequential([tc.Input((3,)), L.Dense(2)])
    with pytest.raises(ValueError, match="a training step needs a loss"):
        tc.profile(model, np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="repeats"):
        tc.profile(model, np.zeros((2, 3)), repeats=0)
    with pytest.raises(ValueError, match="shape"):
        tc.profile(model, np.zeros((2, 4)))
