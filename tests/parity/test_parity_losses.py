"""Values and gradients of every loss, of class and sample weights, and of penalties on weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity_checks import both_models, close, penalty

import tinyconv as tc

exact = settings(deadline=None, derandomize=True, max_examples=15, database=None)


def one_hot(rng, n, k):
    return np.eye(k)[rng.integers(0, k, n)]


def soft(rng, n, k):
    return rng.dirichlet(np.ones(k), n)


def labels(rng, n, k):
    return rng.integers(0, k, n)


def bits(rng, n, k):
    return rng.integers(0, 2, (n, k)).astype(float)


# loss → the last activation, the ways to give its targets, whether it smooths labels
LOSSES = {
    "CategoricalCrossentropy": ("softmax", (one_hot, soft), True),
    "SparseCategoricalCrossentropy": ("softmax", (labels,), False),
    "BinaryCrossentropy": ("sigmoid", (bits,), True),
}
CASES = [
    (name, targets, smoothing)
    for name, (_, kinds, smooths) in LOSSES.items()
    for targets in kinds
    for smoothing in ((0.0, 0.1, 1.0) if smooths else (None,))
]


def compare_loss(keras, precision, name, arguments, y_true, x, before, sample_weight=None, kind=None):
    """Hold loss(y_true, before(x)) and its gradient for x equal to Keras's."""
    import tensorflow as tf

    x = x.astype(precision.dtype)
    source = tf.constant(x)
    # Keras multiplies losses (n,m) by weights (n,) along the wrong axis; one weight a sample is (n,1) to it.
    weight = sample_weight if sample_weight is None else sample_weight.reshape(-1, *(1,) * (x.ndim - 2))
    with tf.GradientTape() as tape:
        tape.watch(source)
        value = getattr(keras.losses, name)(**arguments)(y_true, before(keras)(source), weight)
    gradient = tape.gradient(value, source).numpy()

    tensor = tc.Tensor(x, requires_grad=True)
    loss = getattr(tc.losses, name)(**arguments)(y_true, before(tc)(tensor), sample_weight)
    loss.backward()
    kind = kind or name
    close(f"loss, {kind}", loss.data.reshape(()), value.numpy(), precision.output, arguments)
    close(f"loss gradient, {kind}", tensor.grad, gradient, precision.gradient, arguments)
    return loss.item(), tensor.grad


def plain(engine):
    """The loss's input is given, whatever it came from."""
    return lambda x: x


def activation(name):
    return lambda engine: getattr(engine.activations, name) if engine is not tc else tc.activations.get(name)


def arguments_of(smoothing, **others):
    return others if smoothing is None else {"label_smoothing": smoothing, **others}


@pytest.mark.parametrize(("name", "targets", "smoothing"), CASES)
def test_from_logits(keras, precision, rng, name, targets, smoothing):
    x = 3 * rng.normal(size=(7, 5))
    compare_loss(keras, precision, name, arguments_of(smoothing, from_logits=True), targets(rng, 7, 5), x, plain)


@pytest.mark.parametrize(("name", "targets", "smoothing"), CASES)
@pytest.mark.parametrize("scale", [1, 200], ids=["moderate", "saturated"])
def test_from_the_last_activation(keras, precision, rng, name, targets, smoothing, scale):
    """Probabilities that come straight from softmax or sigmoid: computed from the logits, exact when saturated."""
    x = scale * rng.normal(size=(7, 5))
    before = activation(LOSSES[name][0])
    value, gradient = compare_loss(keras, precision, name, arguments_of(smoothing), targets(rng, 7, 5), x, before)
    if scale > 1:
        assert value > 20  # a clipped probability could not cost more than -ln 1e-7 = 16.1
        assert np.abs(gradient).max() > 0.01


@pytest.mark.parametrize(("name", "targets", "smoothing"), CASES)
def test_from_probabilities(keras, precision, rng, name, targets, smoothing):
    """Probabilities of unknown origin."""
    p = rng.dirichlet(np.ones(5), 7)
    compare_loss(keras, precision, name, arguments_of(smoothing), targets(rng, 7, 5), p, plain)


@pytest.mark.parametrize(("name", "targets", "smoothing"), CASES)
def test_from_extreme_probabilities(keras, precision, rng, name, targets, smoothing):
    """0 and 1 are clipped: the loss stays finite and the clipped get no gradient."""
    p = np.eye(5)[[0, 1, 2, 3, 4, 0, 1]]
    p[:2] = [[0.2, 0.3, 0.5, 0, 0], [1e-9, 0.5, 0.25, 0.25, 0]]
    compare_loss(keras, precision, name, arguments_of(smoothing), targets(rng, 7, 5), p, plain, kind="clipped")


def test_categorical_normalises(keras, precision, rng):
    """Rows of positive numbers that do not sum to 1 are divided by their sum."""
    p = rng.uniform(0.1, 3, (7, 5))
    compare_loss(keras, precision, "CategoricalCrossentropy", {}, soft(rng, 7, 5), p, plain)


@exact
@given(
    st.sampled_from(sorted(LOSSES)),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(2, 6),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_shapes(keras, precision, name, lead, k, logits, seed):
    """Any number of axes before that of the classes, as for one prediction a pixel."""
    rng = np.random.default_rng(seed)
    last, kinds, _ = LOSSES[name]
    y_true = kinds[0](rng, int(np.prod(lead)), k)
    y_true = y_true.reshape(lead if name.startswith("Sparse") else (*lead, k))
    weight = rng.uniform(0, 3, lead[0])
    x = 2 * rng.normal(size=(*lead, k))
    before = plain if logits else activation(last)
    compare_loss(keras, precision, name, {"from_logits": logits}, y_true, x, before, weight if seed % 2 else None)


@pytest.mark.parametrize("shape", [(6, 4), (6, 1), (3, 2, 4)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_squared_error(keras, precision, rng, shape, weighted):
    weight = rng.uniform(0, 3, shape[0]) if weighted else None
    compare_loss(
        keras, precision, "MeanSquaredError", {}, rng.normal(size=shape), rng.normal(size=shape), plain, weight
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("MeanSquaredError", (6,)),
        ("BinaryCrossentropy", (6,)),
        ("SparseCategoricalCrossentropy", (6, 1)),
    ],
)
def test_targets_of_another_rank(keras, precision, rng, name, shape):
    """(n,) targets for outputs (n,1), and labels as a column."""
    k = 4 if name.startswith("Sparse") else 1
    y_true = rng.integers(0, max(k, 2), shape)
    compare_loss(keras, precision, name, {}, y_true, rng.uniform(0.1, 0.9, (6, k)), plain)


@pytest.mark.parametrize(("name", "targets", "smoothing"), CASES)
def test_sample_weights(keras, precision, rng, name, targets, smoothing):
    """Σ wᵢ·lossᵢ / n: the weights do not enter the divisor."""
    x, weight = rng.normal(size=(7, 5)), np.array([0, 1, 2, 0.5, 1, 3, 0.1])
    before = activation(LOSSES[name][0])
    compare_loss(keras, precision, name, arguments_of(smoothing), targets(rng, 7, 5), x, before, weight)


@pytest.mark.parametrize(("name", "kind"), tc.losses.LOSSES.items())
def test_names(keras, name, kind):
    assert type(tc.losses.loss_of(name)) is kind
    assert tc.losses.loss_of(name).name == getattr(keras.losses, kind.__name__)().name


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("L1", {}),
        ("L2", {}),
        ("L1", {"l1": 0.375}),
        ("L2", {"l2": 0.0625}),
        ("L1L2", {"l1": 0.03125, "l2": 0.75}),
        ("L1L2", {"l2": 0.75}),
        ("L1L2", {}),
    ],
)
def test_penalty(keras, precision, rng, kind, arguments):
    import tensorflow as tf

    w = rng.normal(size=(3, 4, 2)).astype(precision.dtype)
    source = tf.constant(w)
    with tf.GradientTape() as tape:
        tape.watch(source)
        value = getattr(keras.regularizers, kind)(**arguments)(source)
    tensor = tc.Tensor(w, requires_grad=True)
    cost = getattr(tc.regularizers, kind)(**arguments)(tensor)
    cost.backward()
    gradient = tape.gradient(value, source)
    # Keras keeps the factors in float32, where 0.01 is not exact; those above are.
    exact = arguments or precision.dtype == "float32"
    output, slope = (precision.output, precision.gradient) if exact else (5e-8, 5e-8)
    what = "penalty" if exact else "penalty, factor rounded"
    close(what, cost.data.reshape(()), value.numpy(), output, kind)
    expected = np.zeros_like(w) if gradient is None else gradient.numpy()
    close(f"gradient, {what}", tensor.grad, expected, slope, kind)


@pytest.mark.parametrize("name", ["l1", "l2", "l1l2"])
def test_penalty_by_name(keras, name):
    ours, theirs = tc.regularizers.get(name), keras.regularizers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.get_config() == pytest.approx(theirs.get_config(), rel=1e-7)


def test_penalty_by_documented_name():
    """ "l1_l2" means 0.01 of both, as Keras 2 did and Keras 3 documents; Keras 3.15 itself does not know the name."""
    assert tc.regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}


def test_penalties_of_a_model(keras, precision, rng):
    """`model.losses`: one for each regularised weight, in the order of Keras; a frozen layer has none."""
    spec = [
        (
            "Conv2D",
            dict(
                filters=3,
                kernel_size=2,
                kernel_regularizer=penalty("L1", l1=0.25),
                bias_regularizer=penalty("L2", l2=0.125),
            ),
        ),
        ("Flatten", {}),
        ("Dense", dict(units=4, kernel_regularizer=penalty("L2", l2=0.0625), activation="relu")),
        ("Dense", dict(units=4, kernel_regularizer=penalty("L2", l2=0.0625), trainable=False)),
        ("Dense", dict(units=2, kernel_regularizer=penalty("L1L2", l1=0.5, l2=0.25))),
    ]
    ours, theirs = both_models(keras, spec, (4, 4, 1), rng)
    pairs = list(zip(ours.losses, theirs.losses, strict=True))
    assert len(pairs) == 4
    for cost, value in pairs:
        close("penalty", cost.data.reshape(()), value.numpy(), precision.output, "of a model")
