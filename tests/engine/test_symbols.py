"""Functions called on symbols: each gives the symbol of what it gives on tensors."""

import copy
import pickle
from itertools import takewhile

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers
from tinyconv.gradcheck.checks import checks
from tinyconv.symbol import on_symbols


def test_every_function(monkeypatch):
    """What gradcheck tries on tensors, a model of it computes, to the bit."""
    count = 0
    for check in takewhile(lambda check: check.kind == "function", checks()):
        tensors = [each if isinstance(each, tc.Tensor) else tc.Tensor(each) for each in check.inputs]
        x = tc.Input(tensors[0].shape[1:], dtype="float64")
        x.shape = tensors[0].shape  # as some of the others are, of this many samples
        if check.name == "to_device":
            continue  # is called by its class
        y = check.f(x, *tensors[1:])
        expected = check.f(*tensors)
        assert y.shape == expected.shape
        x.shape = (None, *x.shape[1:])
        model = tc.Model(x, y)
        np.testing.assert_array_equal(model(tensors[0]).numpy(), expected.numpy(), f"{check.name} {check.case}")
        count += 1
    assert count > 100


def test_open_lengths_stay_open():
    x = tc.Input((None, 6, 3))
    assert (2 * x).shape == (None, None, 6, 3)
    assert x[:, 1:, ::2, 0].shape == (None, None, 3)
    assert F.mean(x, axis=(1, 2)).shape == (None, 3)
    assert F.mean(x).shape == ()
    assert (F.mean(x) * 2).shape == ()
    assert F.sum(x, axis=0).shape == (None, 6, 3)
    assert F.reshape(x, (-1, 3)).shape == (None, 3)
    assert F.cast(x, "float64").dtype == "float64"
    assert (F.cast(x, "float64") / 3).dtype == "float64"


def test_arguments_of_every_kind(rng):
    x = tc.Input((4,))
    a, b = rng.standard_normal((2, 3, 4)).astype(np.float32)
    weight = tc.Tensor(np.arange(4, dtype=np.float32), requires_grad=True)

    @on_symbols
    def weighted(parts, *, by):
        assert isinstance(parts["a"], tc.Tensor)
        return [parts["a"] * by["w"][0], F.concatenate([parts["a"], parts["b"]])]

    other = tc.Input((4,))
    product, joined = weighted({"a": x, "b": other}, by={"w": (weight,)})
    assert product.node.operation.name == "weighted"
    model = tc.Model([x, other], [product, joined + np.float32(1), weight - x, 2 ** (x / 2)])
    found = model([a, b])
    expected = [a * weight.numpy(), np.concatenate([a, b], axis=-1) + 1, weight.numpy() - a, 2 ** (a / 2)]
    for y, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.numpy(), right, rtol=1e-6)
    assert model.weights == []
    found[0].sum().backward()  # the weight is used, so that it has a gradient, but is none of the model's
    np.testing.assert_allclose(weight.grad, a.sum(axis=0), rtol=1e-6)


def test_copies_and_pickles(rng):
    x = tc.Input((5, 5, 2))
    y = layers.Conv2D(2, 3, padding="same")(x) / 2 + x
    model = tc.Model(x, F.relu(y[..., 0]) ** 2)
    images = rng.standard_normal((3, 5, 5, 2)).astype(np.float32)
    expected = model(images).numpy()
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again(images).numpy(), expected)
        assert [each.name for each in again.operations] == [each.name for each in model.operations]


def test_models_are_called_on_operations():
    """An operation within a model that is called again is no operation of the outer one."""
    x = tc.Input((4,))
    inner = tc.Model(x, 2 * x, name="inner")
    y = tc.Input((4,))
    outer = tc.Model(y, inner(y + 1) - inner(y))
    np.testing.assert_array_equal(outer(np.ones((1, 4), np.float32)).numpy(), 2 * np.ones((1, 4)))
    assert [each.title for each in outer.operations if hasattr(each, "title")] == ["Add", "Subtract"]
    assert [each.name for each in outer.layers if each is not inner] == [y.node.operation.name]


def test_the_summary_lists_operations(capsys):
    x = tc.Input((4,), name="given")
    tc.Model(x, (x / 255)[:, 1:] + F.mean(x, axis=-1, keepdims=True)).summary()
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    for row in (["given", "(InputLayer)"], ["true_divide", "(TrueDivide)"], ["get_item", "(GetItem)"]):
        assert row in rows


X = tc.Input((4, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.reshape(X, (5, 7)), ValueError, r"^Reshape of symbols of shape \(None, 4, 3\): cannot reshape"),
        (lambda: X + np.ones((5, 7), np.float32), ValueError, r"^Add of symbols of shape .* broadcast"),
        (lambda: F.mean(X, axs=1), TypeError, r"Mean of symbols .* unexpected keyword argument 'axs'"),
        (lambda: list(X), TypeError, r"no values to go through: take parts of it"),
        (
            lambda: on_symbols(lambda x: np.shape(x.data))(X),
            TypeError,
            r"returns a int.* must return tensors or arrays",
        ),
        (
            lambda: tc.Model(X, on_symbols(lambda x: tc.Tensor(x.numpy()))(X)).get_config(),
            ValueError,
            r"is a call of <lambda>, which a file cannot name: put @tinyconv.register_keras_serializable",
        ),
        (lambda: bool(X), TypeError, "no values to decide by"),
    ],
    ids=["reshape", "broadcast", "argument", "loop", "no tensor", "configuration", "if"],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_errors_of_tensors_are_those_of_the_function():
    with pytest.raises(ValueError, match=r"^cannot reshape array"):
        F.reshape(tc.Tensor(np.ones(4)), (5, 7))


@tc.register_keras_serializable("tests")
@on_symbols
def standardized(x, axis, *, by=1.0):
    return (x - x.numpy().mean(axis, keepdims=True)) * by


def test_operations_in_files(tmp_path, rng):
    """What Keras has no word for goes by its place in tinyconv, or by the name that it is registered under."""
    a = rng.standard_normal((3, 5, 4)).astype(np.float32)
    x = tc.Input((5, 4))
    y = standardized(x, (1, 2), by=np.float32(2))
    assert y.node.operation.name == "standardized"
    y = y + np.arange(4, dtype=np.float32)
    y = F.leaky_relu(F.squareplus(y)[:, ::-1, None, ...], negative_slope=0.5) * tc.Tensor(np.float32([3, 1, 2, 1]))
    model = tc.Model(x, F.where(np.array([True, False, True, False]), y, F.sum(y, axis=-1, keepdims=True)))
    path = tmp_path / "a.keras"
    model.save(path)
    for again in (tc.load_model(path), tc.models.clone_model(model), tc.model_from_json(model.to_json())):
        np.testing.assert_array_equal(again(a).numpy(), model(a).numpy())
        assert [each.name for each in again.operations] == [each.name for each in model.operations]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"module": "keras.src.ops.numpy", "class_name": "Xyzzy"}, "operation Xyzzy is not known: known are absolute"),
        ({"function": "tinyconv.saving.files.save_model"}, "tinyconv.saving.files.save_model is not known"),
        ({"function": "os.system"}, "operation os.system is not known"),
        ({"function": "tinyconv.functions.os"}, "operation tinyconv.functions.os is not known"),
    ],
    ids=["Keras's", "not on symbols", "another package's", "a module"],
)
def test_files_bring_no_other_code(change, message):
    x = tc.Input((4,))
    config = tc.Model(x, F.squareplus(x)).get_config()
    config["layers"][1].update({name: value for name, value in change.items() if name != "function"})
    config["layers"][1]["config"].update({name: value for name, value in change.items() if name == "function"})
    with pytest.raises(ValueError, match=message):
        tc.Model.from_config(config)


@tc.register_keras_serializable("tests")
def shifted(x, by=1.0, training=False):
    return x + (100.0 if training else by)


def test_lambda(rng):
    a = rng.standard_normal((3, 4)).astype(np.float32)
    model = tc.Sequential(
        [tc.Input((4,)), layers.Lambda(shifted, arguments={"by": 2.0}), layers.Lambda(lambda x: x**2)]
    )
    np.testing.assert_allclose(model(a).numpy(), (a + 2) ** 2, rtol=1e-6)
    np.testing.assert_allclose(model(a, training=True).numpy(), (a + 100) ** 2, rtol=1e-6)
    x = tc.Input((4,))
    y = layers.Lambda(lambda pair: pair[0] * F.exp(pair[1]), output_shape=(4,))([x, 2 * x])
    assert y.shape == (None, 4)
    np.testing.assert_allclose(tc.Model(x, y)(a).numpy(), a * np.exp(2 * a), rtol=1e-5)
    assert layers.Lambda(lambda x: x[:, 0], output_shape=lambda shape: shape[:1])(x).shape == (None,)
    assert layers.Lambda(lambda x: np.argmax(x, axis=-1))(x).shape == (None,)


def test_lambda_in_files(tmp_path, rng):
    """A function comes back by the name that it is registered under, code never does."""
    layer = layers.Lambda(shifted, arguments={"by": 2.0}, name="shift")
    again = layers.Lambda.from_config(layer.get_config())
    assert (again.function, again.arguments, again.name) == (shifted, {"by": 2.0}, "shift")
    path = tmp_path / "a.keras"
    tc.Sequential([tc.Input((4,)), layer]).save(path)
    a = rng.standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(tc.load_model(path)(a).numpy(), layer(a).numpy())
    with pytest.warns(UserWarning, match="a lambda has no name"):
        tc.Sequential([tc.Input((4,)), layers.Lambda(lambda x: x, name="code")]).save(path)
    with pytest.raises(ValueError, match=r'"code".*calls code that is not taken from files'):
        tc.load_model(path, safe_mode=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((3,), "needs a function of a tensor, got 3"), ((abs, None, abs), "mask, which tinyconv has not")],
    ids=["no function", "mask"],
)
def test_lambda_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.Lambda(*arguments)
