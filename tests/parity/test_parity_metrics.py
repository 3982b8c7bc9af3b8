"""Metrics against Keras's: how "accuracy" is resolved, ties, thresholds, weights, running means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity_checks import close_numbers

import tinyconv as tc

exact = settings(deadline=None, derandomize=True, max_examples=30, database=None)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def answers(draw):
    """Draw (targets, predictions) in any of the shapes that a model and its targets can have."""
    rng = np.random.default_rng(draw(seeds))
    lead = (draw(st.integers(1, 8)), *draw(st.lists(st.integers(2, 3), max_size=1)))
    classes = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["labels", "labels in a column", "one-hot"]))
    labels = rng.integers(0, max(classes, 2), lead)
    if kind == "one-hot" and classes > 1:
        y_true = np.eye(classes)[labels]
    else:
        y_true = labels[..., None] if kind == "labels in a column" else labels
    # Few values, so that ties are common and 0.5 is hit.
    return y_true.astype(rng.choice(["int64", "float32"])), rng.integers(0, 5, (*lead, classes)) / np.float32(4)


def run(metric, batches):
    """Return the metric's result after each of the batches."""
    results = []
    for y_true, y_pred, weight in batches:
        metric.update_state(y_true, y_pred, sample_weight=weight)
        results.append(float(metric.result()))
    return results


@exact
@given(answers())
def test_accuracy_is_what_keras_makes_of_it(keras, given):
    y_true, y_pred = given
    model = keras.Sequential([keras.Input(y_pred.shape[1:]), keras.layers.Activation("linear")])
    model.compile(metrics=["accuracy"])
    expected = model.compute_metrics(None, y_true, keras.ops.convert_to_tensor(y_pred))["accuracy"]
    metric = tc.metrics.metric_of("accuracy", y_true.shape, (None, *y_pred.shape[1:]))
    assert metric.name == "accuracy"
    close_numbers("accuracy", run(metric, [(y_true, y_pred, None)]), float(expected), 1e-6, "float32", y_pred.shape)


@exact
@given(st.integers(1, 9), st.integers(2, 7), st.integers(1, 8), st.booleans(), seeds)
def test_top_k(keras, n, classes, k, sparse, seed):
    """Ties are common here: a class that ties with the k-th counts."""
    rng = np.random.default_rng(seed)
    labels, y_pred = rng.integers(0, classes, n), rng.integers(0, 4, (n, classes)).astype(np.float32)
    y_true, name = (
        (labels, "SparseTopKCategoricalAccuracy") if sparse else (np.eye(classes)[labels], "TopKCategoricalAccuracy")
    )
    ours, theirs = (run(getattr(engine.metrics, name)(k), [(y_true, y_pred, None)]) for engine in (tc, keras))
    close_numbers("top-k accuracy", ours, theirs, 1e-6, "float32", k)


METRICS = {
    "BinaryAccuracy": lambda rng, n: (rng.integers(0, 2, (n, 3)), rng.random((n, 3))),
    "CategoricalAccuracy": lambda rng, n: (np.eye(4)[rng.integers(0, 4, n)], rng.random((n, 4))),
    "SparseCategoricalAccuracy": lambda rng, n: (rng.integers(0, 4, n), rng.random((n, 4))),
    "TopKCategoricalAccuracy": lambda rng, n: (np.eye(9)[rng.integers(0, 9, n)], rng.random((n, 9), np.float32)),
    "SparseTopKCategoricalAccuracy": lambda rng, n: (rng.integers(0, 9, n), rng.random((n, 9), np.float32)),
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_running_means(keras, rng, name, weighted):
    """Over batches of different sizes, with weights, by default name, and afresh after a reset."""
    ours, theirs = (getattr(engine.metrics, name)() for engine in (tc, keras))
    assert ours.name == theirs.name
    for _ in range(2):
        batches = [(*METRICS[name](rng, n), rng.uniform(0, 3, n) if weighted else None) for n in (20, 7, 1)]
        close_numbers(name, run(ours, batches), run(theirs, batches), 1e-6, "float32", f"weighted={weighted}")
        ours.reset_state()
        theirs.reset_state()
        assert ours.result() == float(theirs.result()) == 0


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
def test_binary_threshold(keras, rng, threshold):
    """A prediction on the threshold is not above it."""
    y_true, y_pred = rng.integers(0, 2, (50, 1)), rng.integers(0, 5, (50, 1)) / np.float32(4)
    ours, theirs = (engine.metrics.BinaryAccuracy(threshold=threshold) for engine in (tc, keras))
    batches = [(y_true, y_pred, None)]
    close_numbers("BinaryAccuracy", run(ours, batches), run(theirs, batches), 1e-6, "float32", threshold)


def test_mean(keras):
    ours, theirs = tc.metrics.Mean(), keras.metrics.Mean()
    for value, weight in ((2.0, 3), (-1.0, 5), (0.25, 1)):
        ours.add(value, weight)
        theirs.update_state(value, weight)
        close_numbers("Mean", ours.result(), float(theirs.result()), 1e-6, "float32")
    assert ours.name == theirs.name


@pytest.mark.parametrize("name", sorted(tc.metrics.METRICS))
def test_names(keras, name):
    ours = tc.metrics.metric_of(name, (2,), (None, 2))
    assert ours.name == name
    assert type(keras.metrics.get(name)).__name__ == type(ours).__name__
