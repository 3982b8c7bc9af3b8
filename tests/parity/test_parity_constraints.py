"""Constraints on weights and penalties on outputs: what they do, in training, in configurations and in files."""

import numpy as np
import pytest
from parity_checks import close, make_layer

import tinyconv as tc

CONSTRAINTS = [
    *(("MaxNorm", {}), ("MaxNorm", {"max_value": 0.5, "axis": [0, 1]}), ("NonNeg", {}), ("UnitNorm", {})),
    *(("UnitNorm", {"axis": 1}), ("MinMaxNorm", {}), ("MinMaxNorm", {"min_value": 0.5, "rate": 0.25, "axis": (0, 2)})),
]


def constraint(kind, **arguments):
    """Return a constraint for use in a layer's arguments: a function of the engine that is to make it."""
    return lambda engine: getattr(engine.constraints, kind)(**arguments)


def penalty(kind, value):
    return lambda engine: getattr(engine.regularizers, kind)(value)


# Every weight of every layer that Keras lets be constrained; those whose gradient would vanish stand before others.
STACK = [
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "kernel_constraint": constraint("MaxNorm", max_value=0.5, axis=[0, 1, 2])},
    ),
    ("PReLU", {"alpha_constraint": constraint("NonNeg"), "alpha_initializer": "ones", "shared_axes": [1, 2]}),
    (
        "DepthwiseConv2D",
        {
            "kernel_size": 2,
            "activation": "tanh",
            "depthwise_constraint": constraint("UnitNorm", axis=[0, 1]),
            "bias_constraint": constraint("NonNeg"),
        },
    ),
    ("BatchNormalization", {"gamma_constraint": constraint("UnitNorm"), "beta_constraint": constraint("NonNeg")}),
    (
        "SeparableConv2D",
        {
            "filters": 5,
            "kernel_size": 2,
            "depthwise_constraint": constraint("NonNeg"),
            "pointwise_constraint": constraint("MinMaxNorm", min_value=0.5, rate=0.5, axis=2),
            "activity_regularizer": penalty("L2", 0.015625),
        },
    ),
    (
        "LayerNormalization",
        {"gamma_constraint": constraint("MaxNorm", max_value=1), "beta_constraint": constraint("NonNeg")},
    ),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 2, "kernel_constraint": constraint("MaxNorm", max_value=0.75, axis=[0, 1, 3])},
    ),
    ("Activation", {"activation": "tanh", "activity_regularizer": penalty("L1", 0.0625)}),
    ("Flatten", {}),
    (
        "Dense",
        {
            "units": 3,
            "kernel_constraint": constraint("MaxNorm", max_value=0.5),
            "bias_constraint": constraint("UnitNorm"),
            "activity_regularizer": penalty("L2", 0.125),
        },
    ),
]


def make_model(engine):
    return engine.Sequential([engine.Input((7, 7, 2)), *(make_layer(engine, *each) for each in STACK)])


@pytest.mark.filterwarnings("ignore:__array__ implementation", "ignore:You are saving your model")
@pytest.mark.slow
def test_training(keras, rng, tmp_path):
    """Each weight is held to its constraint after each update, each output penalised by sample; from files, too."""
    ours, theirs = make_model(tc), make_model(keras)
    ours.set_weights(theirs.get_weights())
    x, y = rng.normal(size=(12, 7, 7, 2)).astype(np.float32), rng.normal(size=(12, 3)).astype(np.float32)
    ours.compile("adam", tc.losses.MeanSquaredError())
    theirs.compile("adam", keras.losses.MeanSquaredError(), run_eagerly=True)
    curves = [], []
    for batch in (slice(0, 5), slice(5, 12), slice(0, 12)):
        for model, curve in zip((ours, theirs), curves, strict=True):
            curve.append(float(model.train_on_batch(x[batch], y[batch])))
    for curve, model in zip(curves, (ours, theirs), strict=True):
        curve.append(model.fit(x, y, 4, epochs=2, shuffle=False, verbose=0).history["loss"][-1])
        curve.append(float(model.evaluate(x, y, verbose=0)))
    close("loss, constrained", *(np.array(curve, np.float32) for curve in curves), 1e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close("weight, constrained", mine, other, 1e-4)
    for layer in ours.layers:
        for weight in layer.trainable_weights:
            if isinstance(weight.constraint, tc.constraints.NonNeg):
                assert weight.numpy().min() >= 0
    kernel = ours.layers[0].kernel.numpy()
    assert np.sqrt((kernel**2).sum(axis=(0, 1, 2))).max() < 0.5 + 1e-5

    for ending in ("keras", "h5"):
        ours.save(f"{tmp_path}/ours.{ending}")
        theirs.save(f"{tmp_path}/theirs.{ending}")
        opened, judge = (
            tc.load_model(f"{tmp_path}/theirs.{ending}"),
            keras.models.load_model(f"{tmp_path}/ours.{ending}"),
        )
        losses = [float(model.test_on_batch(x, y)) for model in (opened, judge)]
        close(f"loss from .{ending}", *(np.array([loss], np.float32) for loss in losses), 1e-5)
        for mine, layer, other in zip(opened.layers, ours.layers, judge.layers, strict=True):
            assert mine.get_config() | {"name": None} == layer.get_config() | {"name": None}
            for name in ("kernel_constraint", "bias_constraint", "gamma_constraint", "activity_regularizer"):
                if getattr(layer, name, None) is not None:
                    assert type(getattr(other, name)).__name__ == type(getattr(mine, name)).__name__


@pytest.mark.parametrize(("kind", "arguments"), CONSTRAINTS)
def test_constraints(keras, precision, rng, kind, arguments):
    ours, theirs = (getattr(engine.constraints, kind)(**arguments) for engine in (tc, keras))
    w = rng.normal(size=(3, 4, 5)).astype(precision.dtype)
    close(kind, ours(tc.Tensor(w)).numpy(), np.asarray(theirs(w)), precision.output, str(arguments))
    assert ours.get_config() == theirs.get_config()
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


def test_norms_of_zero_are_no_trouble():
    for kind in (tc.constraints.MaxNorm, tc.constraints.UnitNorm, tc.constraints.MinMaxNorm):
        np.testing.assert_array_equal(kind()(tc.Tensor(np.zeros((3, 2)))).numpy(), np.zeros((3, 2)))


@pytest.mark.filterwarnings("ignore:You are saving your model:UserWarning")
def test_json(keras):
    ours, theirs = make_model(tc), make_model(keras)
    for model in (tc.model_from_json(theirs.to_json()), tc.model_from_json(ours.to_json())):
        for mine, layer in zip(model.layers, ours.layers, strict=True):
            assert mine.get_config() | {"name": None} == layer.get_config() | {"name": None}
    assert len(keras.models.model_from_json(ours.to_json()).layers) == len(STACK)


def test_constraints_by_name(keras):
    for name in tc.constraints.CONSTRAINTS:
        ours, theirs = tc.constraints.get(name), keras.constraints.get(name)
        assert type(ours).__name__ == type(theirs).__name__
        assert ours.get_config() == theirs.get_config()
    assert tc.constraints.get(None) is None
    assert isinstance(tc.constraints.get(tc.constraints.NonNeg), tc.constraints.NonNeg)


def test_activity_regularization(keras, precision, rng):
    """Each call of a shared layer adds its own; what is asked for after a call is of that call alone."""
    import tensorflow as tf

    x = rng.normal(size=(4, 3)).astype(precision.dtype)
    found = []
    for engine in (tc, keras):
        inside, outside = (
            engine.layers.Dense(3, activity_regularizer=engine.regularizers.L2(0.25)),
            engine.layers.Activation("relu"),
        )
        outside.activity_regularizer = engine.regularizers.L1(0.5)
        start = engine.Input((3,))
        model = engine.Model(start, outside(inside(inside(start))))
        model.set_weights([np.full((3, 3), 0.5), np.full(3, -0.25)])
        for _ in range(2):
            model(x if engine is tc else tf.constant(x))
        assert len(model.losses) == 3
        found.append(np.array([sum(float(loss) for loss in model.losses)], precision.dtype))
    close("activity regularizer", *found, precision.output)
