"""Optimizers and schedules beside Keras's: fifty steps under the same gradients, and what they write of themselves."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from parity_checks import close, in_single, slow

import tinyconv as tc
from tinyconv import schedules

STEPS = 50
SHAPES = {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,), "dense/kernel": (30, 7), "gain": ()}

OPTIMIZERS = [
    ("SGD", dict(learning_rate=0.05)),
    ("SGD", dict(learning_rate=0.02, momentum=0.9, nesterov=True)),
    ("RMSprop", dict(learning_rate=0.002, momentum=0.5, centered=True)),
    ("Adam", dict(learning_rate=0.003)),
    ("Adam", dict(learning_rate=0.003, beta_2=0.75, amsgrad=True)),
    ("AdamW", dict(learning_rate=0.003)),
    ("Adamax", dict(learning_rate=0.003)),
    ("Ftrl", dict(learning_rate=0.05, l1_regularization_strength=0.5, l2_regularization_strength=0.25, beta=0.125)),
    ("Ftrl", dict(learning_rate=0.05, l2_shrinkage_regularization_strength=0.125, initial_accumulator_value=0.5)),
    ("Lamb", dict(learning_rate=0.003)),
    ("Lion", dict(learning_rate=0.003, beta_2=0.75)),
    ("Nadam", dict(learning_rate=0.003, epsilon=1e-3)),
    ("Adagrad", dict(learning_rate=0.02)),
    ("Adadelta", dict(learning_rate=1.0, rho=0.75)),
]
COMMON = [
    dict(weight_decay=0.25),
    dict(clipnorm=1.5),  # some of the gradients are longer, some shorter
    dict(global_clipnorm=9.0),
    dict(clipvalue=0.25),
    dict(clipnorm=0.0),  # clips nothing
    dict(weight_decay=0.125, clipnorm=2.0),
]
SCHEDULES = [
    ("ExponentialDecay", dict(initial_learning_rate=0.125, decay_steps=7, decay_rate=0.75)),
    ("ExponentialDecay", dict(initial_learning_rate=0.125, decay_steps=7, decay_rate=0.75, staircase=True)),
    ("PiecewiseConstantDecay", dict(boundaries=[5, 20], values=[0.125, 0.25, 0.0625])),
    ("PolynomialDecay", dict(initial_learning_rate=0.125, decay_steps=30, end_learning_rate=2**-12)),
    ("PolynomialDecay", dict(initial_learning_rate=0.125, decay_steps=8, end_learning_rate=0.03125, power=0.5)),
    ("PolynomialDecay", dict(initial_learning_rate=0.125, decay_steps=8, end_learning_rate=0.0, power=2.0, cycle=True)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.125, decay_steps=3, decay_rate=0.5)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.125, decay_steps=3, decay_rate=0.5, staircase=True)),
    ("CosineDecay", dict(initial_learning_rate=0.125, decay_steps=40)),
    ("CosineDecay", dict(initial_learning_rate=0.125, decay_steps=40, alpha=0.25)),
    ("CosineDecay", dict(initial_learning_rate=0.0, decay_steps=20, warmup_target=0.125, warmup_steps=10)),
    ("CosineDecay", dict(initial_learning_rate=0.25, decay_steps=20, warmup_target=0.125, alpha=0.125)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.125, first_decay_steps=10)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.125, first_decay_steps=10, t_mul=1.0, m_mul=0.5, alpha=0.25)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.125, first_decay_steps=7, t_mul=1.5, m_mul=0.75)),
]


def named(value):
    return value if isinstance(value, str) else ",".join(f"{key}={one}" for key, one in value.items()) or "plain"


def in_precision(arguments, dtype):
    """The arguments of a Keras schedule, which computes in float32 unless its numbers are NumPy's of another kind."""

    def converted(value):
        if isinstance(value, list):
            return [converted(one) for one in value]
        return np.dtype(dtype).type(value) if isinstance(value, float) else value

    return {name: converted(value) for name, value in arguments.items()}


def draw(rng, dtype):
    """Weights by their paths, and for each step a gradient each; some steps' gradients are large, some small."""
    weights = {path: rng.normal(size=shape).astype(dtype) for path, shape in SHAPES.items()}
    sizes = np.exp(rng.normal(size=STEPS))
    gradients = [[(size * rng.normal(size=shape)).astype(dtype) for shape in SHAPES.values()] for size in sizes]
    return weights, gradients


def walk(keras, optimizer, judge, weights, gradients):
    """Take all steps with both; return how far our weights came, and Keras's, all in one vector."""
    import tensorflow as tf

    ours = [tc.layers.Parameter(array.copy(), path) for path, array in weights.items()]
    theirs = [keras.Variable(array, name=path.replace("/", "_")) for path, array in weights.items()]
    judge.build(theirs)
    judge_step = tf.function(lambda *step: judge.apply(list(step), theirs), jit_compile=False)
    for step in gradients:
        optimizer.apply(step, ours)
        judge_step(*map(tf.constant, step))
    start = joined(weights.values())
    return joined(weight.data for weight in ours) - start, joined(variable.numpy() for variable in theirs) - start


def joined(arrays):
    return np.concatenate([array.reshape(-1) for array in arrays])


def compare(keras, precision, rng, optimizer, judge, where):
    """Hold fifty steps equal: how far each weight came, and all state in the order of files."""
    bound = precision.output
    weights, gradients = draw(rng, precision.dtype)
    close("steps under given gradients", *walk(keras, optimizer, judge, weights, gradients), bound, where)
    assert len(optimizer.variables()) == len(judge.variables)
    for (slot, value), variable in zip(optimizer.variables(), judge.variables, strict=True):
        theirs = variable.numpy()
        close("state under given gradients", np.asarray(value, theirs.dtype), theirs, bound, f"{where} {slot}")
    assert optimizer.iterations == STEPS


@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=named)
@pytest.mark.parametrize("common", [{}, COMMON[-1]], ids=named)
def test_same_gradients_same_steps(keras, precision, rng, name, arguments, common):
    arguments = in_single(name, {**arguments, **common})
    optimizer, judge = (getattr(engine.optimizers, name)(**arguments) for engine in (tc, keras))
    if name == "Nadam" and precision.dtype == "float64":
        precision = replace(precision, output=1e-7)  # TensorFlow keeps the 0.96 in float32
    compare(keras, precision, rng, optimizer, judge, f"{name}({named(arguments)})")


@pytest.mark.parametrize("common", COMMON, ids=named)
def test_same_clipping_and_decay(keras, precision, rng, common):
    arguments = in_single("SGD", dict(learning_rate=0.02, momentum=0.5, **common))
    optimizer, judge = (engine.optimizers.SGD(**arguments) for engine in (tc, keras))
    compare(keras, precision, rng, optimizer, judge, named(arguments))


@pytest.mark.parametrize("common", COMMON, ids=named)
def test_common_arguments_matter(rng, common):
    """Or the comparison above would pass without them."""
    weights, gradients = draw(rng, "float64")
    found = []
    for arguments in ({}, common):
        ours = [tc.layers.Parameter(array.copy(), path) for path, array in weights.items()]
        optimizer = tc.optimizers.SGD(0.05, **arguments)
        for step in gradients:
            optimizer.apply(step, ours)
        found.append(joined(weight.data for weight in ours))
    differ = np.linalg.norm(found[0] - found[1]) > 0.01 * np.linalg.norm(found[0])
    assert differ == (common != {"clipnorm": 0.0})


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=named)
def test_schedule(keras, precision, rng, name, arguments):
    """The rate at every step."""
    mine = getattr(schedules, name)(**arguments)
    theirs = getattr(keras.optimizers.schedules, name)(**in_precision(arguments, precision.dtype))
    rates = np.array([mine(step) for step in range(3 * STEPS)], precision.dtype)
    judged = np.array([float(theirs(step)) for step in range(3 * STEPS)], precision.dtype)
    assert np.ptp(rates) > 0.01
    # Of the largest rate: at a cosine's end all digits of a float32 cancel.
    np.testing.assert_allclose(rates, judged, rtol=0, atol=precision.output * rates.max())


@pytest.mark.parametrize(("name", "arguments"), [SCHEDULES[0], *map(slow, SCHEDULES[1:])], ids=named)
def test_steps_by_schedule(keras, precision, rng, name, arguments):
    """Fifty steps of an optimizer with weight decay under a schedule."""
    schedules_of = schedules, keras.optimizers.schedules
    given = arguments, in_precision(arguments, precision.dtype)
    optimizer, judge = (
        engine.optimizers.SGD(getattr(module, name)(**values), momentum=0.5, weight_decay=0.125)
        for engine, module, values in zip((tc, keras), schedules_of, given, strict=True)
    )
    compare(keras, precision, rng, optimizer, judge, f"{name}({named(arguments)})")
    close("learning rate", np.asarray(optimizer.learning_rate, precision.dtype), judge.learning_rate, precision.output)


def test_function_without_arguments(keras, rng):
    """Keras calls a plain function without arguments."""
    optimizer, judge = (engine.optimizers.Adagrad(lambda: 0.25) for engine in (tc, keras))
    close("steps under given gradients", *walk(keras, optimizer, judge, *draw(rng, "float32")), 1e-5, "a function")


def test_weights_left_out_of_decay(keras, precision, rng):
    """By name and by themselves."""
    judges, found = [], []
    for choose in (
        lambda engine, weights: dict(var_names=["bias", "dense"]),
        lambda engine, weights: dict(var_list=weights[1:3]),
        lambda engine, weights: dict(var_list=weights[:1], var_names=["gain"]),
    ):
        weights, gradients = draw(rng, precision.dtype)
        ours = [tc.layers.Parameter(array.copy(), path) for path, array in weights.items()]
        theirs = [keras.Variable(array, name=path.replace("/", "_")) for path, array in weights.items()]
        for engine, variables in ((tc, ours), (keras, theirs)):
            optimizer = engine.optimizers.AdamW(**in_single("AdamW", dict(learning_rate=0.0625, weight_decay=0.5)))
            optimizer.exclude_from_weight_decay(**choose(engine, variables))
            for step in gradients[:10]:
                optimizer.apply([keras.ops.convert_to_tensor(g) if engine is keras else g for g in step], variables)
        found += [weight.data for weight in ours]
        judges += [variable.numpy() for variable in theirs]
    for one, other in zip(found, judges, strict=True):
        close("weights left out of decay", one, other, precision.output)


def test_gradients_beyond_numbers(keras):
    """Clipped as in Keras: an infinite norm makes one weight's gradient zero, and the global norm's all NaN."""
    gradients = [np.array([1.0, np.inf, 3.0], "f4"), np.array([2.0, 0.5], "f4")]
    for common in (dict(clipnorm=1.0), dict(global_clipnorm=1.0), dict(clipvalue=1.0)):
        ours = [tc.layers.Parameter(np.ones_like(g), "w") for g in gradients]
        theirs = [keras.Variable(np.ones_like(g)) for g in gradients]
        tc.optimizers.SGD(0.5, **common).apply(gradients, ours)
        keras.optimizers.SGD(0.5, **common).apply([keras.ops.convert_to_tensor(g) for g in gradients], theirs)
        for weight, variable in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(weight.data, variable.numpy(), rtol=1e-6)


def descriptions(engine):
    """An engine's descriptions of some optimizers."""
    make = engine.optimizers
    schedule = make.schedules.CosineDecay(0.25, 10, warmup_target=0.5, warmup_steps=2)
    made = [getattr(make, name)(**{**arguments, "name": "its"}) for name, arguments in OPTIMIZERS]
    made += [make.SGD(schedule, clipnorm=1.0, name="its"), make.Adam(0.5, weight_decay=0.25, name="its")]
    return [make.serialize(one) for one in made]


def test_descriptions_are_keras_s(keras):
    ours, theirs = (descriptions(engine) for engine in (tc, keras))
    for mine, other in zip(ours, theirs, strict=True):
        rates = mine["config"]["learning_rate"], other["config"]["learning_rate"]
        if not isinstance(rates[0], dict):
            other["config"]["learning_rate"] = rates[0]  # which Keras has rounded to float32
            assert rates[1] == np.float32(rates[0])
        assert json.loads(json.dumps(mine)) == other


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=named)
def test_schedule_descriptions(keras, name, arguments):
    """Each engine makes its own schedule of the other's description."""
    mine, theirs = (getattr(engine.optimizers.schedules, name)(**arguments) for engine in (tc, keras))
    described = schedules.serialize(mine)
    assert json.loads(json.dumps(described)) == keras.optimizers.schedules.serialize(theirs)
    back = schedules.deserialize(keras.optimizers.schedules.serialize(theirs))
    assert type(back) is type(mine)
    assert [back(step) for step in range(40)] == [mine(step) for step in range(40)]
    assert float(keras.optimizers.schedules.deserialize(described)(13)) == pytest.approx(mine(13), rel=1e-6)


def test_each_engine_reads_the_other_s_descriptions(keras):
    for mine in descriptions(tc):
        if mine["class_name"] == "Lamb":
            continue  # Keras 3.15 does not know its own by a description
        judge = keras.optimizers.deserialize(json.loads(json.dumps(mine)))
        back = tc.optimizers.deserialize(keras.optimizers.serialize(judge))
        assert type(back).__name__ == type(judge).__name__ == mine["class_name"]
        config = back.get_config()
        if not isinstance(config["learning_rate"], dict):
            assert config.pop("learning_rate") == np.float32(mine["config"].pop("learning_rate"))
        assert config == mine["config"]


def test_setting_the_learning_rate(keras):
    """A number takes a number, a schedule or a function; a schedule no number."""
    for engine in (tc, keras):
        make = engine.optimizers
        optimizer = make.SGD(0.5)
        optimizer.learning_rate = 0.25
        assert float(optimizer.learning_rate) == 0.25
        optimizer.learning_rate = make.schedules.ExponentialDecay(0.125, 10, 0.5)
        assert float(optimizer.learning_rate) == 0.125
        variables = optimizer.variables if engine is keras else optimizer.variables()
        assert len(variables) == 1  # the rate is no state any more
        with pytest.raises(TypeError, match="learning rate"):
            optimizer.learning_rate = 0.25
        optimizer.learning_rate = partial(float, 0.0625)
        assert float(optimizer.learning_rate) == 0.0625
