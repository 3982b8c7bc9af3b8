"""The range test of learning rates: what it finds where the answer is known, and that it leaves no trace."""

import numpy as np
import pytest

import tinyconv as tc


def linear(optimizer):
    """y = w·x with w = 1 and mean x² = 1: gradient descent on (w−3)² converges below a rate of 1 and explodes above."""
    model = tc.Sequential([tc.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(optimizer, "mse")
    return model


X = np.array([[1.0], [-1.0]] * 16)


def test_losses_by_hand():
    """The loss of each step is that before it: (w−3)², w ← w − 2·rate·(w−3)."""
    tc.set_floatx("float64")
    found = tc.lr_finder(linear(tc.optimizers.SGD(5.0)), (X, 3 * X), lowest=1e-3, highest=10.0, steps=41)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 10, 41)[: len(found.rates)])
    w, losses = 1.0, []
    for rate in found.rates:
        losses.append((w - 3) ** 2)
        w -= 2 * rate * (w - 3)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-6)
    assert 0.02 < found.suggestion < 1
    assert found.losses[-1] > 4 * found.losses[0] or len(found.rates) == 41


def test_the_test_ends_when_the_loss_explodes():
    found = tc.lr_finder(linear("sgd"), (X, 3 * X), lowest=1.5, highest=1e6)
    assert len(found.rates) < 20
    assert found.suggestion is None
    assert "suggestion: none" in repr(found)


def test_no_loss_that_is_finite():
    model = linear("sgd")
    model.layers[0].set_weights([np.full((1, 1), np.inf, np.float32)])
    with pytest.raises(ValueError, match=r"the loss is not finite before the first step: scale the data"):
        tc.lr_finder(model, (X, 3 * X))
    assert np.isinf(model.get_weights()[0]).all()


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam"])
@pytest.mark.parametrize("trained", [False, True])
def test_training_goes_on_as_if_nothing_had_been(optimizer, trained, digits, network):
    models = [network(dropout=0.5, optimizer=optimizer) for _ in range(2)]
    for model in models:
        if trained:
            model.fit(*digits, verbose=0)
    models[0].optimizer.learning_rate = models[1].optimizer.learning_rate = tc.schedules.CosineDecay(0.01, 20)
    history = models[0].history
    found = tc.lr_finder(models[0], digits, batch_size=16, steps=30)
    assert 1 < len(found.rates) <= 30
    assert models[0].history is history
    logs = [model.fit(*digits, epochs=2, verbose=0).history for model in models]
    assert logs[0] == logs[1]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_suggestion_trains(digits, network):
    rate = tc.lr_finder(network(), digits, steps=60, lowest=1e-5).suggestion
    assert 1e-4 < rate < 1
    model = network(optimizer=tc.optimizers.Adam(rate))
    assert model.fit(*digits, epochs=12, verbose=0).history["loss"][-1] < 0.9


def test_it_takes_what_fit_takes(digits, network):
    x, y = digits
    data = tc.data.ArrayDataset(x, y, batch_size=20)
    weights = np.ones(60)
    for given in (data, (x, y, weights), ((x[i : i + 6], y[i : i + 6]) for i in range(0, 60, 6))):
        assert len(tc.lr_finder(network(), given, steps=10, highest=1e-3).rates) == 10


def test_refusals(network, digits):
    with pytest.raises(ValueError, match=r"needs lowest < highest and 10 steps, got 1\.0, 0\.1 and 100"):
        tc.lr_finder(network(), digits, lowest=1.0, highest=0.1)
    with pytest.raises(ValueError, match="compile the model first"):
        tc.lr_finder(tc.Sequential([tc.Input((2,)), tc.layers.Dense(1)]), digits)
    unbuilt = tc.Sequential([tc.layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="does not know its input shape"):
        tc.lr_finder(unbuilt, digits)


def test_an_error_leaves_no_trace_either(network, digits):
    model = network()
    before = model.get_weights()
    rate = model.optimizer.learning_rate

    def broken():
        yield digits
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        tc.lr_finder(model, broken())
    assert (model.optimizer.iterations, model.optimizer.learning_rate) == (0, rate)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_picture(tmp_path):
    found = tc.lr_finder(linear("sgd"), (X, 3 * X), lowest=1e-4)
    figure = found.plot(tmp_path / "rates.png")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()][-1] == f"falls fastest: {found.suggestion:.2g}"
    assert axes.lines[-1].get_xdata() == [found.suggestion]
    assert (tmp_path / "rates.png").stat().st_size > 10_000
