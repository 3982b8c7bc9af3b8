"""Functions beside classes, other names of classes, and descriptions: what Keras's mean, by its names."""

import json

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc

# Arguments besides x, exact in float32, in which Keras keeps them.
ACTIVATIONS = [
    *((name, {}) for name in tc.activations.ACTIVATIONS if name not in ("threshold", "sparsemax")),
    *((name, {}) for name in ("swish", "hard_swish")),
    *(("celu", {"alpha": 0.5}), ("elu", {"alpha": 0.5}), ("glu", {"axis": 1}), ("hard_shrink", {"threshold": 0.25})),
    *(("leaky_relu", {"negative_slope": 0.25}), ("log_softmax", {"axis": 1}), ("softmax", {"axis": 1})),
    *(("relu", {"negative_slope": 0.25, "max_value": 2.0, "threshold": 0.5}), ("gelu", {"approximate": True})),
    *(("soft_shrink", {"threshold": 0.25}), ("squareplus", {"b": 2})),
    ("threshold", {"threshold": 0.25, "default_value": -1.0}),
]


def both(keras, module, name, x, dy, arguments):
    """Return values and gradients of a function of one array, ours and Keras's."""
    import tensorflow as tf

    source, ours = tf.constant(x), tc.Tensor(x, requires_grad=True)
    with tf.GradientTape() as tape:
        tape.watch(source)
        theirs = getattr(keras, module)
        value = getattr(theirs, name)(source, **arguments)
    y = getattr(getattr(tc, module), name)(ours, **arguments)
    y.backward(dy(y.shape))
    return (y.numpy(), ours.grad), (value.numpy(), tape.gradient(value, source, tf.constant(dy(y.shape))).numpy())


@pytest.mark.parametrize(("name", "arguments"), ACTIVATIONS, ids=str)
def test_activations(keras, precision, rng, name, arguments):
    x = 2 * rng.normal(size=(4, 6, 8)).astype(precision.dtype)
    cotangent = rng.normal(size=x.shape).astype(precision.dtype)
    ours, theirs = both(keras, "activations", name, x, lambda shape: cotangent[tuple(map(slice, shape))], arguments)
    # TensorFlow keeps slopes and √2 in float32.
    bound = 1e-6 if name in ("leaky_relu", "gelu", "selu", "hard_sigmoid", "hard_silu", "hard_swish") else 1e-12
    for what, mine, other in zip(("output", "gradient"), ours, theirs, strict=True):
        close(f"{what}, {name}", mine, other, bound if precision.dtype == "float64" else 1e-5)


def test_activations_by_name(keras):
    for name in keras.src.activations.ALL_OBJECTS_DICT:
        ours, theirs = tc.activations.get(name), keras.activations.get(name)
        assert ours.__name__ == theirs.__name__
        assert tc.activations.serialize(ours) == keras.activations.serialize(theirs)
        assert tc.activations.deserialize(keras.activations.serialize(theirs)) is ours
        if name != "threshold":
            layer = tc.layers.Dense(2, activation=ours)
            assert (
                layer.get_config()["activation"] == keras.layers.Dense(2, activation=theirs).get_config()["activation"]
            )


def test_activations_of_symbols_and_arrays():
    symbol = tc.activations.mish(tc.Input((3,), dtype="float32"))
    x = np.array([[-1.0, 0.5, 2.0]], np.float32)
    model = tc.Model(symbol.node.inputs[0], symbol)
    np.testing.assert_array_equal(model.predict(x, verbose=0), tc.activations.mish(x).numpy())
    with pytest.raises(ValueError, match=r"glu halves x along axis -1, which needs an even number of places"):
        tc.activations.glu(x)


def probabilities(rng, shape, axis=-1):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(axis=axis, keepdims=True)


def one_hot(rng, shape, axis=-1):
    return np.moveaxis(np.eye(shape[axis])[rng.integers(0, shape[axis], np.delete(shape, axis))], -1, axis)


def labels(rng, shape, axis=-1):
    return rng.integers(0, shape[axis], np.delete(shape, axis))


def bits(rng, shape, axis=-1):
    return rng.integers(0, 2, shape).astype(float)


def chances(rng, shape, axis=-1):
    return rng.uniform(0.05, 0.95, shape)


# Name, arguments, what makes targets and predictions.
LOSSES = [
    *(("categorical_crossentropy", {"label_smoothing": 0.25}, one_hot, probabilities),),
    *(("categorical_crossentropy", {"axis": 1}, one_hot, probabilities),),
    *(("categorical_crossentropy", {"from_logits": True, "axis": 1}, one_hot, chances),),
    *(("sparse_categorical_crossentropy", {}, labels, probabilities),),
    *(("sparse_categorical_crossentropy", {"from_logits": True, "ignore_class": 1}, labels, chances),),
    *(("categorical_generalized_cross_entropy", {"q": 0.5}, labels, probabilities),),
    *(("binary_crossentropy", {"label_smoothing": 0.25}, bits, chances),),
    *(("binary_crossentropy", {"from_logits": True, "axis": 1}, bits, chances),),
    *(("binary_focal_crossentropy", {"apply_class_balancing": True, "axis": 1}, bits, chances),),
    *(("categorical_focal_crossentropy", {"gamma": 3.0}, one_hot, probabilities),),
    *(("categorical_focal_crossentropy", {"axis": 1}, one_hot, probabilities),),
    *((name, {}, chances, chances) for name in ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")),
    *((name, {}, chances, chances) for name in ("kl_divergence", "poisson", "cosine_similarity", "hinge", "dice")),
]


@pytest.mark.parametrize(
    ("name", "arguments", "targets", "predictions"), LOSSES, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_losses(keras, precision, rng, name, arguments, targets, predictions):
    """One value a sample, in values and gradients; and the classes with the same arguments, which reduce them."""
    import tensorflow as tf

    shape, axis = (5, 4, 3), arguments.get("axis", -1)
    t, x = (make(rng, shape, axis) for make in (targets, predictions))
    x = x.astype(precision.dtype)
    t = t if targets is labels else t.astype(precision.dtype)
    source, ours = tf.constant(x), tc.Tensor(x, requires_grad=True)
    with tf.GradientTape() as tape:
        tape.watch(source)
        theirs = getattr(keras.losses, name)(t, source, **arguments)
    y = getattr(tc.losses, name)(t, ours, **arguments)
    dy = rng.normal(size=y.shape).astype(precision.dtype)
    y.backward(dy)
    loose = 1e-7 if name in ("huber", "log_cosh", "binary_focal_crossentropy") else precision.output
    close(f"loss, {name}", y.numpy(), theirs.numpy(), max(loose, precision.output))
    gradient = tape.gradient(theirs, source, tf.constant(dy))
    close(f"gradient, {name}", ours.grad, gradient.numpy(), max(loose, precision.gradient))
    assert getattr(tc.metrics, name, y) is getattr(tc.losses, name) or name not in dir(keras.metrics)
    np.testing.assert_array_equal(getattr(tc.losses, name)(t.tolist(), x, **arguments).numpy(), y.numpy())


@pytest.mark.parametrize("kind", ["CategoricalCrossentropy", "BinaryCrossentropy"])
def test_classes_along_another_axis(keras, rng, kind):
    p = probabilities(rng, (5, 4, 3), 1).astype("float32")
    t = one_hot(rng, p.shape, 1).astype("float32")
    for module in ("losses", *(["metrics"] if kind != "BinaryCrossentropy" else [])):
        ours, theirs = (getattr(getattr(engine, module), kind)(axis=1) for engine in (tc, keras))
        assert float(ours(t, p)) == pytest.approx(float(theirs(t, p)), rel=1e-5)
        again = type(ours).from_config(ours.get_config())
        assert float(again(t, p)) == pytest.approx(float(theirs(t, p)), rel=1e-5)


def test_labels_of_classes_along_another_axis(rng):
    """Keras 3.15 takes the argument, and computes with the last one only."""
    p, t = probabilities(rng, (5, 4, 3), 1), rng.integers(0, 4, (5, 3))
    last = tc.losses.sparse_categorical_crossentropy(t, p.transpose(0, 2, 1)).numpy()
    np.testing.assert_array_equal(tc.losses.sparse_categorical_crossentropy(t, p, axis=1).numpy(), last)
    loss = tc.losses.SparseCategoricalCrossentropy(axis=1)
    assert float(loss(t, p)) == pytest.approx(last.mean())
    assert tc.losses.SparseCategoricalCrossentropy.from_config(loss.get_config()).axis == 1
    metric = tc.metrics.SparseCategoricalCrossentropy(ignore_class=2, axis=1)
    metric.update_state(t, p, sample_weight=np.arange(1.0, 6.0))
    weights = np.arange(1.0, 6.0)[:, None] * (t != 2)
    assert metric.result() == pytest.approx((last * weights).sum() / weights.sum())
    with pytest.raises(ValueError, match=r"targets of shape \(5, 2\)"):
        loss(t[:, :2], p)
    with pytest.raises(ValueError, match="labels in 0 … 3, got 4"):
        loss.check(t + 4, p.shape)


@pytest.mark.parametrize("axis", [-1, 1])
def test_sparsemax_is_the_nearest_point_of_the_simplex(rng, axis):
    """Keras 3.15's is not; the judge finds the level by halving."""
    x = 2 * rng.normal(size=(4, 5, 6))
    low, high = x.max(axis, keepdims=True) - 1, x.max(axis, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    y = tc.activations.sparsemax(x, axis=axis).numpy()
    np.testing.assert_allclose(y, np.maximum(x - low, 0), atol=1e-12)
    np.testing.assert_allclose(y.sum(axis), 1)
    assert (y == 0).any()


def test_accuracies(keras, rng):
    p, y, t = probabilities(rng, (6, 7)), one_hot(rng, (6, 7)), labels(rng, (6, 7))
    bit, chance = bits(rng, (6, 3)), chances(rng, (6, 3))
    p, y, bit, chance = (each.astype("float32") for each in (p, y, bit, chance))
    for name, given in (
        *(("binary_accuracy", (bit, chance)), ("binary_accuracy", (bit, chance, 0.75))),
        *(("categorical_accuracy", (y, p)), ("sparse_categorical_accuracy", (t, p))),
        *(("sparse_categorical_accuracy", (t[:, None], p)), ("top_k_categorical_accuracy", (y, p, 2))),
        *(("sparse_top_k_categorical_accuracy", (each, p, 3)) for each in (t, t[:, None])),
    ):
        close(name, getattr(tc.metrics, name)(*given), getattr(keras.metrics, name)(*given), 0)


@pytest.mark.parametrize("module", ["losses", "metrics"])
def test_by_identifier(keras, module):
    """`get` returns a function where Keras does, or an object of the same class; so does what describes it."""
    ours, theirs = getattr(tc, module), getattr(keras, module)
    for name in ("mse", "MSE", "MeanSquaredError", "mean_squared_error", "hinge", "categorical_crossentropy"):
        mine, other = ours.get(name), theirs.get(name)
        assert getattr(mine, "name", None) == getattr(other, "name", None)
        assert getattr(mine, "__name__", "") == getattr(other, "__name__", "")
        described = json.loads(json.dumps(theirs.serialize(other)))
        assert json.loads(json.dumps(ours.serialize(mine))) == described
        assert type(ours.deserialize(described)) is type(mine)
    assert ours.get(None) is None
    assert ours.get(np.mean) is np.mean


def test_training_by_a_function_is_training_by_its_name(rng):
    """Also through the logits, and checked as it is."""
    x, y = rng.normal(size=(8, 3)).astype("float32"), np.eye(4, dtype="float32")[rng.integers(0, 4, 8)]
    found = []
    for loss in ("categorical_crossentropy", tc.losses.categorical_crossentropy):
        model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(4, "softmax", kernel_initializer="ones")])
        model.compile("sgd", loss, metrics=[tc.metrics.categorical_accuracy])
        history = model.fit(x, y, epochs=2, verbose=0, shuffle=False).history
        found.append((history["loss"], history["categorical_accuracy"]))
    assert found[0] == found[1]
    model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(4, "relu")])
    model.compile("sgd", tc.losses.categorical_crossentropy)
    with pytest.raises(ValueError, match="needs probabilities from softmax"):
        model.fit(x, y, verbose=0)


NAMES = {
    "initializers": [
        *("constant", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal"),
        *("lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "truncated_normal"),
        *("variance_scaling", "zeros", "IdentityInitializer", "OrthogonalInitializer"),
    ],
    "regularizers": ["l1", "l2", "l1_l2", "orthogonal_regularizer"],
    "constraints": ["max_norm", "min_max_norm", "non_neg", "unit_norm"],
    "layers": ["Convolution2D", "Convolution2DTranspose", "SeparableConvolution2D"],
}


@pytest.mark.parametrize("module", NAMES)
def test_other_names_of_classes(keras, module):
    ours, theirs = getattr(tc, module), getattr(keras, module)
    for name in NAMES[module]:
        assert getattr(ours, name).__name__ == getattr(theirs, name).__name__.replace("Initializer", "")
    if module == "layers":
        return
    for name in NAMES[module]:
        mine, other = getattr(ours, name)(), getattr(theirs, name)()
        described = theirs.serialize(other)
        again = ours.deserialize(json.loads(json.dumps(described, default=float)))
        assert type(again) is type(mine)
        assert ours.serialize(mine)["class_name"] == described["class_name"]
        assert ours.serialize(mine)["module"] == described["module"]


@pytest.mark.parametrize("name", ["normal", "uniform", "zero", "one", "he_normal", "HeNormal", "zeros"])
def test_initializers_by_name(keras, name):
    assert type(tc.initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_regularizer(keras, rng, mode):
    """In float32, which Keras has the factor in."""
    w = rng.normal(size=(4, 3)).astype("float32")
    import tensorflow as tf

    source, tensor = tf.constant(w), tc.Tensor(w, requires_grad=True)
    arguments = dict(factor=0.25, mode=mode)
    with tf.GradientTape() as tape:
        tape.watch(source)
        theirs = keras.regularizers.OrthogonalRegularizer(**arguments)
        value = theirs(source)
    ours = tc.regularizers.OrthogonalRegularizer(**arguments)
    cost = ours(tensor)
    cost.backward()
    close("penalty, orthogonal", cost.numpy().reshape(()), value.numpy(), 1e-6)
    close("gradient, penalty, orthogonal", tensor.grad, tape.gradient(value, source).numpy(), 1e-6)
    assert ours.get_config() == {"factor": 0.25, "mode": mode}
    with pytest.raises(ValueError, match="is for a matrix"):
        ours(tc.Tensor(np.ones((2, 2, 2))))


def test_padding_in_capitals():
    assert tc.layers.Conv2D(2, 3, padding="SAME").get_config()["padding"] == "same"
    assert tc.layers.MaxPooling2D(2, padding="VALID").get_config()["padding"] == "valid"
