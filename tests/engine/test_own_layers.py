"""Layers and models of one's own, written as Keras's guides write them: counted, built, trained, copied, saved."""

import copy
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


class Linear(layers.Layer):
    """The first layer of Keras's guide "Making new layers and models via subclassing"."""

    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return tc.functions.matmul(inputs, self.w) + self.b

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


class Block(layers.Layer):
    """Layers and a weight as attributes, in a list and a dict, private ones too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convs, self.norms = [], []
        for filters in (3, 4):
            self.convs.append(layers.Conv2D(filters, 3, padding="same"))
            self.norms.append(layers.BatchNormalization())
        self.ends = {"drop": layers.Dropout(0.5), "out": layers.Conv2D(2, 1)}
        self._scale = self.add_weight((), "ones", name="scale")

    def call(self, x, training=None):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = tc.functions.relu(norm(conv(x), training=training))
        return self.ends["out"](self.ends["drop"](x)) * self._scale


class Net(tc.Model):
    """A model of one's own."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.blocks = [Linear(8), Linear(4)]
        self.out = layers.Dense(1)

    def call(self, inputs, training=False):
        x = self.hidden(inputs)
        for block in self.blocks:
            x = tc.functions.relu(block(x))
        return self.out(x)


def test_layers_within_are_counted_and_trained(rng):
    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(3)

        def call(self, inputs):
            return self.d(inputs)

    x = tc.Input((4,))
    model = tc.Model(x, layers.Dense(1, use_bias=False)(Around()(x)))
    assert model.layers[1].count_params() == 15
    assert model.output_shape == (None, 1)
    before = model.get_weights()
    model.compile("sgd", "mean_squared_error")
    model.fit(rng.standard_normal((8, 4)), np.ones((8, 1)), verbose=0)
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def test_order_of_weights_trainable_ones_and_shapes():
    block = Block()
    x = tc.Input((6, 5, 2))
    assert block(x).shape == (None, 6, 5, 2)
    names = ["scale", *["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"] * 2, "kernel", "bias"]
    assert [weight.name for weight in block.weights] == names
    assert len(block.trainable_weights) == 11
    block.trainable = False
    assert block.trainable_weights == []
    assert block.non_trainable_weights == block.weights
    assert not block.convs[0].trainable
    block.trainable = True
    block.convs[1].trainable = False
    assert len(block.trainable_weights) == 9


def test_building_runs_nothing_of_the_layer_for_good(rng):
    """The trial that finds shapes and builds leaves averages and draws as they were."""
    block = Block()
    block.build((None, 6, 5, 2))
    assert not block.norms[0].moving_mean.numpy().any()
    assert block.ends["drop"].stream.step == 0


def test_what_is_left_out_is_found():
    class Sides(layers.Layer):
        def call(self, inputs):
            a, b = inputs
            return [a[:, ::2], tc.functions.concatenate([a, b], 2), a.sum(axis=0)]

    a, b = tc.Input((None, 6, 2)), tc.Input((None, 3, 2))
    found = Sides()([a, b])
    assert [symbol.shape for symbol in found] == [(None, None, 6, 2), (None, None, 9, 2), (None, 6, 2)]

    class Wrong(layers.Layer):
        def call(self, inputs):
            return inputs.reshape((3, -1))[7]

    with pytest.raises(ValueError, match=r'layer "wrong" \(Wrong\) could not be tried on zeros of shape \(None, 4\)'):
        Wrong()(tc.Input((4,)))

    class Number(layers.Layer):
        def call(self, inputs):
            return 3

    with pytest.raises(ValueError, match="call must return a tensor, or a list of them, and returned int"):
        Number()(tc.Input((4,)))


def test_state_that_is_assigned():
    class ComputeSum(layers.Layer):
        def __init__(self, input_dim):
            super().__init__()
            self.total = self.add_weight(shape=(input_dim,), initializer="zeros", trainable=False)

        def call(self, inputs):
            self.total.assign_add(tc.functions.sum(inputs, axis=0))
            return self.total

    my_sum = ComputeSum(2)
    for total in ([2, 2], [4, 4]):
        np.testing.assert_array_equal(my_sum(np.ones((2, 2))).numpy(), total)
    assert my_sum.weights == my_sum.non_trainable_weights == [my_sum.total]
    assert my_sum.trainable_weights == []
    with pytest.raises(ValueError, match=r"has shape \(2,\), assign got \(3,\)"):
        my_sum.total.assign([1, 2, 3])


def test_configuration_round_trip():
    kind = tc.register_keras_serializable(package="Mine")(type("Registered", (Linear,), {}))
    x = tc.Input((3,))
    model = tc.Model(x, kind(5, name="mine", trainable=False)(x))
    config = model.get_config()
    assert config["layers"][1]["registered_name"] == "Mine>Registered"
    again = tc.Model.from_config(config).get_layer("mine")
    assert type(again) is kind
    assert (again.units, again.trainable) == (5, False)
    config["layers"][1]["registered_name"] = "Mine>Unknown"
    with pytest.raises(ValueError, match='no class is registered as "Mine>Unknown"'):
        tc.Model.from_config(config)


def test_building_by_hand_is_remembered(rng):
    for layer, shape in ((layers.Dense(3), (None, 4)), (Linear(3), [None, 4]), (layers.Conv2D(2, 3), (2, 5, 5, 4))):
        layer.build(shape)
        assert layer.built
        assert len(layer.weights) == 2
        weights = [rng.standard_normal(weight.shape).astype(np.float32) for weight in layer.weights]
        layer.set_weights(weights)
        layer.build(shape)
        layer(np.ones((2, *shape[1:]), np.float32))
        assert len(layer.weights) == 2
        for weight, value in zip(layer.weights, weights, strict=True):
            np.testing.assert_array_equal(weight.numpy(), value)
    dense = layers.Dense(3)
    dense.build((None, 4))
    with pytest.raises(ValueError, match="built for 4 features"):
        dense.build((None, 5))


def test_what_fails_to_build_leaves_nothing():
    class Fails(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((2,))
            super().build(input_shape)
            if input_shape[-1] != 3:
                raise OSError("no")

        def call(self, inputs):
            return inputs * self.w[0]

    layer = Fails()
    with pytest.raises(OSError, match="no"):
        layer.build((None, 4))
    assert layer.weights == []
    assert not layer.built
    layer.build((None, 3))
    assert len(layer.weights) == 1
    with pytest.raises(ValueError, match="is built: weights and layers are given to it in __init__ or in build"):
        layer.more = layers.Dense(2)


@pytest.mark.parametrize("make", [lambda: layers.Dense(50), lambda: tc.Sequential([Linear(50), layers.Dense(3)]), Net])
def test_threads_build_once(make):
    for _ in range(10):
        model, start, found = make(), threading.Barrier(4), []

        def call(model=model, start=start, found=found):
            start.wait()
            found.append(model(np.ones((2, 3), np.float32)).numpy())

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert all((one == found[0]).all() for one in found)
        assert len(model.weights) == len(make().weights or model.weights)


FORKS = """
import os, threading, tinyconv as tc
from tinyconv.layers.building import building
held = threading.Event()
def hold():
    with building():
        held.set()
        threading.Event().wait(20)
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    layer = tc.layers.Dense(2)
    layer.build((None, 3))
    os._exit(len(layer.weights))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_builds_while_a_thread_of_its_parent_builds():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "2", done.stderr


def test_a_model_of_ones_own(rng, tmp_path, capsys):
    x, y = rng.standard_normal((16, 5)), rng.standard_normal((16, 1))
    model = Net()
    assert repr(model) == "<Net net: 4 layers, not built>"
    model.compile("adam", "mean_squared_error")
    history = model.fit(x, y, epochs=20, batch_size=8, verbose=0, validation_data=(x, y)).history
    assert history["loss"][-1] < history["loss"][0]
    assert repr(model) == "<Net net: 4 layers, 161 parameters>"
    model.summary()
    assert "linear_1 (Linear)            (None, 4)" in capsys.readouterr().out
    model.save_weights(str(tmp_path / "net.weights.h5"))
    other = Net()
    other.compile("adam", "mean_squared_error")
    other.build((None, 5))
    other.load_weights(str(tmp_path / "net.weights.h5"))
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    after = [each.fit(x, y, shuffle=False, verbose=0).history["loss"] for each in (model, other)]
    assert after[0] == after[1]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_on(duplicate, rng):
    """A copy, made after some training, goes on as the model itself does, and leaves it alone."""
    image = tc.Input((8, 7, 2))
    y = Block()(layers.ReLU()(layers.BatchNormalization()(image)))
    inner = tc.Model(image, layers.Flatten()(y))
    shared = tc.Sequential([layers.Dense(3, activation="relu"), layers.Dropout(0.2, seed=3), layers.Dense(2)])
    image = tc.Input((8, 7, 2))
    model = tc.Model(image, [shared(inner(image)), layers.Dense(1)(inner(image, training=False))])
    model.compile("adam", "mean_squared_error")
    x, y = rng.standard_normal((8, 8, 7, 2)), [rng.standard_normal((8, 2)), rng.standard_normal((8, 1))]
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    other = duplicate(model)
    assert other.get_config() == model.get_config()
    model_before = model.get_weights()
    losses = [other.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history["loss"]]
    for weight, old in zip(model.weights, model_before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    losses.append(model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history["loss"])
    assert losses[0] == losses[1]
    for weight, twin in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), twin.numpy())
    other.get_layer(index=1).layers[1].trainable = False  # its lists tell it, not the model
    block = next(layer for layer in other.get_layer(index=1).layers if isinstance(layer, Block))
    block.convs.pop()
    assert len(block.weights) == 13


@pytest.mark.parametrize("kind", [tc.Sequential, tc.Model])
def test_copies_of_deep_models(kind):
    depth = 2000
    if kind is tc.Sequential:
        model = tc.Sequential([tc.Input((2,)), *(layers.Activation("linear") for _ in range(depth)), layers.Dense(1)])
    else:
        x = y = tc.Input((2,))
        for _ in range(depth):
            y = layers.Activation("linear")(y)
        model = tc.Model(x, layers.Dense(1)(y))
    x = np.ones((3, 2), np.float32)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(x), model.predict(x))
        assert len(other.layers) == len(model.layers)


@pytest.mark.parametrize("stack", [[], [layers.Dense(3), layers.Dropout(0.5)]])
def test_copies_of_what_is_not_built(stack):
    """A stack whose input is not known yet could neither be copied nor pickled."""
    model = tc.Sequential(stack)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not other.built
        other.add(layers.Dense(2, name="top"))
        assert other(np.ones((4, 5), np.float32)).shape == (4, 2)
    assert not model.built


def test_the_first_argument_is_called_inputs(rng):
    """As in Keras, for a layer and for both kinds of models, on arrays and on symbols."""
    x, symbol = rng.standard_normal((2, 3)).astype(np.float32), tc.Input((3,))
    stack = tc.Sequential([symbol.node.operation, layers.Dense(2)])
    for called in (Linear(4), stack, tc.Model(symbol, layers.Dense(2)(symbol))):
        np.testing.assert_array_equal(called(inputs=x).numpy(), called(x, training=False).numpy())
        assert called(inputs=symbol).shape == called(symbol).shape


class Pair(layers.Layer):
    """A layer that is called on two tensors, and a number."""

    def call(self, first, second, *, scale, training=None):
        return (first + second) * scale


REFUSED = [
    (lambda: Pair()(np.ones((2, 2))), '"pair.*" is called on first: its call needs second, scale'),
    (lambda: layers.Add()(tc.Input((2,)), tc.Input((2,))), r"call it as layer\(\[a, b\]\)"),
    (lambda: two_inputs()(np.ones((2, 3, 3))), "has the inputs .* got one ndarray: give it a list of arrays"),
    (lambda: two_inputs()([]), "has 2 inputs .* got 0"),
    (lambda: layers.Dense(2)({"a": np.ones((2, 3))}), "takes one tensor, got a dict of 1: join them"),
    (lambda: Linear(3).add_weight("w", (2,)), "give its name as name='w'"),
    (lambda: Linear(3).add_weight((2,), constraint="max_nrm"), 'unknown constraint "max_nrm": did you mean "max_norm"'),
    (
        lambda: Linear(3).add_weight((2,), lambda shape, dtype: np.ones(3)),
        r"asked for the shape \(2,\) and made \(3,\)",
    ),
    (lambda: Linear(3).add_weight((2,), dtype="int32"), "dtype int32, but all of its weights are float32"),
    (lambda: layers.Dense(2, trainable=None), "trainable must be True or False, got None"),
    (lambda: layers.Dense(2, trainable="yes"), "trainable must be True or False, got 'yes'"),
    (lambda: layers.Dense(4)([np.ones((2, 3)), np.ones((2, 3))]), r"takes one tensor, got a list of 2: join them"),
    (lambda: layers.Dense(4)(np.ones((2, 3)), np.ones((2, 3))), r"takes one tensor or a list of them"),
    (lambda: type("Forgets", (layers.Layer,), {"__init__": sets})(), r"must call super\(\).__init__\(\) before"),
    (
        lambda: type("Steps", (tc.Model,), {"make_train_function": sets}),
        "Steps defines make_train_function, which tinyconv does not call: use train_step",
    ),
    (lambda: type("Own", (tc.Model,), {})(inputs=tc.Input((2,)), outputs=1), "its outputs hold 1: start with x"),
]


def two_inputs():
    inputs = [tc.Input((3,)), tc.Input((3,))]
    return tc.Model(inputs, layers.Add()(inputs))


def sets(self):
    self.d = layers.Dense(3)


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(call, message):
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
