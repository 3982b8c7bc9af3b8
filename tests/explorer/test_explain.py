"""tc.explain: the terms add up to the gradient, the chain reaches the loss, and a wrong backward is called wrong."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers as L
from tinyconv.explorer.checks import KINK, RIGHT, WRONG, check_operations, check_value
from tinyconv.explorer.explanation import explanation_of
from tinyconv.explorer.recording import record
from tinyconv.explorer.replay import Replay
from tinyconv.functions.activation import Relu


def numbers_of(recording, rng, count):
    """Random cells of random weights, inputs and activations that have a gradient."""
    values = [value for value in recording.values if value.gradient is not None and value.array.size]
    for _ in range(count):
        value = values[rng.integers(len(values))]
        yield value, tuple(int(rng.integers(n)) for n in value.array.shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_terms_of_500_numbers_in_20_random_networks_add_up_to_their_gradients(random_network, dtype):
    rng = np.random.default_rng(5)
    for seed in range(20):
        recording = record(*random_network(seed, dtype))
        for value, cell in numbers_of(recording, rng, 25):
            if value.number == recording.loss:
                continue
            links = explanation_of(recording, value.name, cell, check=False).links
            for link in links:  # the number itself, and all on the way to the loss
                sizes = sum(float(np.abs(share.products).sum()) for share in link.shares)
                rounding = 1e-5 if dtype == "float32" else 1e-9
                assert abs(link.sum - link.gradient) <= rounding * sizes, (seed, link.value.name, link.cell)
            last = links[-1]
            assert last.gradient == 0 or any(share.operation.output == recording.loss for share in last.shares), (
                "the chain ends at the loss, or where the gradient is 0"
            )


def verdicts(recording, rng):
    """The verdicts on every operation by itself, and on numbers by the loss."""
    found = [
        (recording.operations[i].name, check) for i, each in enumerate(check_operations(recording)) for _, check in each
    ]
    replay = Replay(recording)
    for value, cell in numbers_of(recording, rng, 4):
        found.append((value.name, check_value(replay, value.number, cell)))
    return found


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 200), marks=pytest.mark.slow)], ids=["12", "188"])
def test_a_right_gradient_is_never_called_wrong(random_network, seeds):
    rng = np.random.default_rng(6)
    kinks = total = 0
    for seed in seeds:
        for name, check in verdicts(record(*random_network(seed)), rng):
            assert check.verdict != WRONG, (seed, name, check)
            kinks += check.verdict == KINK
            total += 1
    assert kinks < total / 10


def network():
    """A network with one of each operation whose backward is spoilt below."""
    tc.set_seed(3)
    tc.clear_session()
    image = tc.Input((8, 8, 2))
    x = L.Conv2D(4, 3, padding="same")(image)
    x = L.BatchNormalization()(x)
    x = L.Activation("relu")(x)
    x = L.DepthwiseConv2D(3)(x)
    x = L.MaxPooling2D()(x)
    x = L.AveragePooling2D(2, 1)(x)
    x = L.Dropout(0.3)(x)
    x = L.Dense(4, activation="tanh")(L.Flatten()(x))
    model = tc.Model(image, L.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(4)
    return model, rng.standard_normal((2, 8, 8, 2)), np.array([0, 2])


def scaled(backward):
    """A backward that is a hundredth too large."""

    def wrong(self, dy):
        return tuple(None if dx is None else dx * 1.01 for dx in backward(self, dy))

    return wrong


SPOILT = (
    *("Conv2D", "BatchNorm", "Relu", "DepthwiseConv2D", "MaxPool2D", "AveragePool2D"),
    *("Dropout", "Dense", "Tanh", "Reshape", "SparseSoftmaxCrossEntropy"),
)


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_wrong_backward_is_called_wrong_in_its_own_operation_only(spoilt, monkeypatch):
    model, x, y = network()
    classes = {
        type(operation.function).__name__: type(operation.function) for operation in record(model, x, y).operations
    }
    monkeypatch.setattr(classes[spoilt], "backward", scaled(classes[spoilt].backward))
    recording = record(model, x, y)
    for operation, checks in zip(recording.operations, check_operations(recording, cells=3), strict=True):
        found = {check.verdict for _, check in checks if abs(check.gradient) > 1e-8}
        expected = WRONG if type(operation.function).__name__ == spoilt else RIGHT
        assert found <= {expected, KINK}, operation.name
        assert not checks or expected in found or expected == RIGHT


def test_a_relu_that_lets_all_gradients_through_is_called_wrong(monkeypatch, capsys):
    model, x, y = network()
    monkeypatch.setattr(Relu, "backward", lambda self, dy: (dy,))
    recording = record(model, x, y)
    relu = next(each for each in recording.operations if type(each.function).__name__ == "Relu")
    shut = np.argwhere((recording.values[relu.output].array == 0) & (relu.passed[0] != 0))[0]
    tc.explain(model, x, y, recording.values[relu.inputs[0]].name, shut)
    assert "✗ WRONG" in capsys.readouterr().out


def test_a_wrong_kernel_of_the_cpu_is_called_wrong(monkeypatch):
    from tinyconv.kernels import cpu

    right = cpu.conv2d_backward

    def wrong(dy, x, w, *rest):
        dx, dw, db = right(dy, x, w, *rest)
        return dx, dw[::-1].copy(), db

    monkeypatch.setattr(cpu, "conv2d_backward", wrong)
    model, x, y = network()
    recording = record(model, x, y)
    conv = recording.operations[0]
    assert type(conv.function).__name__ == "Conv2D"
    checks = check_operations(recording, cells=4)[0]
    assert {check.verdict for place, check in checks if place == 1} == {WRONG}
    assert {check.verdict for place, check in checks if place != 1} == {RIGHT}


def test_the_reasons_of_zeros_are_named(capsys):
    model, x, y = network()
    recording = record(model, x, y)
    names = {type(each.function).__name__: each for each in recording.operations}

    def printed(operation, choose):
        value = recording.values[operation.inputs[0]]
        cell = np.argwhere(choose(value.array, operation))[0]
        print(explanation_of(recording, value.name, cell))
        return capsys.readouterr().out

    relu, pool, drop = names["Relu"], names["MaxPool2D"], names["Dropout"]
    assert "the rectifier is shut: x = -" in printed(relu, lambda x, _: x < 0)
    assert "it is not the largest of its window" in printed(pool, lambda x, each: (each.passed[0] == 0) & (x < x.max()))
    dropped = printed(drop, lambda x, each: (recording.values[each.output].array == 0) & (x != 0))
    assert "dropped: this element was set to 0 in this step" in dropped
    print(explanation_of(recording, "dense_1", (0, 1)))
    assert "no gradient: the loss was not computed from dense_1: Softmax" in capsys.readouterr().out


def test_numbers_that_are_worked_out_by_hand(capsys):
    tc.clear_session()
    model = tc.Sequential([tc.Input((2,)), L.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[3.0], [-1.0]], "float32")])
    # y = 3·2 − 1·5 = 1, loss (1 − 4)² = 9, dy = 2·(1 − 4) = −6, dw = x·dy = (−12, −30), dx = w·dy = (−18, 6)
    x, y = np.array([[2.0, 5.0]]), np.array([[4.0]])
    assert tc.explain(model, x, y, "dense/kernel", (1, 0)).gradient == -30
    assert tc.explain(model, x, y, "input", (0, 0)).gradient == -18
    printed = capsys.readouterr().out
    assert "dw[1,0] = -30" in printed
    assert "-30 = dy[0,0] -6 · x[0,1] 5" in printed
    assert "-18 = dy[0,0] -6 · w[0,0] 3" in printed


@pytest.mark.parametrize(
    ("name", "cell", "error", "message"),
    [
        ("conv2d/kernl", (0, 0, 0, 0), ValueError, "did you mean 'conv2d/kernel'"),
        ("conv2d/kernel", (0, 0, 0), IndexError, r"has shape \(3, 3, 2, 4\), there is no cell \(0, 0, 0\)"),
        ("conv2d/kernel", (0, 3, 0, 0), IndexError, "there is no cell"),
    ],
)
def test_mistakes_are_named(name, cell, error, message):
    model, x, y = network()
    with pytest.raises(error, match=message):
        tc.explain(model, x, y, name, cell)


def test_the_model_stays_as_it_was():
    model, x, y = network()
    model.fit(x, y, epochs=2, verbose=0)
    other, _, _ = network()
    other.fit(x, y, epochs=2, verbose=0)
    for _ in range(2):
        recording = record(model, x, y)
    assert recording.iteration == 2
    for mine, same in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine.data, same.data)
    model.fit(x, y, epochs=1, verbose=0)  # moments of Adam, draws of dropout and moving averages, too
    other.fit(x, y, epochs=1, verbose=0)
    for mine, same in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine.data, same.data)


def test_live_keras_agrees_operation_by_operation(keras, random_network, monkeypatch):
    from tinyconv.explorer import keras_judge

    assert keras_judge.version() == keras.__version__
    compared = set()
    for seed in range(40, 52):
        recording = record(*random_network(seed))
        for operation in recording.operations:
            found = keras_judge.check_keras(recording, operation)
            if found is not None:
                compared.add(type(operation.function).__name__)
                assert found[1] == RIGHT, (seed, operation.name, found)
    assert {"Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "BatchNorm", "MaxPool2D", "Dense", "Mean"} <= compared
    model, x, y = network()
    recording = record(model, x, y)
    conv = recording.operations[0]
    conv.passed = (conv.passed[0] * 1.01, *conv.passed[1:])
    assert keras_judge.check_keras(recording, conv)[1] == WRONG
    monkeypatch.setattr(keras_judge, "find_spec", lambda package: None)
    assert keras_judge.version() is None
