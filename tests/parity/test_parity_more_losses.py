"""Losses of numbers, margins, distributions and overlaps against Keras's: values, gradients, descriptions."""

from dataclasses import replace

import numpy as np
import pytest
from parity_checks import close
from test_parity_losses import activation, bits, compare_loss, one_hot, plain

import tinyconv as tc


def numbers(rng, *shape):
    return rng.normal(size=shape)


def positive(rng, *shape):
    return rng.uniform(0.1, 3, shape)


def chances(rng, n, k):
    return rng.dirichlet(np.ones(k), n)


def zeros_and_ones(rng, *shape):
    return rng.integers(0, 2, shape).astype(float)


def classes(rng, n, k):
    return rng.integers(0, k, n)


def some_classes(rng, n, k):
    return np.array([-1, *rng.integers(0, k, n - 2), -1])


def rows_of_length_1(rng, n, k):
    x = rng.normal(size=(n, k))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def two_kinds(rng, n, k):
    """Labels of which each comes twice or more, but for one."""
    return np.array([0, 0, 1, 1, 1, 2, *rng.integers(0, 2, n - 6)])


# loss → (arguments, how targets are drawn, how predictions are)
CASES = [
    *(("MeanAbsoluteError", {}, numbers, numbers), ("MeanAbsolutePercentageError", {}, numbers, numbers)),
    *(("MeanSquaredLogarithmicError", {}, numbers, numbers), ("Huber", {}, numbers, numbers)),
    *(("Huber", {"delta": 0.25}, numbers, numbers), ("LogCosh", {}, numbers, numbers)),
    *(("CosineSimilarity", {}, numbers, numbers), ("CosineSimilarity", {"axis": 0}, numbers, numbers)),
    *(("Hinge", {}, zeros_and_ones, numbers), ("SquaredHinge", {}, zeros_and_ones, numbers)),
    *(("Hinge", {}, numbers, numbers), ("CategoricalHinge", {}, one_hot, numbers)),
    *(("KLDivergence", {}, chances, chances), ("KLDivergence", {}, zeros_and_ones, numbers)),
    *(("Poisson", {}, positive, positive), ("Dice", {}, bits, chances), ("Dice", {"axis": (1,)}, bits, chances)),
    *(("Tversky", {"alpha": 0.25, "beta": 0.5}, bits, chances), ("Tversky", {"axis": -1}, bits, chances)),
    *(("BinaryFocalCrossentropy", {"gamma": 1.5}, bits, chances),),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.75, "label_smoothing": 0.25}, bits, chances),
    *(("BinaryFocalCrossentropy", {"from_logits": True}, bits, numbers),),
    *(("CategoricalFocalCrossentropy", {"alpha": 0.5, "gamma": 3}, one_hot, chances),),
    ("CategoricalGeneralizedCrossEntropy", {}, classes, chances),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.75}, classes, chances),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, some_classes, chances),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, classes, numbers),
    ("Circle", {"gamma": 8.0}, two_kinds, rows_of_length_1),
    ("Circle", {"gamma": 16.0, "margin": 0.25, "remove_diagonal": False}, two_kinds, rows_of_length_1),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.25}, one_hot, numbers),
]


@pytest.mark.parametrize(("name", "arguments", "targets", "predictions"), CASES)
def test_losses(keras, precision, rng, name, arguments, targets, predictions):
    """With and without weights, in every reduction, and made again from its description."""
    y_true, x = targets(rng, 7, 5), predictions(rng, 7, 5)
    if name == "LogCosh" and precision.dtype == "float64":
        precision = replace(precision, output=1e-7)  # Keras takes ln 2 in float32
    weight = None if arguments.get("axis", -1) != -1 or name in ("Dice", "Tversky") else rng.uniform(0, 3, 7)
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        given = {**arguments, "reduction": reduction}
        compare_loss(keras, precision, name, given, y_true, x, plain, weight)
    ours, theirs = (getattr(engine.losses, name)(**arguments) for engine in (tc, keras))
    assert ours.name == theirs.name
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    of_keras = type(theirs).from_config(ours.get_config())
    dtype = precision.dtype
    value = float(of_keras(y_true.astype(dtype), x.astype(dtype)))
    close(f"{name}, described", np.array(ours(y_true, x.astype(dtype)).item(), dtype), np.array(value, dtype), 1e-5)


@pytest.mark.parametrize("reduction", ["none", None])
def test_each_loss_by_itself(keras, rng, reduction):
    y_true, y_pred = rng.normal(size=(2, 6, 3)).astype(np.float32)
    weight = rng.uniform(0, 2, 6).astype(np.float32)
    ours, theirs = (engine.losses.MeanAbsoluteError(reduction=reduction) for engine in (tc, keras))
    expected = np.asarray(theirs(y_true, y_pred, weight), np.float32)
    close("no reduction", ours(y_true, y_pred, weight).numpy(), expected, 1e-6)


def test_focal_from_the_sigmoid(keras, precision, rng):
    """Straight from the last activation: where nothing rounds, what Keras computes from the probabilities."""
    x = numbers(rng, 7, 5)
    compare_loss(keras, precision, "BinaryFocalCrossentropy", {}, bits(rng, 7, 5), x, activation("sigmoid"))
    saturated = tc.losses.BinaryFocalCrossentropy()(np.ones((1, 1)), tc.functions.sigmoid(tc.Tensor([[-200.0]])))
    assert saturated.item() == pytest.approx(200)


def test_pixels_without_a_class(keras, precision, rng):
    """They have no loss and no gradient, whatever is predicted there; in a batch of nothing else all is 0."""
    labels = rng.integers(0, 4, (2, 3, 5))
    labels[0, :2] = 255
    x = rng.normal(size=(2, 3, 5, 4))
    arguments = {"from_logits": True, "ignore_class": 255}
    weight = rng.uniform(0, 3, (2, 3, 5))
    for given in (None, weight):
        ours, theirs = (
            engine.losses.SparseCategoricalCrossentropy(**arguments)(labels, x.astype(precision.dtype), given)
            for engine in (tc, keras)
        )
        close("ignore_class", ours.numpy().reshape(()), np.asarray(theirs), precision.output)
    tensor = tc.Tensor(x, requires_grad=True)
    loss = tc.losses.SparseCategoricalCrossentropy(**arguments)
    loss(labels, tensor).backward()
    np.testing.assert_array_equal((tensor.grad == 0).all(axis=-1), labels == 255)
    assert loss(np.full((2, 3, 5), 255), x).item() == 0


def test_training_with_a_class_that_is_ignored(keras, rng):
    """The loss of three steps, and what is refused."""
    x, y = rng.normal(size=(12, 6)).astype(np.float32), rng.integers(0, 3, 12)
    y[:5] = -1
    curves = []
    for engine in (tc, keras):
        model = engine.Sequential([engine.Input((6,)), engine.layers.Dense(3, "softmax")])
        model.set_weights([np.linspace(-1, 1, 18).reshape(6, 3), np.zeros(3)])
        loss = engine.losses.SparseCategoricalCrossentropy(ignore_class=-1)
        model.compile(engine.optimizers.SGD(0.5), loss, **({} if engine is tc else {"run_eagerly": True}))
        curves.append([float(model.train_on_batch(x, y)) for _ in range(3)])
        if engine is tc:
            with pytest.raises(ValueError, match=r"needs labels in 0 … 2, got -2"):
                model.fit(x, y - 1, verbose=0)
        else:
            model.reset_metrics()
    assert curves[0][0] == pytest.approx(curves[1][0], rel=1e-5)
    assert curves[0][0] > curves[0][2]


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]], ids=["one label", "each its own"])
def test_circles_of_one_kind(labels, rng):
    """Without others of the same label, or of another, there is nothing to draw: no loss, no gradient."""
    x = tc.Tensor(rows_of_length_1(rng, 4, 3), requires_grad=True)
    loss = tc.losses.Circle()(np.array(labels), x)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()


def test_circle_of_large_gamma(keras, rng):
    """Exponents beyond what float32 holds."""
    x, labels = rows_of_length_1(rng, 8, 3).astype(np.float32), np.arange(8) % 3
    ours, theirs = (engine.losses.Circle(gamma=512.0)(labels, x) for engine in (tc, keras))
    close("Circle", ours.numpy().reshape(()), np.asarray(theirs), 1e-5)


FUNCTIONS = [
    *("categorical_hinge", "cosine_similarity", "dice", "hinge", "huber", "kl_divergence", "log_cosh"),
    *("mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error"),
    *("mean_squared_logarithmic_error", "poisson", "squared_hinge", "tversky"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(keras, rng, name):
    y_true, y_pred = rng.integers(0, 2, (6, 3)), rng.uniform(0.1, 0.9, (6, 3)).astype(np.float32)
    ours, theirs = (getattr(engine.losses, name)(y_true, y_pred) for engine in (tc, keras))
    close(f"function {name}", ours.numpy(), np.asarray(theirs), 1e-5)


def test_targets_in_a_column():
    """As in Keras, an axis of length 1 that one has and the other lacks goes."""
    for t, y in (((4, 1), (4,)), ((4,), (4, 1)), ((2, 4, 1), (2, 4)), ((2, 4), (2, 4, 1))):
        assert tc.losses.mean_absolute_error(np.zeros(t), np.ones(y)).numpy().tolist() in ([1] * t[0], [1])


@pytest.mark.parametrize("name", sorted(tc.losses.NAMES))
def test_strings(keras, name):
    kind = type(tc.losses.loss_of(name))
    try:
        judge = keras.losses.get(name)
    except ValueError:
        return  # of Keras 2
    spelling = getattr(judge, "__name__", type(judge).__name__)
    assert spelling.replace("_", "").lower() == kind.__name__.lower()
    assert type(tc.losses.loss_of(kind.__name__)) is kind
