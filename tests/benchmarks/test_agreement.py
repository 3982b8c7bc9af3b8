"""A judge that would accept a wrong gradient is no judge."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.agreement import STEPS, Evidence, Hearing, collect, distance, judge
from benchmarks.engines import CONTESTANTS
from benchmarks.inputs import Inputs, initial_weights
from benchmarks.models import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    Model,
    ReLU,
    Residual,
    RMSprop,
    weights,
)
from benchmarks.networks import MODELS
from benchmarks.processes import Worker, WorkerError
from tinyconv.kernels.reference import rmsprop_inplace

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


def test_a_float32_gradient_twice_too_large_is_caught_where_rounding_is_chaos():
    right = evidence()
    rng = np.random.default_rng(6)
    chaos = [g * (1 + 0.03 * rng.standard_normal(g.shape)).astype(np.float32) for g in right.gradients]
    right = replace(right, rounded=right.gradients)
    assert judge(MODEL, {"tinyconv": replace(right, rounded=chaos), "keras": right})["tinyconv"].agrees
    for index in range(len(chaos)):
        doubled = [2 * g if number == index else g for number, g in enumerate(chaos)]
        verdict = judge(MODEL, {"tinyconv": replace(right, rounded=doubled), "keras": right})["tinyconv"]
        assert not verdict.agrees
        assert verdict.quantity == f"float32 gradient of {weights(MODEL)[index].name}"
    with pytest.raises(ValueError, match="8 gradients, the other 0"):
        judge(MODEL, {"tinyconv": replace(right, rounded=None), "keras": right})


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


def flipped(found, size):
    """The same evidence as a cell on the other side of ReLU's kink would leave it."""
    return replace(found, gradients=[g * np.float32(1 + size) for g in found.gradients])


def test_chance_is_forgiven_where_another_draw_agrees():
    hearing = Hearing(MODEL)
    assert not hearing.hear(
        {"tinyconv": flipped(evidence(), 0.01), "keras": evidence(), "pytorch": near(evidence(), 1)}
    )
    assert list(hearing.refused()) == ["tinyconv"]
    assert hearing.hear({"tinyconv": evidence(8), "keras": near(evidence(8), 2), "pytorch": evidence(9)})
    assert hearing.refused() == {}
    assert hearing.accepted == {"tinyconv", "keras", "pytorch"}


def test_an_engine_wrong_in_every_draw_is_refused_by_its_mildest_verdict():
    hearing = Hearing(MODEL)
    for seed, size in enumerate((0.03, 0.01, 0.02)):
        right = evidence(seed)
        assert not hearing.hear({"tinyconv": flipped(right, size), "keras": right, "pytorch": near(right, 1)})
    (verdict,) = hearing.refused().values()
    assert verdict.error == pytest.approx(0.01, rel=0.02)
    assert hearing.agreed.keys() < hearing.accepted == {"keras", "pytorch"}


def test_a_judge_with_whom_nobody_agrees_is_not_accepted_by_that():
    hearing = Hearing(MODEL)
    assert not hearing.hear({"tinyconv": evidence(1), "keras": evidence(2), "pytorch": evidence(3)})
    assert hearing.accepted == set()
    assert not hearing.hear({"tinyconv": evidence(4), "keras": evidence(5), "pytorch": evidence(5)})
    assert hearing.accepted == {"keras", "pytorch"}


def test_one_engine_alone_needs_one_hearing():
    hearing = Hearing(MODEL)
    assert hearing.hear({"tinyconv": evidence()})
    assert hearing.refused() == {}


def test_gradients_of_large_networks_come_from_few_images_in_a_whole_batch():
    def different(model, cells):
        images = np.random.default_rng(0).random((3, 16, *model.input_shape), dtype=np.float32) + 1
        inputs = Inputs([], images, np.arange(48).reshape(3, 16), "synthetic")
        found = agreement._repeated(model, inputs, cells)
        assert found.images.shape == (1, *images.shape[1:])
        count = len(set(found.labels[0]))
        for image, label in zip(found.images[0], found.labels[0], strict=True):
            seen = image != 0
            np.testing.assert_array_equal(image[seen], images[0, label][seen])
        assert (inputs.images != 0).all()
        return count, seen.mean()

    assert different(MODELS["mnist-fc"], 2**20) == (16, 1)
    assert different(MODELS["cifar10"], 2**20) == (12, 1)
    assert different(MODELS["cifar10"], 2**17) == (1, 1)
    count, part = different(MODELS["cifar10"], 2**15)
    assert (count, part) == (1, pytest.approx(2**15 / (2**20 / 12.5), rel=0.1))


def test_batch_normalization_is_never_asked_about_one_image_alone():
    model = MODELS["intel"]
    images = np.random.default_rng(0).random((1, 16, *model.input_shape), dtype=np.float32) + 1
    found = agreement._repeated(model, Inputs([], images, np.arange(16).reshape(1, 16), "synthetic"), 2**20)
    assert found.labels[0].tolist() == 4 * [0, 1, 2, 3]
    seen = (found.images != 0).all(axis=-1)[0]
    sides = {(image.any(axis=1).sum(), image.any(axis=0).sum()) for image in seen}
    assert len(sides) == 1
    assert 20 < sides.pop()[0] < 60


def test_moving_averages_are_not_compared():
    model = replace(MODEL, layers=(*MODEL.layers, BatchNorm()))
    drawn = [np.ones(weight.shape, np.float32) for weight in weights(model)]
    right = Evidence(np.ones((4, 3), np.float32), 1.5, drawn, [1.5])
    other = replace(right, gradients=[*drawn[:-2], 2 * drawn[-2], 3 * drawn[-1]])
    assert all(verdict.agrees for verdict in judge(model, {"tinyconv": other, "keras": right}).values())
    other = replace(right, gradients=[*drawn[:-3], 2 * drawn[-3], *drawn[-2:]])
    assert not judge(model, {"tinyconv": other, "keras": right})["tinyconv"].agrees


def test_every_draw_has_its_own_noise():
    images = np.ones((2, 3), np.float32)
    assert not np.array_equal(agreement._noisy(images, 0), agreement._noisy(images, 1))
    np.testing.assert_array_equal(agreement._noisy(images, 1), agreement._noisy(images, 1))


def small_inputs(model):
    rng = np.random.default_rng(7)
    images = rng.random((3, 4, *model.input_shape), dtype=np.float32)
    return Inputs(initial_weights(model, rng), images, rng.integers(0, model.classes, (3, 4)), "synthetic")


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
    trains = True

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


@pytest.mark.slow
def test_the_installed_engines_agree(monkeypatch):
    """Every translation of a layer list: `same` padding, ragged pooling, flatten's order, all losses and optimizers."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # these networks are too small to be worth a compiler's time
    penalty = Model("penalty", (6,), (Dense(5, "relu", l2=0.1), Dense(3)), batch=4, optimizer=SGD(0.1))
    layers = (Conv2D(4, 3), MaxPool2D(), Flatten(), Dense(6, "relu", l2=0.01), Dropout(0.5), Dense(1, "sigmoid"))
    binary = Model("binary", (8, 8, 3), layers, batch=4, optimizer=RMSprop(0.01))
    layers = (Conv2D(4, 3), BatchNorm(), MaxPool2D(), Flatten(), Dense(6, "relu"), BatchNorm(0.9, 0.01), Dense(3))
    normalized = Model("normalized", (8, 8, 2), layers, batch=4, optimizer=Adam())
    softmax = Model("softmax", (6,), (Dense(5, "relu"), Dense(3, "softmax")), batch=4, optimizer=RMSprop())
    wide, thin = Conv2D(6, 1, stride=2, relu=False), Conv2D(6, 3, "same", bias=False, relu=False)
    block = Residual((wide, BatchNorm(), ReLU(), thin, BatchNorm()), (wide, BatchNorm()))
    layers = (Conv2D(4, 5, 2, 2), MaxPool2D(3, 2, 1), block, Residual((thin,)), GlobalAveragePool2D(), Dense(3))
    residual = Model("residual", (23, 18, 2), layers, batch=4, optimizer=SGD(0.1))
    layers = (Conv2D(4, 3, "same", 2, bias=False, relu=False), ReLU(0.5), DepthwiseConv2D(3, 2), BatchNorm(), ReLU(6.0))
    mirrored = Model("mirrored", (16, 12, 2), (*layers, GlobalAveragePool2D(), Dense(3)), batch=4, optimizer=SGD(0.1))
    models = (MODEL, penalty, binary, softmax, normalized, residual, mirrored)
    found = {model.name: {} for model in models}
    for name, contestant in CONTESTANTS.items():
        if contestant.missing() is None:
            with Worker(1) as worker:
                for model in filter(contestant.runs, models):
                    found[model.name][name] = worker.call("check", name, model, small_inputs(model), 1, 0)
    for model in models:
        verdicts = judge(model, found[model.name])
        assert {name: verdict for name, verdict in verdicts.items() if not verdict.agrees} == {}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(4, 4, 3), (5,)], ids=["images", "features"])
def test_moving_averages_are_the_same_but_for_the_bias_of_the_variance(shape):
    """So a share of the new is not mistaken for one of the old, and predictions of trained networks are alike."""
    pytest.importorskip("torch")
    flatten = [Flatten()] if len(shape) > 1 else []
    model = Model("averages", shape, (BatchNorm(0.75), *flatten, Dense(3)), batch=4, optimizer=SGD(0.1))
    inputs, rows = small_inputs(model), 4 * int(np.prod(shape[:-1]))
    found = {}
    for name in ("tinyconv", "pytorch"):
        engine = CONTESTANTS[name].build(model, inputs, 1)
        engine.step(0)
        found[name] = engine.weights()
    assert [weight.learnt for weight in weights(model)[:4]] == [True, True, False, False]
    for index, (ours, theirs) in enumerate(zip(*found.values(), strict=True)):
        if index == 3:
            theirs = 0.75 + (theirs - 0.75) * (rows - 1) / rows
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=weights(model)[index].name)
    assert (found["tinyconv"][2] > 0.05).all()


def test_pytorchs_rmsprop_is_keras_rule():
    torch = pytest.importorskip("torch")
    from benchmarks.engines.pytorch import _RMSprop

    rng = np.random.default_rng(4)
    w, v = rng.standard_normal((3, 5)), np.zeros((3, 5))
    parameter = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimizer = _RMSprop([{"params": [parameter], "weight_decay": 0.5}], {"lr": 0.01, "alpha": 0.9, "eps": 1e-7})
    for size in (1e-5, 1e-3, 1.0):  # gradients below √ε, about it and above
        g = size * rng.standard_normal((3, 5))
        parameter.grad = torch.from_numpy(g - 0.5 * w)
        optimizer.step()
        rmsprop_inplace(w, g, v, None, None, 0.01, 0.9, 0.0, 1e-7, True)
        np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-9)


def test_an_engine_that_raises_or_dies_is_reported_in_one_line():
    with Worker(1) as worker:
        with pytest.raises(WorkerError, match="KeyError: 'no such engine'"):
            worker.call("check", "no such engine", MODEL, small_inputs(MODEL), 1, 0)
        with pytest.raises(WorkerError, match="RuntimeError: a worker must build its engine"):
            worker.call("run", "train", 0, 1)
        worker.process.kill()
        with pytest.raises(WorkerError, match="its process ended with code -9: RuntimeError: a worker must build"):
            worker.call("peak")
