"""Initialisers against formulas and against samples that Keras draws; `to_categorical`."""

from math import prod, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest

import tinyconv as tc

# About 100,000 values each: a vector, a dense kernel, convolution kernels with fan_in ≠ fan_out.
SHAPES = [(90_000,), (300, 400), (5, 5, 40, 90), (3, 3, 250, 50)]
# Keras's name → (scale, mode), and whether it is uniform
SCALED = {
    "GlorotUniform": (1, "avg", True),
    "GlorotNormal": (1, "avg", False),
    "HeUniform": (2, "in", True),
    "HeNormal": (2, "in", False),
    "LecunUniform": (1, "in", True),
    "LecunNormal": (1, "in", False),
}
TRUNCATED_DEVIATION = 0.8796256610342398  # of a standard normal cut off at ±2


def fans_by_hand(shape):
    """Count what one unit of a kernel (…, in, out) sees, and what sees one input."""
    if len(shape) == 1:
        return {"in": shape[0], "out": shape[0], "avg": shape[0]}
    field = prod(shape[:-2])
    fan_in, fan_out = field * shape[-2], field * shape[-1]
    return {"in": fan_in, "out": fan_out, "avg": (fan_in + fan_out) / 2}


def samples(keras, name, shape, **arguments):
    """Return a sample of ours and one of Keras's."""
    ours = getattr(tc.initializers, name)(seed=3, **arguments)(shape, "float32")
    theirs = keras.ops.convert_to_numpy(getattr(keras.initializers, name)(seed=5, **arguments)(shape, "float32"))
    assert ours.shape == theirs.shape == shape
    assert ours.dtype == theirs.dtype
    return ours.ravel(), theirs.ravel()


def same_distribution(ours, theirs, mean, deviation, limit=None):
    """Hold mean, deviation and largest of both to theory, and the two empirical distributions together."""
    for sample in (ours, theirs):
        assert abs(sample.mean() - mean) < 4.5 * deviation / sqrt(sample.size)
        assert sample.std() == pytest.approx(deviation, rel=0.01)
        if limit is not None:
            assert 0.99 * limit < np.abs(sample - mean).max() <= limit * (1 + 1e-6)
    assert ks_2samp(ours, theirs).pvalue > 1e-3


@pytest.mark.parametrize(
    "name",
    [
        *("Zeros", "Ones", "Constant", "Identity", "Orthogonal", "RandomUniform", "RandomNormal", "TruncatedNormal"),
        *SCALED,
    ],
)
def test_dtype_may_be_left_out(keras, name):
    """It is then that of new weights, and what is drawn is the same."""
    ours, theirs = (getattr(engine.initializers, name)() for engine in (tc, keras))
    assert ours((3, 4)).dtype == keras.ops.convert_to_numpy(theirs((3, 4))).dtype == "float32"
    if hasattr(ours, "seed"):
        ours = type(ours)(seed=3)
    np.testing.assert_array_equal(ours((3, 4)), ours((3, 4), dtype="float32"))
    before = tc.floatx()
    tc.set_floatx("float64")
    try:
        assert ours((3, 4)).dtype == "float64"
    finally:
        tc.set_floatx(before)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SCALED)
def test_scaled(keras, name, shape):
    scale, mode, uniform = SCALED[name]
    deviation = sqrt(scale / fans_by_hand(shape)[mode])
    limit = sqrt(3) * deviation if uniform else 2 * deviation / TRUNCATED_DEVIATION
    same_distribution(*samples(keras, name, shape), 0, deviation, limit)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling(keras, mode, distribution):
    shape, scale = (3, 3, 100, 150), 0.7
    deviation = sqrt(scale / fans_by_hand(shape)[mode.removeprefix("fan_")])
    limits = {"uniform": sqrt(3) * deviation, "truncated_normal": 2 * deviation / TRUNCATED_DEVIATION}
    ours, theirs = samples(keras, "VarianceScaling", shape, scale=scale, mode=mode, distribution=distribution)
    same_distribution(ours, theirs, 0, deviation, limits.get(distribution))


def test_random_uniform(keras):
    ours, theirs = samples(keras, "RandomUniform", (100_000,), minval=-0.2, maxval=0.5)
    same_distribution(ours, theirs, 0.15, 0.7 / sqrt(12), 0.35)


def test_random_normal(keras):
    same_distribution(*samples(keras, "RandomNormal", (100_000,), mean=0.3, stddev=0.2), 0.3, 0.2)


def test_truncated_normal(keras):
    """Cut at two standard deviations, and not widened for it."""
    ours, theirs = samples(keras, "TruncatedNormal", (100_000,), mean=0.3, stddev=0.2)
    same_distribution(ours, theirs, 0.3, 0.2 * TRUNCATED_DEVIATION, 0.4)


@pytest.mark.parametrize(
    ("name", "arguments"), [("Zeros", {}), ("Ones", {}), ("Constant", {"value": 0.3}), ("Identity", {"gain": 0.3})]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constants(keras, name, arguments, dtype):
    ours, theirs = (getattr(engine.initializers, name)(**arguments)((2, 3), dtype) for engine in (tc, keras))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-7, strict=True)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (3, 3, 4, 20), (2, 2, 3, 40), (7, 7)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(keras, shape, dtype):
    """QᵀQ = gain²·1 of the shorter side, in both engines."""
    for engine in (tc, keras):
        start = engine.initializers.Orthogonal(gain=1.5, seed=3)
        first = np.asarray(start(shape, dtype))
        assert first.dtype == dtype
        assert first.shape == shape
        matrix = first.reshape(-1, shape[-1]).astype(np.float64)
        products = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(products, 1.5**2 * np.eye(len(products)), atol=1e-5)
        np.testing.assert_array_equal(np.asarray(start(shape, dtype)), first)


def test_every_orthogonal_matrix_is_as_likely(keras):
    """Rotations of the plane, and reflections: the angles are uniform, half of the determinants positive."""
    start = tc.initializers.Orthogonal()
    matrices = np.array([start((2, 2), "float64") for _ in range(500)])
    angles = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]) / (2 * np.pi) + 0.5
    assert kstest(angles, "uniform").pvalue > 1e-3
    assert abs((np.linalg.det(matrices) > 0).mean() - 0.5) < 5 * 0.5 / sqrt(500)


@pytest.mark.parametrize(("name", "shape"), [("Identity", (3,)), ("Identity", (2, 2, 2)), ("Orthogonal", (3,))])
def test_shapes_that_are_refused(keras, name, shape):
    for engine in (tc, keras):
        with pytest.raises(ValueError, match=r"shape.*\("):
            getattr(engine.initializers, name)()(shape)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(deadline=None, derandomize=True, database=None)
def test_fans(shape):
    assert tc.initializers.fans(tuple(shape)) == (fans_by_hand(shape)["in"], fans_by_hand(shape)["out"])


@pytest.mark.parametrize("name", sorted(set(tc.initializers.INITIALIZERS) - {"constant"}))  # Keras's needs its value
def test_names_and_configurations(keras, name):
    """A name means the same class with the same arguments; newer arguments of Keras's are not set."""
    ours, theirs = tc.initializers.get(name), keras.initializers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    config = {"gain": 1.0} if name == "identity" else theirs.get_config()  # Keras's Identity does not tell of its gain
    if config.get("seed") is not None:
        config["seed"] = None  # Keras draws one where none was given
    assert ours.get_config() == {
        key: value for key, value in config.items() if key not in ("input_axes", "output_axes")
    }


@pytest.mark.parametrize("layer", ["Dense", "Conv2D"])
def test_layers_start_like_keras(keras, layer):
    """Built without a word about it, a layer draws its kernel as Keras does, and its bias is zero."""
    arguments, shape = {"Dense": ((300,), (None, 200)), "Conv2D": ((60, 5), (None, 9, 9, 40))}[layer]
    kernels = []
    for engine in (tc, keras):
        engine.utils.set_random_seed(11) if engine is keras else engine.set_seed(11)
        made = getattr(engine.layers, layer)(*arguments)
        made.build(shape)
        kernel, bias = made.get_weights()
        assert not bias.any()
        kernels.append(kernel)
    limit = sqrt(3 / fans_by_hand(kernels[0].shape)["avg"])
    same_distribution(*(kernel.ravel() for kernel in kernels), 0, limit / sqrt(3), limit)


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=9),
    st.sampled_from([(-1,), (-1, 1)]),
    st.none() | st.integers(7, 9),
    st.sampled_from(["int32", "uint8", "float32"]),
)
@settings(deadline=None, derandomize=True, database=None)
def test_to_categorical(keras, labels, shape, classes, dtype):
    y = np.array(labels, dtype).reshape(shape)
    ours, theirs = (to(y, classes) for to in (tc.datasets.to_categorical, keras.utils.to_categorical))
    np.testing.assert_array_equal(ours, theirs, strict=True)
