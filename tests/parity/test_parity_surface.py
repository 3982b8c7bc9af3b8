"""What users ask of layers, weights and optimizers between and around calls: the same text with both engines."""

import numpy as np
import pytest

import tinyconv as tc

ENGINES = ["tinyconv", "keras"]


@pytest.fixture
def engine(request, keras):
    return tc if request.param == "tinyconv" else keras


both = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@both
def test_variables_of_layers_and_models(engine, fresh_names):
    model = engine.Sequential([engine.Input((4, 4, 1)), engine.layers.Conv2D(2, 3), engine.layers.BatchNormalization()])
    normal = model.layers[1]
    assert [each.name for each in normal.variables] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [each.name for each in normal.trainable_variables] == ["gamma", "beta"]
    assert [each.name for each in normal.non_trainable_variables] == ["moving_mean", "moving_variance"]
    normal.trainable = False
    assert [each.name for each in model.trainable_variables] == ["kernel", "bias"]
    assert len(model.non_trainable_variables) == 4
    assert [each.path.split("/")[-2:] for each in model.variables][:2] == [["conv2d", "kernel"], ["conv2d", "bias"]]


@both
def test_a_weight_is_assigned(engine):
    layer = engine.layers.Dense(2)
    layer.build((None, 3))
    layer.bias.assign([1.0, 2.0])
    layer.bias.assign_add(np.array([1.0, 1.0]))
    layer.bias.assign_sub(engine.Variable([0.5, 0.5]))
    np.testing.assert_array_equal(layer.bias.numpy(), [1.5, 2.5])
    np.testing.assert_array_equal(np.asarray(layer.bias.value), [1.5, 2.5])
    assert layer.bias.numpy().dtype == "float32"


@both
def test_variables_of_ones_own(engine):
    class Scale(engine.layers.Layer):
        def __init__(self):
            super().__init__()
            self.factor = engine.Variable(2.0, name="factor")
            self.seen = engine.Variable("zeros", shape=(3,), trainable=False, name="seen")
            self.loss_mean = engine.metrics.Mean(name="loss")

        def call(self, x):
            self.seen.assign_add(x[0])
            return x * self.factor

    layer = Scale()
    y = layer(np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(np.asarray(y), 2 * np.ones((2, 3)))
    np.testing.assert_array_equal(layer.seen.numpy(), [1, 1, 1])
    assert [each.name for each in layer.trainable_variables] == ["factor"]
    assert [each.name for each in layer.non_trainable_variables] == ["seen"]
    assert [each.name for each in layer.metrics] == ["loss"]
    assert layer.factor.shape == ()


@both
def test_the_learning_rate_is_a_number_that_can_be_set(engine):
    optimizer = engine.optimizers.SGD(0.5)
    rate = optimizer.learning_rate
    assert float(rate) == 0.5
    assert rate.numpy() == 0.5
    rate.assign(0.25)
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate = optimizer.learning_rate * 0.5
    assert float(optimizer.learning_rate) == 0.125
    optimizer.learning_rate = np.float32(1)
    assert f"{float(optimizer.learning_rate):.1f}" == "1.0"
    weight = engine.Variable([1.0, 2.0])
    optimizer.apply_gradients([(np.array([0.5, 1.0], np.float32), weight)])
    np.testing.assert_array_equal(weight.numpy(), [0.5, 1.0])
    optimizer.apply([np.array([0.5, 1.0], np.float32)])
    np.testing.assert_array_equal(weight.numpy(), [0.0, 0.0])
