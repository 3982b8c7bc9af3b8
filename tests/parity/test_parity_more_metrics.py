"""Errors, counts, areas, scores and overlaps against Keras's, over batches of different sizes, with weights."""

import json

import numpy as np
import pytest
from scipy.stats import pearsonr

import tinyconv as tc


def numbers(rng, n):
    return rng.normal(size=(2, n, 3)).astype(np.float32)


def column(rng, n):
    return rng.integers(0, 2, (n, 1)), rng.random((n, 1)).astype(np.float32)


def vector(rng, n):
    return rng.integers(0, 2, n), rng.random(n).astype(np.float32)


def bits(rng, n):
    return rng.integers(0, 2, (n, 3)), rng.uniform(0.01, 1, (n, 3)).astype(np.float32)


def one_hot(rng, n):
    return np.eye(3)[rng.integers(0, 3, n)], rng.dirichlet(np.ones(3), n).astype(np.float32)


def labels(rng, n):
    return rng.integers(0, 3, n), rng.dirichlet(np.ones(3), n).astype(np.float32)


def classes(rng, n):
    return rng.integers(0, 4, (n, 2)), rng.integers(0, 4, (n, 2))


def logits(rng, n):
    return rng.integers(0, 2, (n, 3)), 4 * rng.normal(size=(n, 3)).astype(np.float32)


CASES = [
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("RootMeanSquaredError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, numbers),
    ("MeanSquaredLogarithmicError", {}, bits),
    ("Poisson", {}, bits),
    ("LogCoshError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("KLDivergence", {}, one_hot),
    ("Hinge", {}, logits),
    ("SquaredHinge", {}, logits),
    ("CategoricalHinge", {}, one_hot),
    ("Accuracy", {}, vector),
    ("BinaryCrossentropy", {}, bits),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.25}, logits),
    ("CategoricalCrossentropy", {"label_smoothing": 0.25}, one_hot),
    ("SparseCategoricalCrossentropy", {}, labels),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, labels),
    ("PearsonCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {"axis": 1}, bits),
    ("TruePositives", {}, column),
    ("FalsePositives", {"thresholds": [0.75, 0.25]}, bits),
    ("TrueNegatives", {"thresholds": 0.25}, vector),
    ("FalseNegatives", {}, bits),
    ("Precision", {}, column),
    ("Precision", {"thresholds": [0.2, 0.5, 0.9]}, bits),
    ("Precision", {"top_k": 2}, bits),
    ("Recall", {}, bits),
    ("Recall", {"class_id": 1}, one_hot),
    ("Recall", {"top_k": 1, "class_id": 2}, one_hot),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, bits),
    ("SpecificityAtSensitivity", {"sensitivity": 0.75}, bits),
    ("PrecisionAtRecall", {"recall": 0.5, "class_id": 1}, bits),
    ("RecallAtPrecision", {"precision": 0.5}, bits),
    ("AUC", {}, column),
    ("AUC", {"curve": "PR"}, vector),
    ("AUC", {"curve": "PR", "multi_label": True}, bits),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 0.5, 2.0]}, bits),
    ("AUC", {"from_logits": True}, logits),
    ("AUC", {"summation_method": "minoring", "num_thresholds": 20}, bits),
    ("AUC", {"thresholds": [0.7, 0.3]}, bits),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, bits),
    ("F1Score", {}, one_hot),
    ("F1Score", {"average": "macro", "threshold": 0.5}, bits),
    ("FBetaScore", {"average": "micro", "beta": 2.0}, one_hot),
    ("F1Score", {"average": "weighted"}, one_hot),
    ("R2Score", {}, numbers),
    ("R2Score", {"class_aggregation": None}, numbers),
    ("R2Score", {"num_regressors": 1}, numbers),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, numbers),
    ("MeanIoU", {"num_classes": 4}, classes),
    ("IoU", {"num_classes": 4, "target_class_ids": [1, 3]}, classes),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1}, classes),
    ("OneHotMeanIoU", {"num_classes": 3}, one_hot),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": (0,)}, one_hot),
    ("BinaryIoU", {"threshold": 0.75}, bits),
]
COUNTS_PLACES = ("IoU", "MeanIoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")


@pytest.mark.filterwarnings("ignore:You are passing weight")
@pytest.mark.parametrize(("name", "arguments", "draw"), CASES)
def test_metrics(keras, fresh_names, rng, name, arguments, draw):
    """Three batches with weights, three without, and afresh after a reset; by default name; from its description."""
    ours, theirs = (getattr(engine.metrics, name)(**arguments) for engine in (tc, keras))
    assert ours.name == theirs.name
    assert getattr(ours, "_direction", None) == getattr(theirs, "_direction", None) or theirs._direction is None
    again = type(ours).from_config(json.loads(json.dumps(ours.get_config())))
    type(theirs).from_config(ours.get_config() | {"dtype": "float32"})
    for weighted in (True, False):
        for n in (20, 7, 1):
            y_true, y_pred = draw(rng, n)
            weight = rng.integers(0, 4, n).astype(np.float32) if weighted else None
            given = weight
            if name in COUNTS_PLACES and weighted:  # Keras's wants one for each place
                given = np.repeat(weight, y_true.size // n) if "OneHot" not in name else weight
                given = given.astype(np.int32)
            for metric in (ours, again):
                metric.update_state(y_true, y_pred, weight)
            theirs.update_state(y_true, y_pred, given)
            if n > 1 or name != "R2Score":
                np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=2e-5, atol=1e-6)
        np.testing.assert_array_equal(again.result(), ours.result())
        ours.reset_state(), again.reset_state(), theirs.reset_state()


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation"])
def test_correlations(keras, rng, name):
    """SciPy's r; and Keras's over either axis. What is constant has none, and agrees with nothing but itself."""
    x = rng.normal(size=(2, 6, 5)).astype(np.float32)
    for axis in (0, 1):
        ours, theirs = (getattr(engine.metrics, name)(*x, axis=axis) for engine in (tc, keras))
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-4, atol=1e-6)
    if name == "pearson_correlation":
        expected = [pearsonr(*rows).statistic for rows in zip(*x, strict=True)]
        np.testing.assert_allclose(tc.metrics.pearson_correlation(*x), expected, rtol=1e-6)
        assert np.isnan(tc.metrics.pearson_correlation(np.ones(4), np.arange(4.0)))
    else:
        assert (tc.metrics.concordance_correlation(x[0], 2 * x[0]) < 1).all()
        assert tc.metrics.concordance_correlation(np.ones(4), np.arange(4.0)) == 0


def test_sum(keras, rng):
    ours, theirs = tc.metrics.Sum(), keras.metrics.Sum()
    for metric in (ours, theirs):
        metric.update_state([1.0, 3.0, 5.0])
        metric.update_state(np.ones((2, 3)), np.array([1.0, 2.0]))
    assert ours.result() == float(theirs.result()) == 18
    ours.reset_state()
    assert ours.result() == 0


def test_no_sample_yet():
    for name, kind in tc.metrics.METRICS.items():
        result = kind().result()
        assert np.all(result == 0), name


def test_a_model_reports_them(keras, rng):
    """By string, by class name and as objects, under Keras's names; several values at once where a metric has them."""
    x, y = rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 2, (50, 1))
    found = []
    for engine in (tc, keras):
        model = engine.Sequential([engine.Input((4,)), engine.layers.Dense(1, "sigmoid")])
        model.set_weights([np.linspace(-1, 1, 4)[:, None], np.array([0.25])])
        wanted = ["mae", "AUC", engine.metrics.Precision(name="p"), "accuracy", "hinge", "RootMeanSquaredError"]
        model.compile("sgd", "binary_crossentropy", metrics=wanted)
        found.append(model.evaluate(x, y, batch_size=20, verbose=0, return_dict=True))
    ours, theirs = found
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=1e-5), name


def test_several_values(capsys, rng):
    """A metric of several values, as F1Score has by default, is an array in the logs."""
    x, y = rng.normal(size=(20, 4)).astype(np.float32), np.eye(3)[rng.integers(0, 3, 20)]
    model = tc.Sequential([tc.Input((4,)), tc.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[tc.metrics.F1Score(), "accuracy"])
    model.fit(x, y, verbose=1)
    history = model.fit(x, y, epochs=2, verbose=2, validation_data=(x, y)).history
    assert [np.shape(value) for value in history["val_f1_score"]] == [(3,), (3,)]
    assert "f1_score" in capsys.readouterr().out
