"""Recordings after updates: they are those of a model that was trained so, and the model stays as it was."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.explorer.recording import record
from tinyconv.explorer.steps import record_steps


def network():
    tc.set_seed(3)
    model = tc.Sequential(
        [
            tc.Input((6, 6, 1)),
            tc.layers.Conv2D(3, 3),
            tc.layers.BatchNormalization(),
            tc.layers.Flatten(),
            tc.layers.Dropout(0.5),
            tc.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


X = np.random.default_rng(0).normal(size=(4, 6, 6, 1)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]


def test_recordings_are_those_of_a_trained_model():
    model, trained = network(), network()
    first, later = record_steps(model, X, Y, (0, 3))
    assert (first.iteration, later.iteration) == (0, 3)
    for _ in range(3):
        trained.train_on_batch(X, Y)
    wanted = record(trained, X, Y)
    assert later.values[later.loss].array == wanted.values[wanted.loss].array
    for value, other in zip(later.values, wanted.values, strict=True):
        np.testing.assert_array_equal(value.array, other.array)
    for update, other in zip(later.updates, wanted.updates, strict=True):
        np.testing.assert_array_equal(update.slots_after["velocity"], other.slots_after["velocity"])


def test_the_model_stays_as_it_was():
    model, other = network(), network()
    for each in (model, other):
        each.train_on_batch(X, Y)
    metrics = [metric.result() for metric in model.metrics]
    record_steps(model, X, Y, (1, 2))
    assert [metric.result() for metric in model.metrics] == metrics
    assert model.train_on_batch(X, Y) == other.train_on_batch(X, Y)  # weights, draws, averages and the optimizer
    for weight, same in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(weight.data, same.data)


@pytest.mark.parametrize("steps", [(), (1, 0), (0, 0), (-1,), (0.5,)])
def test_steps_must_rise(steps):
    with pytest.raises(ValueError, match="steps must be whole numbers of updates that rise"):
        record_steps(network(), X, Y, steps)
