"""A judge that would accept a wrong gradient is no judge."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.agreement import STEPS, Evidence, collect, distance, judge
from benchmarks.engines import CONTESTANTS
from benchmarks.inputs import Inputs, initial_weights
from benchmarks.models import SGD, Adam, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Model, weights
from benchmarks.processes import Worker, WorkerError

MODEL = Model(
    "small",
    (9, 7, 2),
    (Conv2D(3, 3, padding="same"), MaxPool2D(), Dropout(0.5), Conv2D(4, 2), Flatten(), Dense(5, "relu"), Dense(3)),
    batch=4,
    optimizer=Adam(),
)


def evidence(seed=0):
    rng = np.random.default_rng(seed)
    gradients = [rng.standard_normal(weight.shape).astype(np.float32) for weight in weights(MODEL)]
    return Evidence(rng.standard_normal((4, 3)).astype(np.float32), 1.5, gradients, [1.5, 1.4, 1.3])


def near(found, seed):
    """The same evidence as another engine's rounding would leave it."""
    rng = np.random.default_rng(seed)
    gradients = [g * (1 + 1e-6 * rng.standard_normal(g.shape)).astype(np.float32) for g in found.gradients]
    return replace(found, gradients=gradients, losses=[loss * (1 + 1e-5) for loss in found.losses])


@pytest.mark.parametrize("index", range(len(weights(MODEL))))
@pytest.mark.parametrize(
    "wrong",
    [
        lambda g: 2 * g,
        lambda g: -g,
        lambda g: 1.001 * g,
        lambda g: np.where(np.arange(g.size).reshape(g.shape) == 0, np.nan, g),
        lambda g: np.concatenate([g, g]),
    ],
    ids=["doubled", "sign", "one in a thousand", "one NaN", "shape"],
)
def test_a_wrong_gradient_is_caught_and_named(index, wrong):
    right = evidence()
    gradients = list(right.gradients)
    gradients[index] = wrong(gradients[index]).astype(np.float32)
    ours = replace(right, gradients=gradients)
    verdicts = judge(MODEL, {"tinyconv": ours, "keras": near(right, 1), "pytorch": near(right, 2)})
    assert not verdicts["tinyconv"].agrees
    assert verdicts["tinyconv"].quantity == f"gradient of {weights(MODEL)[index].name}"
    assert all(verdict.agrees for name, verdict in verdicts.items() if name != "tinyconv")


@pytest.mark.parametrize(
    ("change", "quantity"),
    [
        ({"outputs": 2 * evidence().outputs}, "outputs"),
        ({"loss": 1.501}, "loss"),
        ({"losses": [1.5, 1.4, 1.31]}, "losses after updates"),
    ],
)
def test_everything_else_is_compared_too(change, quantity):
    verdicts = judge(MODEL, {"tinyconv": replace(evidence(), **change), "keras": evidence()})
    assert verdicts["tinyconv"].quantity == quantity
    assert not verdicts["tinyconv"].agrees


def test_rounding_is_no_disagreement():
    verdicts = judge(MODEL, {"tinyconv": near(evidence(), 3), "keras": evidence(), "pytorch": near(evidence(), 4)})
    assert len(verdicts) == 2
    assert all(0 < verdict.error <= verdict.allowed for verdict in verdicts.values())


def test_a_wrong_opponent_is_found_out_by_the_others():
    verdicts = judge(MODEL, {"tinyconv": evidence(), "keras": evidence(seed=1), "pytorch": near(evidence(), 5)})
    assert [name for name, verdict in verdicts.items() if not verdict.agrees] == ["keras"]


def test_between_two_the_opponent_is_the_judge():
    verdicts = judge(MODEL, {"tinyconv": evidence(), "keras": evidence(seed=1)})
    assert list(verdicts) == ["tinyconv"]


def test_one_engine_alone_has_no_judge():
    assert judge(MODEL, {"tinyconv": evidence()}) == {}


def test_distance_is_relative_to_the_larger_and_symmetric():
    a, b = np.array([3.0, 4.0]), np.array([0.0, 0.0])
    assert distance(a, 1.1 * a) == distance(1.1 * a, a) == pytest.approx(0.1 / 1.1)
    assert distance(a, b) == 1
    assert distance(b, b) == 0


def small_inputs(model):
    rng = np.random.default_rng(7)
    images = rng.random((3, 4, *model.input_shape), dtype=np.float32)
    return Inputs(initial_weights(model, rng), images, rng.integers(0, 3, (3, 4)), "synthetic")


class Linear:
    """An engine of one dense layer with its gradient by hand, as many times too large as `factor` says."""

    penalty_in_loss = False

    def __init__(self, model, inputs, threads, factor):
        self.rate, self.l2, self.factor, self.inputs = model.optimizer.learning_rate, 0.5, factor, inputs
        self.w, self.b = (array.astype(np.float64) for array in inputs.weights)

    def predict(self, index):
        return self.inputs.images[index] @ self.w + self.b

    def step(self, index):
        logits, y = self.predict(index), np.eye(3)[self.inputs.labels[index]]
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        dlogits = self.factor * (p - y) / len(y)
        self.w = self.w - self.rate * (self.inputs.images[index].T @ dlogits + self.l2 * self.w)
        self.b = self.b - self.rate * dlogits.sum(0)
        return -np.log((p * y).sum(1)).mean()

    def weights(self):
        return [self.w.astype(np.float32), self.b.astype(np.float32)]


class Stub:
    def __init__(self, factor):
        self.factor = factor

    def build(self, model, inputs, threads):
        return Linear(model, inputs, threads, self.factor)


def test_gradients_are_recovered_from_a_step_penalty_included():
    model = Model("linear", (6,), (Dense(3, l2=0.5),), batch=4, optimizer=SGD(0.1))
    inputs = small_inputs(model)
    right = collect(Stub(1.0), model, inputs, 1)
    w = inputs.weights[0]
    images = agreement._noisy(inputs.images[:STEPS])[0]
    logits = images @ w
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = np.eye(3)[inputs.labels[0]]
    np.testing.assert_allclose(right.gradients[0], images.T @ (p - y) / 4 + 0.5 * w, rtol=1e-5, atol=1e-6)
    assert right.loss == pytest.approx(-np.log((p * y).sum(1)).mean() + 0.25 * (w**2).sum(), rel=1e-6)
    verdicts = judge(model, {"tinyconv": collect(Stub(1.01), model, inputs, 1), "keras": right})
    assert verdicts["tinyconv"].quantity.startswith("gradient of")
    assert not verdicts["tinyconv"].agrees


def test_the_installed_engines_agree(monkeypatch):
    """Every translation of the layer list, `same` padding, ragged pooling, flatten's order and the penalty among it."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # these networks are too small to be worth a compiler's time
    penalty = Model("penalty", (6,), (Dense(5, "relu", l2=0.1), Dense(3)), batch=4, optimizer=SGD(0.1))
    found = {MODEL.name: {}, penalty.name: {}}
    for name, contestant in CONTESTANTS.items():
        if contestant.missing() is None:
            with Worker(1) as worker:
                for model in filter(contestant.runs, (MODEL, penalty)):
                    found[model.name][name] = worker.call("check", name, model, small_inputs(model), 1)
    for model in (MODEL, penalty):
        verdicts = judge(model, found[model.name])
        assert {name: verdict for name, verdict in verdicts.items() if not verdict.agrees} == {}


def test_an_engine_that_raises_or_dies_is_reported_in_one_line():
    with Worker(1) as worker:
        with pytest.raises(WorkerError, match="KeyError: 'no such engine'"):
            worker.call("check", "no such engine", MODEL, small_inputs(MODEL), 1)
        with pytest.raises(WorkerError, match="RuntimeError: a worker must build its engine"):
            worker.call("run", "train", 0, 1)
        worker.process.kill()
        with pytest.raises(WorkerError, match="its process ended with code -9: RuntimeError: a worker must build"):
            worker.call("peak")
