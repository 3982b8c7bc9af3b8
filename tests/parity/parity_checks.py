"""How the tests of this folder put the two engines side by side."""

from inspect import signature

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

import tinyconv as tc
from tinyconv.optimizers.optimizer import UNBUILT

# (kind of comparison, dtype) → (worst relative error so far, where); printed at the end of a test run.
WORST = {}


def slow(case):
    """Return a case of a parametrized test that is left out unless the slow ones are asked for."""
    return pytest.param(*case if isinstance(case, tuple) else (case,), marks=pytest.mark.slow)


def examples(count):
    """Return what makes a test of Hypothesis draw `count` examples, the same in every run, in whatever time."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def close(kind, ours, theirs, bound, where=""):
    """Hold two arrays of one shape and dtype equal to `bound`, relative in norm: ‖ours − theirs‖ ≤ bound·‖theirs‖."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{kind} {where}: shape {ours.shape}, Keras has {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{kind} {where}: {ours.dtype}, Keras has {theirs.dtype}"
    ours64, theirs64 = ours.astype(np.float64), theirs.astype(np.float64)
    scale = np.linalg.norm(theirs64)
    error = np.linalg.norm(ours64 - theirs64) / (scale or 1.0)
    key = kind, str(ours.dtype)
    if key not in WORST or error > WORST[key][0]:
        WORST[key] = error, where
    assert error <= bound, f"{kind} {where}: relative error {error:.2e} > {bound:.0e}"


def close_numbers(kind, ours, theirs, bound, dtype, where=""):
    """Hold each of several numbers equal to `bound`, relative."""
    for one, other in zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True):
        close(kind, np.array([one], dtype), np.array([other], dtype), bound, where)


def penalty(kind, **arguments):
    """Return a penalty for use in a layer's arguments: a function of the engine that is to make it."""
    return lambda engine: getattr(engine.regularizers, kind)(**arguments)


def in_single(optimizer, arguments):
    """Return all arguments of an optimizer, defaults too, as float32 holds them.

    Keras rounds learning rate, β, μ and ε to float32 somewhere, whatever the weights are: exact numbers stay exact.
    """
    defaults = signature(getattr(tc.optimizers, optimizer)).parameters.values()
    ours = {one.name: one.default for one in defaults if one.kind is not one.KEYWORD_ONLY}
    given = {name: value for name, value in ours.items() if name not in UNBUILT} | arguments
    return {key: float(np.float32(value)) if isinstance(value, float) else value for key, value in given.items()}


def make_layer(engine, name, arguments):
    """Return a layer of one engine."""
    made = {key: value(engine) if callable(value) else value for key, value in arguments.items()}
    return getattr(engine.layers, name)(**made)


def both_layers(keras, name, arguments, input_shape, rng):
    """Return the layer from both engines, built for inputs of `input_shape` and holding the same random weights."""
    ours, theirs = make_layer(tc, name, arguments), make_layer(keras, name, arguments)
    ours.prepare((None, *input_shape[1:]))
    theirs.build((None, *input_shape[1:]))
    assert [weight.shape for weight in ours.weights] == [tuple(weight.shape) for weight in theirs.weights]
    weights = [rng.normal(size=weight.shape) for weight in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def both_models(keras, spec, input_shape, rng):
    """Return a Sequential from both engines, with the same random weights; `spec` lists (layer, arguments)."""
    ours, theirs = (
        engine.Sequential([engine.Input(input_shape), *(make_layer(engine, *layer) for layer in spec)])
        for engine in (tc, keras)
    )
    scales = [1 / np.sqrt(max(1, np.prod(weight.shape[:-1]))) for weight in ours.weights]
    weights = [rng.normal(size=weight.shape) * scale for weight, scale in zip(ours.weights, scales, strict=True)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def keras_gradients(theirs, x, dy_of):
    """Return (output, gradients of Σ dy·output for x and each weight) of a Keras layer; dy = dy_of(output's shape)."""
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = theirs(x)
    sources = [x, *(variable.value for variable in theirs.trainable_weights)]
    return y.numpy(), [g.numpy() for g in tape.gradient(y, sources, output_gradients=tf.constant(dy_of(y.shape)))]


def our_gradients(ours, x, dy_of):
    """Return the same of a tinyconv layer."""
    x = tc.Tensor(x, requires_grad=True)
    for weight in ours.trainable_weights:
        weight.grad = None
    y = ours(x)
    y.backward(dy_of(y.shape))
    return y.numpy(), [tensor.grad for tensor in (x, *ours.trainable_weights)]


def compare_layer(keras, precision, name, arguments, x, rng, kind=None):
    """Hold a layer's output, and its gradients for a random cotangent, equal to Keras's. Returns both layers."""
    where = f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())}) of {x.shape}"
    x = x.astype(precision.dtype)
    ours, theirs = both_layers(keras, name, arguments, x.shape, rng)
    seed = rng.integers(2**32)

    def cotangent(shape):
        return np.random.default_rng(seed).normal(size=tuple(shape)).astype(precision.dtype)

    (y, gradients), (y_keras, gradients_keras) = (
        take(layer, x, cotangent) for take, layer in ((our_gradients, ours), (keras_gradients, theirs))
    )
    assert ours.compute_output_shape((None, *x.shape[1:]))[1:] == y_keras.shape[1:]
    close(f"output, {kind or name}", y, y_keras, precision.output, where)
    for gradient, gradient_keras in zip(gradients, gradients_keras, strict=True):
        close(f"gradient, {kind or name}", gradient, gradient_keras, precision.gradient, where)
    return ours, theirs
