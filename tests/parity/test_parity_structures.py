"""Inputs and outputs in lists and dicts, outputs and models without a loss: the same text with both engines."""

import numpy as np
import pytest

import tinyconv as tc

RNG = np.random.default_rng(4)
A, B = RNG.standard_normal((12, 4)).astype(np.float32), RNG.standard_normal((12, 3)).astype(np.float32)
P, Q = RNG.standard_normal((12, 2)).astype(np.float32), RNG.standard_normal((12, 1)).astype(np.float32)

# Keras's TensorFlow graph counts a short last batch of single outputs' losses in full: batches here divide 12.
OPTIONS = {"batch_size": 4, "shuffle": False, "verbose": 0, "epochs": 2}


def ops_of(engine):
    return tc.functions if engine is tc else engine.ops


def functional(engine, ends):
    a, b = engine.Input((4,), name="a"), engine.Input((3,), name="b")
    x = engine.layers.Concatenate()([a, b])
    p, q = engine.layers.Dense(2, name="pp")(x), engine.layers.Dense(1, name="qq")(x)
    return engine.Model({"a": a, "b": b} if ends is dict else [a, b], {"q": q, "p": p} if ends is dict else [p, q])


def dicts(engine):
    model = functional(engine, dict)
    weights = {"p": 1.0, "q": 0.5}
    model.compile(
        "sgd", {"p": "mse", "q": "mae"}, loss_weights=weights, metrics={"p": ["mae"], "q": ["mse"]}, run_eagerly=True
    )
    return model, {"b": B, "a": A}, {"p": P, "q": Q}


def one_loss_for_a_dict(engine):
    model = functional(engine, dict)
    model.compile("sgd", "mse", run_eagerly=True)
    return model, {"b": B, "a": A}, {"q": Q, "p": P}


def names_for_lists(engine):
    model = functional(engine, list)
    model.compile("sgd", {"pp": "mse", "qq": "mae"}, metrics={"qq": ["mse"]}, run_eagerly=True)
    return model, {"a": A, "b": B, "unused": B}, {"pp": P, "qq": Q}


def an_output_without_a_loss(engine):
    model = functional(engine, list)
    model.compile("sgd", ["mse", None], run_eagerly=True)
    return model, [A, B], [P, Q]


def own(engine):
    """A model with a `call` of its own that takes and gives dicts, and a layer within that does, too."""

    class Pair(engine.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = engine.layers.Dense(3, name="first"), engine.layers.Dense(3, name="second")

        def call(self, inputs):
            return {"sum": self.first(inputs["a"]) + self.second(inputs["b"]), "b": inputs["b"]}

    class Own(engine.Model):
        def __init__(self):
            super().__init__()
            self.pair = Pair()
            self.p, self.q = engine.layers.Dense(2, name="p"), engine.layers.Dense(1, name="q")

        def call(self, inputs, training=False):
            found = self.pair(inputs)
            return {"p": self.p(found["sum"]), "q": self.q(found["b"])}

    model = Own()
    model.compile("sgd", {"p": "mse", "q": "mse"}, metrics={"q": ["mae"]}, run_eagerly=True)
    return model, {"a": A, "b": B}, {"p": P, "q": Q}


def only_added(engine):
    """No loss but what a layer adds; no targets."""

    class Sparse(engine.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.1 * ops_of(engine).mean(inputs**2))
            return inputs

    x = engine.Input((4,))
    model = engine.Model(x, Sparse()(engine.layers.Dense(3, kernel_regularizer="l2")(x)))
    model.compile("sgd", run_eagerly=True)
    return model, A, None


def lists_of_one(engine, kind=None):
    """Outputs in a list, as `other.outputs` has them: one output is no list in what is called and predicted."""
    x = engine.Input((4,))
    other = engine.Model(x, engine.layers.Dense(2)(x))
    model = (kind or engine.Model)(x, other.outputs)
    assert model.output_shape == (None, 2)
    assert model(A).shape == (12, 2)
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
    return model, A, P


def lists_of_one_and_steps_of_its_own(engine):
    class Stepping(engine.Model):
        def train_step(self, data):
            assert self(data[0]).shape == (4, 2)
            return super().train_step(data)

    return lists_of_one(engine, Stepping)


CASES = [dicts, one_loss_for_a_dict, names_for_lists, an_output_without_a_loss, own, only_added]
CASES += [lists_of_one, lists_of_one_and_steps_of_its_own]


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables", "ignore:the loss does not depend on")
@pytest.mark.parametrize("build", CASES, ids=lambda build: build.__name__)
def test_training(keras, build):
    """Histories, measures, predictions and their structure."""
    found, weights = {}, None
    for engine in (keras, tc):
        model, x, y = build(engine)
        if build is own:
            model({name: part[:1] for name, part in x.items()})
        weights = weights or model.get_weights()
        model.set_weights(weights)
        history = model.fit(x, y, **OPTIONS).history
        measured = model.evaluate(x, y, verbose=0, return_dict=True)
        found[engine] = history, measured, model.predict(x, verbose=0), model.predict_on_batch(x), model.metrics_names
    ours, theirs = found[tc], found[keras]
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_allclose(values, other[name], rtol=2e-5, err_msg=name)
    for one, other in zip(ours[2:4], theirs[2:4], strict=True):
        assert type(one) is type(other)
        if isinstance(one, dict):
            assert list(one) == list(other)
            one, other = list(one.values()), list(other.values())
        for y, right in zip(one, other, strict=True):
            np.testing.assert_allclose(y, right, rtol=1e-4, atol=1e-6)
    assert sorted(ours[4]) == sorted(theirs[4])


def test_calls_on_symbols_and_tensors(keras):
    """A model that takes and gives dicts, within another."""
    results, weights = [], None
    for engine in (keras, tc):
        inner = functional(engine, dict)
        x = engine.Input((4,))
        found = inner({"a": 2 * x, "b": x[:, :3]})
        outer = engine.Model(x, [found["p"], found["q"] * 2])
        weights = weights or outer.get_weights()
        outer.set_weights(weights)
        results.append([np.asarray(y) for y in (*outer(A), *inner({"a": A, "b": B}).values())])
        assert inner.output["p"].shape == (None, 2)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
