"""Descriptions: ours are Keras's, each engine reads the other's."""

import json

import pytest

import tinyconv as tc
from tinyconv import registry

DESCRIBED = {
    "loss": [
        ("losses.CategoricalCrossentropy", dict(label_smoothing=0.25, reduction="sum")),
        ("losses.SparseCategoricalCrossentropy", dict(from_logits=True)),
        ("losses.BinaryCrossentropy", {}),
        ("losses.MeanSquaredError", dict(name="mine")),
    ],
    "metric": [
        ("metrics.BinaryAccuracy", dict(threshold=0.25)),
        ("metrics.CategoricalAccuracy", {}),
        ("metrics.SparseCategoricalAccuracy", dict(name="mine")),
        ("metrics.TopKCategoricalAccuracy", dict(k=3)),
        ("metrics.SparseTopKCategoricalAccuracy", {}),
        ("metrics.Mean", {}),
    ],
    "initializer": [
        ("initializers.HeNormal", dict(seed=3)),
        ("initializers.Zeros", {}),
        ("initializers.Constant", dict(value=2.0)),
        ("initializers.RandomUniform", {}),
        ("initializers.VarianceScaling", dict(scale=2.0, mode="fan_out", distribution="uniform")),
    ],
    "regularizer": [("regularizers.L1", dict(l1=0.25)), ("regularizers.L1L2", dict(l2=0.5))],
    "schedule": [("optimizers.schedules.PolynomialDecay", dict(initial_learning_rate=0.5, decay_steps=3))],
    "optimizer": [("optimizers.SGD", dict(learning_rate=0.5, momentum=0.25)), ("optimizers.AdamW", {})],
}
CASES = [(kind, *case) for kind, cases in DESCRIBED.items() for case in cases]


def made(engine, dotted, arguments):
    for part in dotted.split("."):
        engine = getattr(engine, part)
    return engine(**arguments)


def rounded(description):
    """Leave out an initializer's axes, which tinyconv has not; Keras rounds learning rates to float32."""
    if isinstance(description, dict):
        return {name: rounded(each) for name, each in description.items() if name not in ("input_axes", "output_axes")}
    return pytest.approx(description, rel=1e-6) if isinstance(description, float) else description


@pytest.mark.parametrize(("kind", "dotted", "arguments"), CASES, ids=lambda one: one if isinstance(one, str) else "")
def test_descriptions(keras, fresh_names, kind, dotted, arguments):
    ours, theirs = made(tc, dotted, arguments), made(keras, dotted, arguments)
    mine, judge = (json.loads(json.dumps(one)) for one in (registry.serialize(ours), serialize(keras, theirs)))
    assert rounded(judge) == rounded(mine)
    assert type(registry.deserialize(judge, kind)) is type(ours)
    again = keras.saving.deserialize_keras_object(mine)
    assert rounded(json.loads(json.dumps(serialize(keras, again)))) == rounded(mine)


def serialize(keras, theirs):
    return keras.saving.serialize_keras_object(theirs)


def test_names_of_what_is_registered(keras):
    """As Keras writes them: a class's under its own class name, a function's name in its configuration."""
    described = []
    for engine, register, serialized in (
        (tc, tc.register_keras_serializable, registry.serialize),
        (keras, keras.saving.register_keras_serializable, keras.saving.serialize_keras_object),
    ):

        @register("parity")
        def difference(y_true, y_pred):
            return y_true - y_pred

        @register()
        class Own(engine.losses.Loss):
            pass

        described.append([serialized(difference), serialized(Own(name="own"))])
    assert described[0] == described[1]
