"""Fifty training steps from the same weights on the same batches: every loss on the way and the weights at the end."""

from math import sqrt

import numpy as np
import pytest
from parity_checks import both_models, close, close_numbers, in_single, penalty, slow

import tinyconv as tc

STEPS = 50
SPEC = [
    ("Conv2D", dict(filters=4, kernel_size=3, activation="relu", kernel_regularizer=penalty("L2", l2=2**-9))),
    ("MaxPooling2D", {}),
    ("Conv2D", dict(filters=6, kernel_size=2, padding="same", activation="relu")),
    ("Flatten", {}),
    ("Dense", dict(units=10, activation="tanh")),
    ("Dense", dict(units=4, activation="softmax")),
]
OPTIMIZERS = [
    ("SGD", dict(learning_rate=0.05)),
    ("SGD", dict(learning_rate=0.02, momentum=0.9)),
    ("SGD", dict(learning_rate=0.02, momentum=0.9, nesterov=True)),
    ("RMSprop", dict(learning_rate=0.002)),
    ("RMSprop", dict(learning_rate=0.002, rho=0.8, epsilon=1e-3)),
    ("RMSprop", dict(learning_rate=0.0005, momentum=0.8)),
    ("RMSprop", dict(learning_rate=0.001, centered=True)),
    ("RMSprop", dict(learning_rate=0.0005, momentum=0.5, centered=True)),
    ("Adam", dict(learning_rate=0.003)),
    ("Adam", dict(learning_rate=0.003, beta_1=0.7, beta_2=0.95, epsilon=1e-2)),
    ("Adam", dict(learning_rate=0.003, beta_2=0.5, amsgrad=True)),
    ("AdamW", dict(learning_rate=0.003, weight_decay=0.1)),
    ("Adadelta", dict(learning_rate=1.0)),
    ("SGD", dict(learning_rate=0.05, weight_decay=0.05, clipnorm=0.1)),
    ("Adam", dict(learning_rate=0.003, global_clipnorm=0.1)),
    ("SGD", dict(learning_rate=0.05, momentum=0.5, clipvalue=0.01)),
    ("Adagrad", dict(learning_rate=0.02)),
    ("Adagrad", dict(learning_rate=0.02, initial_accumulator_value=0.5, epsilon=1e-2)),
]


def named(value):
    return value if isinstance(value, str) else ",".join(f"{key}={one}" for key, one in value.items())


FIRST = [name for name, _ in OPTIMIZERS]
CURVES = [case if FIRST.index(case[0]) == place else slow(case) for place, case in enumerate(OPTIMIZERS)]


@pytest.mark.parametrize(("name", "arguments"), CURVES, ids=named)
def test_fifty_steps(keras, precision, rng, name, arguments):
    """The judge's loop is its own: gradients of a tape, applied by a Keras optimizer."""
    import tensorflow as tf

    where, arguments = f"{name}({named(arguments)})", in_single(name, arguments)
    ours, theirs = both_models(keras, SPEC, (8, 8, 2), rng)
    x = rng.normal(size=(STEPS, 16, 8, 8, 2)).astype(precision.dtype)
    y = np.eye(4)[(x.sum(axis=(2, 3, 4)) > 0) + 2 * (x[:, :, :4].sum(axis=(2, 3, 4)) > 0)].astype(precision.dtype)
    optimizer, loss_of = getattr(keras.optimizers, name)(**arguments), keras.losses.CategoricalCrossentropy()
    optimizer.build(theirs.trainable_variables)

    @tf.function(jit_compile=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, theirs(x, training=True)) + sum(theirs.losses)
        variables = [variable.value for variable in theirs.trainable_variables]
        optimizer.apply(tape.gradient(loss, variables), theirs.trainable_variables)
        return loss

    ours.compile(getattr(tc.optimizers, name)(**arguments), "categorical_crossentropy")
    start = ours.get_weights()
    curve = [ours.train_on_batch(*batch) for batch in zip(x, y, strict=True)]
    judged = [step(*batch).numpy() for batch in zip(x, y, strict=True)]

    assert curve[-1] < 0.99 * curve[0]
    close_numbers("loss curve", curve, judged, precision.curve, precision.dtype, where)
    for before, weight, variable in zip(start, ours.weights, theirs.weights, strict=True):
        assert np.abs(weight.data - before).max() > 1e-4  # it has learnt
        moved, moved_keras = weight.data - before, variable.numpy() - before
        close("weights after 50 steps", moved, moved_keras, precision.curve, f"{where} {weight.path}")
    # The state too, in the order of Keras's files.
    for (slot, value), variable in zip(ours.optimizer.variables()[2:], optimizer.variables[2:], strict=True):
        close("optimizer state", value, variable.numpy(), precision.curve, f"{where} {slot}")
    assert ours.optimizer.iterations == int(optimizer.iterations) == STEPS


def scalar_rmsprop_outside(w, gradient, arguments):
    """RMSprop of Keras 1.2 to 2.3 on one number: w −= lr·g/(√a + ε); fifty steps."""
    lr, rho, epsilon = arguments["learning_rate"], arguments["rho"], arguments["epsilon"]
    a = 0.0
    for _ in range(STEPS):
        g = gradient(w)
        a = rho * a + (1 - rho) * g * g
        w -= lr * g / (sqrt(a) + epsilon)
        yield w


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3, 0.5])
def test_rmsprop_of_the_tutorials(keras, precision, epsilon):
    """No living Keras adds ε outside the root: a scalar loop judges, and Keras's own curve must differ from it."""
    arguments = dict(learning_rate=0.05, rho=0.7, epsilon=epsilon)
    start = np.array([1.5, -0.3, 2e-4])

    def gradient(w):
        return 2 * w + 0.3 * w**3

    weight = tc.layers.Parameter(start.astype(precision.dtype), "w")
    optimizer = tc.optimizers.RMSprop(**arguments, epsilon_mode="outside")
    inside = keras.Variable(start.astype(precision.dtype))
    judge = keras.optimizers.RMSprop(**arguments)
    walked, modern = [], []
    for _ in range(STEPS):
        optimizer.apply([gradient(weight.data)], [weight])
        judge.apply([keras.ops.convert_to_tensor(gradient(inside.numpy()))], [inside])
        walked.append(weight.data.copy())
        modern.append(inside.numpy())
    expected = np.array([list(scalar_rmsprop_outside(w, gradient, arguments)) for w in start.tolist()]).T
    close("RMSprop, epsilon outside", walked, expected.astype(precision.dtype), precision.curve)
    if epsilon > 1e-4:
        assert np.linalg.norm(walked - np.array(modern)) > 0.01 * np.linalg.norm(expected)
