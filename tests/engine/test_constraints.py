"""Constraints and penalties on outputs, by numbers computed by hand."""

import copy
import json
import pickle

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers


def test_a_step_ends_within_the_constraint():
    """SGD of rate 1 on the loss y: w − g, then held."""
    for rule, expected in (("non_neg", [[0.0, 3.0]]), ("max_norm", [[-1.0, 2.0]]), (lambda w: w * 2, [[-2.0, 6.0]])):
        model = tc.Sequential([tc.Input((1,)), layers.Dense(2, use_bias=False, kernel_constraint=rule)])
        model.set_weights([np.array([[0.0, 4.0]])])
        model.compile(tc.optimizers.SGD(1.0), loss=lambda t, y: F.sum(y, axis=-1))
        model.train_on_batch(np.ones((5, 1), np.float32), np.zeros((5, 2), np.float32))
        np.testing.assert_allclose(model.layers[0].kernel.numpy(), expected, rtol=1e-6)


def test_frozen_weights_are_left_alone():
    dense = layers.Dense(2, kernel_constraint="unit_norm", trainable=False)
    model = tc.Sequential([tc.Input((1,)), dense, layers.Dense(1)])
    before = dense.kernel.numpy().copy()
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((5, 1)), np.zeros((5, 1)))
    np.testing.assert_array_equal(dense.kernel.numpy(), before)


@pytest.mark.parametrize("fusion", [True, False])
def test_an_output_s_penalty_is_of_the_output_and_by_sample(fusion):
    """What a convolution gives is penalised before the ReLU that may be computed with it."""
    model = tc.Sequential(
        [
            tc.Input((2, 2, 1)),
            layers.Conv2D(1, 1, activity_regularizer=tc.regularizers.L1(0.5)),
            layers.Activation("relu", activity_regularizer=tc.regularizers.L2(0.25)),
            layers.GlobalAveragePooling2D(),
        ]
    )
    model.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    x = np.array([1.0, -2.0, 3.0, 0.0, 1.0, 1.0, -1.0, -1.0]).reshape(2, 2, 2, 1)
    with tc.fusion(fusion):
        y = model(x)
        assert [float(loss) for loss in model.losses] == pytest.approx([0.5 * 10 / 2, 0.25 * (1 + 9 + 1 + 1) / 2])
        model.compile("sgd", "mse")
        assert model.evaluate(x, y.numpy(), verbose=0) == pytest.approx(2.5 + 1.5)
    assert model.layers[0].get_config()["activity_regularizer"] == {"class_name": "L1", "config": {"l1": 0.5}}


class Added(layers.Layer):
    """Adds two losses of its own."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones", use_bias=False)

    def call(self, inputs):
        y = self.dense(inputs)
        self.add_loss(F.mean(y * y))
        self.add_loss([F.sum(y), 1.0])
        return y


def test_a_layer_s_own_losses():
    model = tc.Sequential([tc.Input((2,)), Added()])
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    assert model.losses == []  # the layer was tried
    for _ in range(2):
        model(x)
        assert [loss.item() for loss in model.losses] == [6.5, 5.0, 1.0]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.losses == []
    model.compile(tc.optimizers.SGD(0.125), "mse")
    assert model.train_on_batch(x, np.array([[3.0], [2.0]])) == pytest.approx(12.5)
    # d/dw (mean y² + Σ y) with y = x·w: Σ y·x + Σ x
    np.testing.assert_allclose(model.get_weights()[0][:, 0], 1 - 0.125 * np.array([9 + 4, 4 + 1]), rtol=1e-6)


@tc.register_keras_serializable("tests")
class Whole(tc.constraints.Constraint):
    """Rounds weights to multiples of a number."""

    def __init__(self, of=1.0):
        self.of = of

    def __call__(self, w):
        return np.round(w.numpy() / self.of) * self.of


@tc.register_keras_serializable("tests")
def summed(w):
    return F.sum(w)


@tc.register_keras_serializable("tests")
def counted(shape, dtype=None):
    return np.arange(np.prod(shape)).reshape(shape)


def test_one_s_own_come_back_from_a_file(tmp_path):
    given = {"kernel_constraint": Whole(0.5), "kernel_regularizer": summed, "kernel_initializer": counted}
    model = tc.Sequential([tc.Input((2,)), layers.Dense(3, **given)])
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), [[0, 1, 2], [3, 4, 5]])
    model.save(f"{tmp_path}/m.keras")
    dense = tc.load_model(f"{tmp_path}/m.keras").layers[0]
    assert isinstance(dense.kernel_constraint, Whole)
    assert dense.kernel_constraint.of == 0.5
    assert (dense.kernel_regularizer, dense.kernel_initializer) == (summed, counted)
    assert dense.losses[0].item() == 15


def test_constraints_of_keras_1():
    first = {"output_dim": 2, "input_dim": 3, "batch_input_shape": [None, 3], "name": "d", "W_constraint": {}}
    for described, kind, values in (
        ({"name": "MaxNorm", "m": 3, "axis": 0}, tc.constraints.MaxNorm, {"max_value": 3, "axis": 0}),
        ({"name": "NonNeg"}, tc.constraints.NonNeg, {}),
    ):
        layer = {"class_name": "Dense", "config": {**first, "W_constraint": described, "activity_regularizer": None}}
        dense = tc.model_from_json(json.dumps({"class_name": "Sequential", "config": [layer]})).layers[0]
        assert type(dense.kernel_constraint) is kind
        assert dense.kernel_constraint.get_config() == values
