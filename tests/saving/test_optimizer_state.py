"""Each optimizer's state in files exchanged with live Keras: its order, and that training goes on from it."""

import h5py
import numpy as np
import pytest

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

RNG = np.random.default_rng(3)
X = RNG.random((16, 5), np.float32)
Y = RNG.random((16, 2), np.float32)

# How each engine makes one.
OPTIMIZERS = {
    "SGD": lambda made: made.SGD(0.1),
    "SGD with a schedule": lambda made: made.SGD(made.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "momentum with a schedule": lambda made: made.SGD(made.schedules.PolynomialDecay(0.1, 20), momentum=0.9),
    "RMSprop": lambda made: made.RMSprop(0.01, momentum=0.5, centered=True),
    "Adam": lambda made: made.Adam(0.01, weight_decay=0.1, global_clipnorm=0.5),
    "AMSGrad": lambda made: made.Adam(0.01, beta_2=0.5, amsgrad=True),
    "AdamW": lambda made: made.AdamW(0.01),
    "Nadam": lambda made: made.Nadam(0.01),
    "Adagrad": lambda made: made.Adagrad(0.1),
    "Adadelta": lambda made: made.Adadelta(1.0),
}
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def network(engine, make, steps=0):
    """The same small network in either engine, trained for some steps."""
    dense = engine.layers.Dense
    model = engine.Sequential([engine.Input((5,)), dense(4, activation="tanh"), dense(2)])
    model.compile(make(engine.optimizers), "mean_squared_error")
    train(model, steps)
    return model


def train(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y)


def state(model):
    """All numbers of a model's optimizer."""
    found = model.optimizer.variables
    return [np.asarray(value) for _, value in found()] if callable(found) else [one.numpy() for one in found]


@each_optimizer
def test_order_is_keras_s(keras, tmp_path, make):
    shapes = []
    for engine in (tc, keras):
        path = tmp_path / f"{engine.__name__}.weights.h5"
        network(engine, make, 1).save_weights(str(path))
        with h5py.File(path) as file:
            group = file["optimizer/vars"]
            shapes.append([group[str(index)].shape for index in range(len(group))])
    assert shapes[0] == shapes[1]


@each_optimizer
def test_tinyconv_goes_on_from_keras(keras, tmp_path, make):
    theirs, ours = network(keras, make, 3), network(tc, make)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    for mine, other in zip(state(ours), state(theirs), strict=True):
        np.testing.assert_array_equal(mine.astype(other.dtype), other)
    train(theirs, 3)
    train(ours, 3)
    compare(ours, theirs)


@each_optimizer
def test_keras_goes_on_from_tinyconv(keras, tmp_path, make):
    ours, theirs = network(tc, make, 3), network(keras, make)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "a.weights.h5")
    for mine, other in zip(state(ours), state(theirs), strict=True):
        np.testing.assert_array_equal(mine.astype(other.dtype), other)
    train(theirs, 3)
    train(ours, 3)
    compare(ours, theirs)


def compare(ours, theirs):
    """Both have come the same way: weights and state."""
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    for mine, other in zip(state(ours), state(theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
    assert ours.optimizer.iterations == 6


@each_optimizer
def test_a_copy_goes_on_with_the_same_bits(tmp_path, make):
    original = network(tc, make, 3)
    original.save_weights(tmp_path / "a.weights.h5")
    copy = network(tc, make)
    copy.load_weights(tmp_path / "a.weights.h5")
    for model in (original, copy):
        train(model, 3)
    for mine, other in zip(copy.get_weights() + state(copy), original.get_weights() + state(original), strict=True):
        assert mine.tobytes() == other.tobytes()


def test_a_rate_and_a_schedule_do_not_fit(tmp_path):
    """As in Keras: with a schedule there is no learning rate among the state."""
    saved = network(tc, lambda made: made.SGD(0.1, momentum=0.9), 2)
    saved.save_weights(tmp_path / "a.weights.h5")
    loaded = network(tc, OPTIMIZERS["momentum with a schedule"])
    with pytest.warns(UserWarning, match=r"an optimizer with 6 variables, this model has sgd \(5\)"):
        loaded.load_weights(tmp_path / "a.weights.h5")
    assert loaded.optimizer.iterations == 0


def test_a_learning_rate_that_is_none_is_refused(tmp_path):
    saved, loaded = (network(tc, OPTIMIZERS["Adam"], steps) for steps in (2, 1))
    saved.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5", "r+") as file:
        file["optimizer/vars/1"][()] = np.nan
    before = [array.tobytes() for array in loaded.get_weights() + state(loaded)]
    with pytest.raises(ValueError, match="learning_rate must be a finite number"):
        loaded.load_weights(tmp_path / "a.weights.h5")
    assert [array.tobytes() for array in loaded.get_weights() + state(loaded)] == before
