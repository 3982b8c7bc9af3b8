"""Batch normalization inside training: its moving averages, what is learnt and what not; refusals; its relatives."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers


def network(**arguments):
    """A small stack with batch normalization of images and of features."""
    return tc.Sequential(
        [
            tc.Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(**arguments),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(scale=False),
            layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(optimizer="adam", **arguments):
    tc.set_seed(7)
    tc.clear_session()
    model = network(**arguments)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def test_weights_and_their_order():
    model = network()
    assert [weight.path.partition("/")[2] for weight in model.layers[1].weights] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    assert [array.tolist() for array in model.layers[1].get_weights()] == [[1] * 4, [0] * 4, [0] * 4, [1] * 4]
    assert [weight.name for weight in model.layers[5].weights] == ["beta", "moving_mean", "moving_variance"]
    assert [weight.path for weight in model.non_trainable_weights] == [
        f"{name}/moving_{statistic}"
        for name in ("batch_normalization", "batch_normalization_1")
        for statistic in ("mean", "variance")
    ]


def test_summary_counts_what_is_not_learnt(capsys):
    model = network()
    model.summary()
    out = capsys.readouterr().out
    assert "batch_normalization (BatchNo (None, 6, 6, 4)           16" in out
    assert "batch_normalization_1 (Batch (None, 6)                 18" in out
    learnt = 3 * 3 * 4 + 2 * 4 + (144 * 6 + 6) + 6 + (6 * 3 + 3)
    assert f"Total params: {learnt + 20:,}\nTrainable params: {learnt:,}\nNon-trainable params: 20\n" in out
    model.layers[1].trainable = False
    model.summary()
    assert f"Trainable params: {learnt - 8:,}\nNon-trainable params: 28\n" in capsys.readouterr().out


def test_documents_network():
    """The notes' figures: 6,454,534 with a normalization of 64 units, 6,456,326 with one after each pooling too."""

    def count(between):
        stack = []
        for filters in (64, 128, 256):
            stack += [layers.Conv2D(filters, 3, padding="same") for _ in range(2)] + [layers.MaxPooling2D()]
            stack += [layers.BatchNormalization()] if between else []
        stack += [layers.Flatten(), layers.Dense(64), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(6)]
        model = tc.Sequential([tc.Input((150, 150, 3)), *stack])
        return [sum(one.size for one in part) for part in (model.weights, model.non_trainable_weights)]

    assert count(between=False) == [6_454_534, 128]
    assert count(between=True) == [6_456_326, 1_024]


def test_averages_by_hand(rng):
    """Of two batches, from 0 and 1 on, with momentum 0.75; in place, so that whoever holds the arrays sees them."""
    layer = layers.BatchNormalization(momentum=0.75, dtype="float64")
    x = rng.standard_normal((2, 6, 5, 3))
    layer(x[0])
    mean, variance = layer.moving_mean.data, layer.moving_variance.data
    for batch in x:
        layer(batch, training=True)
    levels, spreads = x.mean(axis=(1, 2)), x.var(axis=(1, 2))
    np.testing.assert_allclose(mean, 0.75 * 0.25 * levels[0] + 0.25 * levels[1], rtol=1e-12)
    np.testing.assert_allclose(variance, 0.75**2 + 0.75 * 0.25 * spreads[0] + 0.25 * spreads[1], rtol=1e-12)
    assert layer.moving_mean.data is mean
    assert layer.moving_variance.data is variance


def test_unbiased_averages(rng):
    x = rng.standard_normal((4, 3))
    layer = layers.BatchNormalization(momentum=0.5, moving_variance="unbiased", dtype="float64")
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance.data, 0.5 + 0.5 * x.var(axis=0, ddof=1), rtol=1e-12)
    layer(x[:1], training=True)  # n / (n − 1) of one row counts as 1
    np.testing.assert_allclose(layer.moving_variance.data, 0.25 + 0.25 * x.var(axis=0, ddof=1), rtol=1e-12)


def test_an_empty_batch_moves_nothing():
    layer = layers.BatchNormalization()
    y = layer(np.empty((0, 3), np.float32), training=True)
    assert y.shape == (0, 3)
    assert [array.tolist() for array in layer.get_weights()] == [[1] * 3, [0] * 3, [0] * 3, [1] * 3]


def test_a_later_training_step_does_not_change_an_earlier_gradient(rng):
    """What backward needs of the averages is what they were in the forward pass."""
    x = rng.standard_normal((5, 3))
    found = []
    for between in (False, True):
        layer = layers.BatchNormalization(dtype="float64")
        layer(x + 4, training=True)
        y = layer.normalize(tc.Tensor(x, requires_grad=True), False, ceiling=np.inf)
        if between:
            layer(100 * x, training=True)
        y.backward(np.arange(15.0).reshape(5, 3))
        found.append([layer.gamma.grad.tolist(), layer.beta.grad.tolist()])
    assert found[0] == found[1]


def test_optimizers_leave_averages_alone(digits):
    """No slots, no update: after a step at rate 0 the averages have moved, but by the batch alone."""
    x, y = digits
    model = compiled(tc.optimizers.Adam(0.0))
    before = model.get_weights()
    model.train_on_batch(x, y)
    assert len(model.optimizer.slots["momentum"]) == len(model.trainable_weights) == 8
    for weight, old in zip(model.weights, before, strict=True):
        assert (weight.numpy() != old).any() == weight.name.startswith("moving")
        assert weight.grad is None
    batch = model.layers[0](x).numpy().mean(axis=(0, 1, 2))
    np.testing.assert_allclose(model.layers[1].moving_mean.data, 0.01 * batch, rtol=1e-4)


def test_prediction_and_evaluation_move_nothing(digits):
    x, y = digits
    model = compiled()
    model.fit(x, y, epochs=1, verbose=0, validation_data=(x, y))
    before = [array.tobytes() for array in model.get_weights()]
    model.predict(x)
    model.evaluate(x, y, verbose=0)
    assert [array.tobytes() for array in model.get_weights()] == before


def test_frozen_layers_keep_everything_and_pass_gradients_on(digits):
    x, y = digits
    model = compiled()
    model.train_on_batch(x, y)
    model.layers[1].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.train_on_batch(x, y)
    changed = [(new != old).any() for new, old in zip(model.get_weights(), before, strict=True)]
    assert changed == [True, False, False, False, False, *[True] * 7]


def test_learns_and_its_averages_come_to_serve(digits):
    x, y = digits
    model = compiled(momentum=0.9)
    history = model.fit(x, y, batch_size=20, epochs=40, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]
    assert model.evaluate(x, y, verbose=0) < 0.3 * history[0]


@pytest.mark.parametrize("arguments", [{}, {"scale": False, "moving_variance": "unbiased"}])
def test_a_resumed_run_goes_on_with_the_same_bits(digits, tmp_path, arguments):
    x, y = digits

    def run(model, first, last):
        model.fit(x, y, batch_size=16, initial_epoch=first, epochs=last, verbose=0)
        return model

    whole = run(compiled(**arguments), 0, 4)
    path = str(tmp_path / "half.weights.h5")
    run(compiled(**arguments), 0, 2).save_weights(path)
    resumed = compiled(**arguments)
    resumed.load_weights(path)
    run(resumed, 2, 4)
    assert [a.tobytes() for a in resumed.get_weights()] == [a.tobytes() for a in whole.get_weights()]


def test_any_number_of_threads_and_both_backends(digits):
    from numba.core import config

    x, y = digits

    def train():
        model = compiled()
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        return losses, model.get_weights()

    threads = sorted({1, min(2, config.NUMBA_NUM_THREADS)})
    found = []
    try:
        for count in threads:
            tc.set_threads(count)
            found.append(train())
    finally:
        tc.set_threads(config.NUMBA_NUM_THREADS)
    assert all(losses == found[0][0] for losses, _ in found)
    for weights in zip(*(weights for _, weights in found), strict=True):
        assert len({array.tobytes() for array in weights}) == 1
    with tc.backend("reference"):
        losses, weights = train()
    np.testing.assert_allclose(losses, found[0][0], rtol=1e-5)
    for one, other in zip(weights, found[0][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"renorm": True}, "renorm is not offered, got renorm=True: leave it out"),
        ({"renorm_clipping": {"rmax": 3}}, "renorm_clipping is not offered"),
        ({"renorm_momentum": 0.5}, "renorm_momentum is not offered, got renorm_momentum=0.5"),
        ({"beta_constraint": "max_nrm"}, 'unknown constraint "max_nrm": did you mean "max_norm"'),
        ({"momentum": 1.5}, "momentum must be in 0 … 1, got 1.5"),
        ({"epsilon": -1e-3}, "epsilon must be a finite number of at least 0, got -0.001"),
        ({"axis": [3]}, r"axis must be an integer, that of the channels, got \[3\]"),
        ({"moving_variance": "unbaised"}, 'unknown moving_variance "unbaised": did you mean "unbiased"'),
    ],
)
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.BatchNormalization(**arguments)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (lambda: layers.BatchNormalization(4), (5, 5, 3), "axis must be one of 1 … 3, .*, and is 4"),
        (lambda: layers.BatchNormalization(), (), r"needs at least 2 axes \(batch, channels\)"),
        (lambda: layers.LayerNormalization(3), (5, 3), r"axis must be one of 1 … 2, .* and is \[3\]"),
        (lambda: layers.LayerNormalization([0, 1]), (5,), r"axis must be one of 1 … 1, .* and is \[0, 1\]"),
        (lambda: layers.Normalization(0), (5,), r"axis must name axes after the batch's, below 2, and is \(0,\)"),
        (lambda: layers.Normalization(3), (5,), r"axis must name axes after the batch's, below 2, and is \(3,\)"),
        (
            lambda: layers.Normalization(mean=[1, 2], variance=[1, 2]),
            (5, 3),
            r"mean, of shape \(2,\), does not fit \(3,\)",
        ),
        (lambda: layers.Rescaling([1, 2]), (5, 3), "its scale is for 2 channels"),
        (lambda: layers.Rescaling(2, [1, 2]), (5, 3), "its offset is for 2 channels"),
    ],
)
def test_inputs_that_are_refused(layer, shape, message):
    made = layer()
    with pytest.raises(ValueError, match=rf'layer "{made.name}" \({type(made).__name__}\) .*{message}'):
        made(np.ones((2, *shape)))
    assert not made.built


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (layers.LayerNormalization, {"axis": "last"}, "axis must be an integer or several, got 'last'"),
        (layers.Normalization, {"mean": 1}, "mean and variance must be given together, got mean=1 and variance=None"),
        (layers.Normalization, {"mean": [1], "variance": 1}, r"must have one shape, .* got \(1,\) and \(\)"),
        (layers.Normalization, {"axis": None, "mean": [1], "variance": [1]}, "of at most 0 axes as axis="),
        (layers.Normalization, {"mean": "a", "variance": "b"}, "mean must be a number, or several, got 'a'"),
        (layers.Rescaling, {"scale": [[1.0]]}, r"scale must be a number, or one for each channel, got shape \(1, 1\)"),
        (layers.Rescaling, {"scale": None}, "scale must be a number, or several, got None"),
    ],
)
def test_arguments_of_its_relatives_that_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_other_channels_than_it_was_built_for(rng):
    for layer, message in (
        (layers.BatchNormalization(), "its weights were built for 3 channels"),
        (layers.LayerNormalization([1, 2]), "its weights were built for 4 × 3 features"),
        (layers.Normalization(), r"it was built for lengths of \(3,\) along its axis \(-1,\)"),
    ):
        layer(np.ones((2, 4, 3)))
        with pytest.raises(ValueError, match=message):
            layer(np.ones((2, 4, 5)))


def test_adapt(rng):
    """In pieces as in one, of integers too; an empty or a fixed one is refused; a given mean is no weight."""
    data = rng.integers(0, 256, (2600, 2, 3), np.uint8)
    layer = layers.Normalization(dtype="float64")
    layer.adapt(data)
    np.testing.assert_allclose(layer.mean.data, data.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(layer.variance.data, data.var(axis=(0, 1)), rtol=1e-12)
    y = layer(data).numpy()
    np.testing.assert_allclose(y.mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 1)), 1, rtol=1e-12)
    assert [weight.name for weight in layer.weights] == ["mean", "variance", "count"]
    assert layer.count_params() == 7
    assert layer.trainable_weights == []
    labelled = [(data[:7], np.zeros(7)), (data[7:], np.zeros(2593)), (data[:0], np.zeros(0))]
    again = layers.Normalization(dtype="float64")
    again.adapt(iter(labelled))
    for one, other in zip(again.get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    for nothing in (data[:0], []):
        with pytest.raises(ValueError, match=r'layer "normalization_2" \(Normalization\) got no data to adapt to'):
            layers.Normalization(name="normalization_2").adapt(nothing)
    given = layers.Normalization(mean=1, variance=4)
    with pytest.raises(ValueError, match="was given mean and variance: there is nothing to adapt"):
        given.adapt(data)
    np.testing.assert_allclose(given(np.array([[5.0]])).numpy(), 2)
    assert given.weights == []


def test_functions_refuse_what_does_not_fit(rng):
    x = rng.standard_normal((4, 3))
    for call, message in (
        (
            lambda: F.batch_norm(x, np.ones(2)),
            r"batch_norm needs x \(…,c\) and gamma \(c,\), got shapes \(4, 3\) and \(2,\)",
        ),
        (lambda: F.layer_norm(x, None, np.ones((1, 3))), r"layer_norm needs .* beta \(c,\), got .* \(1, 3\)"),
        (lambda: F.scale_shift(x, np.ones(3), np.ones(2)), r"scale_shift needs .* shift \(c,\), got .* \(2,\)"),
        (lambda: F.scale_shift(x, np.ones(3), None, np.ones(1)), r"scale_shift needs .* mean \(c,\), got .* \(1,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
