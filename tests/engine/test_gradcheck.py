"""gradcheck finds what is wrong, and its command covers the engine."""

import inspect
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers
from tinyconv.functions.elementwise import Sqrt
from tinyconv.functions.normalization import BatchNorm
from tinyconv.gradcheck import GradientError, KinkError
from tinyconv.gradcheck.__main__ import main
from tinyconv.gradcheck.checks import checks
from tinyconv.gradcheck.differences import Line
from tinyconv.gradcheck.layouts import LAYOUTS
from tinyconv.randomness import draws_repeat

AIM = 1e-8


class Wrong(tc.Function):
    """y = x², and a backward that `spoil` spoils."""

    def __init__(self, spoil):
        self.spoil = spoil

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return (self.spoil(2 * dy * self.x),)


def spoil_one(dx):
    dx = dx.copy()
    dx[1, 2] += 0.5
    return dx


def test_passes_and_returns_the_worst_error(rng):
    assert 0 < tc.gradcheck(lambda x: Wrong(lambda dx: dx)(x), rng.standard_normal((2, 3))) < AIM


@pytest.mark.parametrize(
    "spoil",
    [lambda dx: 2 * dx, lambda dx: -dx, lambda dx: 0 * dx, lambda dx: dx * (1 + 1e-5), lambda dx: dx + 1e-4, spoil_one],
    ids=["doubled", "negative", "zero", "off by 10⁻⁵", "shifted", "one element"],
)
def test_finds_a_wrong_backward(spoil, rng):
    with pytest.raises(GradientError) as caught:
        tc.gradcheck(lambda x: Wrong(spoil)(x), rng.standard_normal((2, 3)))
    assert caught.value.error > 1e-6


def test_message_names_argument_index_and_both_numbers(rng):
    x = rng.standard_normal((2, 3))
    with pytest.raises(GradientError) as caught:
        tc.gradcheck(lambda a, b: a * 2 + Wrong(spoil_one)(b), x, x, seed=3)
    cotangent = np.random.default_rng(3).standard_normal((2, 3))
    right = 2 * cotangent[1, 2] * x[1, 2]
    message = str(caught.value)
    assert "argument 1 at index (1, 2)" in message
    assert f"backward gives {right + 0.5:.5g}"[:-1] in message
    assert f"differences give {right:.5g}"[:-1] in message
    assert "\n" not in message


def test_names_the_weight_of_a_layer(rng):
    class Shifted(layers.Layer):
        """y = x + b², with a wrong gradient of b."""

        def build(self, input_shape):
            self.b = self.add_weight((input_shape[-1],), "random_normal", name="b")

        def call(self, x, training):
            return x + Wrong(lambda dx: 2 * dx)(self.b)

    with pytest.raises(GradientError, match="weight top/b at index"):
        tc.gradcheck(Shifted(dtype="float64", name="top"), rng.standard_normal((3, 4)))


def test_nan_is_an_error(rng):
    def nan_at_one_place(dx):
        dx = dx.copy()
        dx[0, 1] = np.nan
        return dx

    with pytest.raises(GradientError, match="nan"):
        tc.gradcheck(lambda x: Wrong(nan_at_one_place)(x), rng.standard_normal((2, 3)))


def test_ones_would_not_see_what_the_random_cotangent_sees(rng):
    """A softmax row sums to 1: under a cotangent of ones its gradient is 0, and so is seven times it."""

    class Seven(tc.Function):
        def forward(self, x):
            self.y = F.softmax(x).numpy()
            return self.y

        def backward(self, dy):
            return (7 * self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True)),)

    x = tc.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    Seven()(x).backward(np.ones((3, 4)))
    np.testing.assert_allclose(x.grad, 0, atol=1e-15)
    with pytest.raises(GradientError):
        tc.gradcheck(lambda x: Seven()(x), x)


@pytest.mark.parametrize(
    ("f", "at", "left", "right"),
    [
        (F.relu, 0.0, 0, 1),
        (lambda x: F.leaky_relu(x, 0.25), 0.0, 0.25, 1),
        (lambda x: F.relu(x, max_value=1.5), 1.5, 1, 0),
        (lambda x: F.clip(x, -0.5, 0.5), -0.5, 0, 1),
        (lambda x: F.maximum(x, np.full(4, 3.0)), 3.0, 0, 1),
        (F.relu, 2e-6, 0, 1),  # the kink is beside the number, nearer than a step of the difference
    ],
)
def test_says_that_inputs_are_at_a_kink(f, at, left, right, rng):
    """And which slopes there are: a gradient that is one of them, or between, is no wrong one."""
    x = np.array([-2.0, 1.0, at, -1.0])
    with pytest.raises(KinkError) as caught:
        tc.gradcheck(f, x, seed=3)
    slope = np.random.default_rng(3).standard_normal(4)[2]
    message = str(caught.value)
    assert message.startswith("argument 0 has a kink at index (2,)")
    found = re.search(r"give (\S+) on the left of it and (\S+) on the right", message)
    measured = [float(number) for number in found.groups()]
    if at != 2e-6:
        np.testing.assert_allclose(measured, [left * slope, right * slope], rtol=1e-5, atol=1e-8)
    assert "on inputs further from kinks" in message


def test_a_tie_is_a_kink(rng):
    x = rng.permutation(16.0 * np.arange(16)).reshape(1, 4, 4, 1)
    x[0, 0, 0] = x[0, 0, 1] = 1000
    with pytest.raises(KinkError, match=r"kink at index \(0, 0, [01], 0\)"):
        tc.gradcheck(F.max_pool2d, x)


def test_a_wrong_gradient_beside_a_kink_is_still_wrong(rng):
    x = np.array([0.0, 1.0, -2.0])
    with pytest.raises(GradientError, match=r"argument 0 at index \([12],\): backward gives"):
        tc.gradcheck(lambda x: F.relu(x) + Wrong(lambda dx: 2 * dx)(x), x)


def test_order_of_the_taylor_remainder(rng):
    """2 of a right gradient, 1 of a wrong one however little it is wrong; no bound decides."""
    x, dy = rng.standard_normal(5), rng.standard_normal(5)
    line = Line(x, rng.standard_normal(5), lambda: float(np.sum(dy * np.sin(x))), float(np.abs(dy).sum()))
    slope = float(np.sum(dy * np.cos(x) * line.v))
    assert line.taylor_order(slope) == pytest.approx(2, abs=0.1)
    for wrong in (2.0, 1.1, 1 + 1e-3, 1 + 1e-5):
        assert line.taylor_order(slope * wrong) == pytest.approx(1, abs=0.2)
    line = Line(x, rng.standard_normal(5), lambda: float(np.sum(dy * x)), float(np.abs(dy).sum()))
    assert line.taylor_order(float(np.sum(dy * line.v))) is None
    with pytest.raises(GradientError, match=r"shrinks as h to the power [01]\.\d\d, of a right gradient it would be 2"):
        tc.gradcheck(lambda x: Wrong(lambda dx: dx * (1 + 1e-4))(x), x, bound=0.1)


def test_a_second_pass_must_give_the_same_bits(rng):
    noise = iter(range(100))
    with pytest.raises(GradientError, match=r"argument 0 at index \(0,\): a second pass gives other bits"):
        tc.gradcheck(lambda x: Wrong(lambda dx: dx * (1 + 1e-15 * next(noise)))(x), rng.uniform(1, 2, 4))


class Positional(tc.Function):
    """y = 2x, and a backward that looks where in memory its dy lies: at an odd pass it is another."""

    def forward(self, x):
        self.x = x
        return 2 * x

    def backward(self, dy):
        return ((2 if dy.flags.writeable else 2 + 1e-12) * dy,)


def test_memory_layouts_must_give_the_same_bits(rng):
    with pytest.raises(GradientError, match=r"arrays that are read-only in memory give other bits than copies"):
        tc.gradcheck(lambda x: Positional()(x), rng.standard_normal((3, 4)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_the_same_numbers(layout, rng):
    x = rng.standard_normal((3, 4))
    laid = LAYOUTS[layout](x)
    np.testing.assert_array_equal(laid, x if layout != "broadcast" else np.stack([x[0]] * 3))
    assert not np.may_share_memory(laid, x)
    assert not laid.flags.c_contiguous or not laid.flags.writeable


def test_an_argument_that_is_changed_in_place_is_found(rng):
    class Greedy(tc.Function):
        def forward(self, x):
            return x + 1

        def backward(self, dy):
            return (dy,)

    def f(x):
        y = Greedy()(x)
        if x.data.flags.writeable:
            x.data[0] = 0.0
        return y

    with pytest.raises(GradientError, match="argument 0 is changed in place"):
        tc.gradcheck(f, np.arange(1.0, 4.0))


def test_other_threads_go_on_drawing_and_learning(rng):
    """Two checks at once, each in the middle of an evaluation, and training beside them."""
    inside, done = threading.Barrier(3, timeout=60), threading.Event()

    def check(errors):
        layer, first = layers.Dropout(0.5, dtype="float64"), [True]

        def f(x):
            if first.pop() if first else False:
                inside.wait()
                assert done.wait(60)
            return layer(x, training=True)

        errors.append(tc.gradcheck(f, np.random.default_rng(1).standard_normal((5, 6))))
        assert layer.stream.step == 0

    errors = []
    threads = [threading.Thread(target=check, args=(errors,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    dropout, normal = layers.Dropout(0.5), layers.BatchNormalization()
    x = rng.standard_normal((40, 6)).astype(np.float32)
    masks = [dropout(x, training=True).numpy() == 0 for _ in range(3)]
    normal(x, training=True)
    assert dropout.stream.step == 3
    assert (masks[0] != masks[1]).any()
    assert (masks[1] != masks[2]).any()
    assert (normal.moving_mean.numpy() != 0).all()
    done.set()
    for thread in threads:
        thread.join(60)
    assert len(errors) == 2
    assert max(errors) < AIM
    assert not draws_repeat()


def test_refuses_float32_and_what_is_no_leaf(rng):
    x = rng.standard_normal(3)
    with pytest.raises(ValueError, match="needs float64, argument 0 is float32"):
        tc.gradcheck(F.exp, x.astype(np.float32))
    with pytest.raises(ValueError, match="argument 0 is not one"):
        tc.gradcheck(F.exp, tc.Tensor(x))
    with pytest.raises(ValueError, match="needs float64, weight dense/kernel is float32"):
        tc.gradcheck(tc.Sequential([Widen(), layers.Dense(2)]), x[None])


class Widen(layers.Layer):
    """Lets a float64 input into a model of float32."""

    def check(self, x):
        pass

    def call(self, x, training):
        return x.astype("float32")


def test_leaves_inputs_weights_and_random_state_as_they_were(rng):
    layer, x = layers.Dropout(0.5, dtype="float64"), rng.standard_normal((5, 6))
    before = x.copy()
    tc.gradcheck(lambda x: layer(x, training=True), x)
    np.testing.assert_array_equal(x, before)
    assert layer.stream.step == 0
    dense = layers.Dense(3, dtype="float64")
    dense(x)
    weights = dense.get_weights()
    tc.gradcheck(dense, x)
    for one, other in zip(weights, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(weight.grad is None for weight in dense.weights)
    normal = layers.BatchNormalization(dtype="float64")
    normal(x)
    tc.gradcheck(lambda x, *weights: normal(x, training=True), x, *normal.trainable_weights)
    assert [weight.tolist() for weight in normal.get_weights()] == [[1] * 6, [0] * 6, [0] * 6, [1] * 6]


def test_a_whole_model(rng):
    tc.set_floatx("float64")
    model = tc.Sequential([tc.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    assert tc.gradcheck(model, rng.standard_normal((2, 6, 6, 1))) < AIM


@pytest.fixture(scope="module")
def covered():
    return [(check.kind, check.name, check.f) for check in checks()]


def test_every_function_is_checked(covered):
    assert {name for kind, name, _ in covered if kind == "function"} == set(F.__all__)


def test_every_layer_is_checked(covered):
    wanted = {
        value.__name__
        for value in vars(layers).values()
        if inspect.isclass(value) and issubclass(value, layers.Layer) and value not in (layers.Layer, layers.Wrapper)
    }
    assert {name for kind, name, _ in covered if kind == "layer"} == wanted


def test_every_loss_and_penalty_is_checked(covered):
    losses = {kind.__name__ for kind in (*tc.losses.LOSSES.values(), *tc.losses.OTHERS)}
    assert {name for kind, name, _ in covered if kind == "loss"} == losses - {"LossFunctionWrapper"}
    penalties = {kind.__name__ for kind in tc.regularizers.REGULARIZERS.values()}
    assert {name for kind, name, _ in covered if kind == "penalty"} == penalties


def test_checks_leave_floatx_alone():
    assert len(list(checks())) > 90
    assert tc.floatx() == "float32"


@pytest.mark.parametrize("backend", [pytest.param("cpu", marks=pytest.mark.slow), "reference"])
def test_command_passes(backend, capsys):
    assert main(["--backend", backend]) == 0
    out = capsys.readouterr().out
    assert out.startswith("function negative: ")  # a line a check, at once, where there is no terminal
    assert f"{backend} kernels" in out
    worst = float(out.partition("worst relative error ")[2].split(",")[0])
    assert worst < AIM
    for name in [*F.__all__, "Conv2D", "GlobalAveragePooling2D", "convolutional net", "CategoricalCrossentropy"]:
        assert f" {name} " in out


def test_finds_batch_normalization_that_forgets_the_statistics(rng):
    """Its gradient without the part by way of mean and variance, which under a cotangent of ones would be 0 anyway."""
    layer = layers.BatchNormalization(dtype="float64")
    x = rng.standard_normal((5, 3))

    class Forgetful(BatchNorm):
        def backward(self, dy):
            return (dy * self.inverse,)

    assert tc.gradcheck(lambda x: layer(x, training=True), x) < AIM
    with pytest.raises(GradientError):
        tc.gradcheck(lambda x: Forgetful(False, False, 1e-3, False)(x), x)


@pytest.mark.slow
def test_command_fails_on_a_wrong_backward(monkeypatch, capsys):
    monkeypatch.setattr(Sqrt, "backward", lambda self, dy: (dy / self.y,))
    assert main([]) == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    wrong = [line for line in lines if ": argument 0 at index (" in line]
    # The function, and what is made of it.
    assert {line.partition(":")[0].partition(" (")[0] for line in wrong} == {
        "function sqrt",
        "function squareplus",
        "layer Dot",
        "layer LayerNormalization",
        "layer RMSNormalization",
        "layer UnitNormalization",
        "loss CosineSimilarity",
        "penalty OrthogonalRegularizer",
    }
    assert all("backward gives " in line and "differences give " in line for line in wrong)
    assert f"{len(wrong)} of them wrong" in summary


def test_command_line():
    run = subprocess.run(
        [sys.executable, "-m", "tinyconv.gradcheck", "--backend", "gpux"], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "invalid choice" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradcheck_refuses_what_is_not_finite(value):
    with pytest.raises(ValueError, match="needs finite numbers, argument 1 has NaN or infinity"):
        tc.gradcheck(lambda a, b: a * b, np.ones(2), np.array([1.0, value]))
