"""Metrics: what each counts, and what "accuracy" means."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("accuracy", 0.5),
        ("acc", 0.5),
        ("sparse_categorical_accuracy", 0.5),
        (tc.metrics.SparseTopKCategoricalAccuracy(2), 0.75),
    ],
)
def test_metrics(metric, wanted):
    """The network passes its input on: predictions are what the test says they are."""
    model = tc.Sequential([layers.Softmax(input_shape=(3,)), layers.Reshape((3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    x = np.array([[3, 2, 1], [1, 3, 2], [1, 2, 3], [3, 2, 1.0]])
    logs = model.evaluate(x, [0, 1, 1, 2], verbose=0, return_dict=True)
    name = metric if isinstance(metric, str) else metric.name
    assert logs[name] == wanted


@pytest.mark.parametrize(("y", "wanted"), [(np.eye(2)[[0, 1, 1]], 2 / 3), (np.array([[0], [1], [1]]), 2 / 3)])
def test_accuracy_is_resolved_by_the_targets(y, wanted):
    model = tc.Sequential([layers.Softmax(input_shape=(2,))])
    model.compile(
        "sgd", "categorical_crossentropy" if y.shape[1] == 2 else "sparse_categorical_crossentropy", ["accuracy"]
    )
    assert model.evaluate(np.array([[1, 0], [0, 1], [1.0, 0]]), y, verbose=0)[1] == pytest.approx(wanted)
    binary = tc.Sequential([layers.Activation("sigmoid", input_shape=(1,))])
    binary.compile("sgd", "binary_crossentropy", ["accuracy"])
    assert binary.evaluate(np.array([[2], [-1], [-1.0]]), np.array([1, 0, 1]), verbose=0)[1] == pytest.approx(2 / 3)


@pytest.mark.parametrize("weights", [[1, 2, 1], np.array([1.0, 2, 1]), tc.Tensor([1.0, 2, 1])], ids=type)
def test_weights_of_samples(weights):
    metric = tc.metrics.SparseCategoricalAccuracy()
    metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], sample_weight=weights)
    assert metric.result() == 0.75
    metric.update_state([1], [[0.1, 0.9]])
    assert metric.result() == 0.8
