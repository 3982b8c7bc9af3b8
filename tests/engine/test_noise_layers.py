"""Noise in training: what is drawn, from where, and that files and backends agree on it."""

import numpy as np
import pytest
from scipy import stats

import tinyconv as tc
from tinyconv import layers

NOISES = {
    "Dropout": lambda: layers.Dropout(0.4),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.4),
    "GaussianNoise": lambda: layers.GaussianNoise(0.4),
    "AlphaDropout": lambda: layers.AlphaDropout(0.4),
    "GaussianDropout": lambda: layers.GaussianDropout(0.4),
    "Dropout of rows": lambda: layers.Dropout(0.4, (None, None, 1, 1)),
}
each_noise = pytest.mark.parametrize("make", NOISES.values(), ids=NOISES)


@each_noise
def test_draws_anew_at_each_step_and_not_in_inference(make, rng):
    layer, x = make(), rng.random((8, 5, 4, 6)) + 1
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert (first != second).any()
    assert layer(x).numpy().tobytes() == x.astype(np.float32).tobytes()
    assert layer.seed_state.tolist() == [1, 2]
    layer.seed_state = np.array([1, 0], np.uint32)
    np.testing.assert_array_equal(layer(x, training=True).numpy(), first)


@each_noise
def test_both_backends_draw_the_same(make, rng):
    x = rng.random((8, 5, 4, 6)) + 1
    found = []
    for backend in ("reference", "cpu"):
        with tc.backend(backend):
            tc.set_seed(5)
            found.append(make()(x, training=True).numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)


@each_noise
def test_a_resumed_run_draws_on(make, rng, tmp_path):
    """The stream's place is saved with the weights, in the group that Keras gives its own generators."""

    def network():
        tc.set_seed(3)
        stack = [layers.Conv2D(6, 3), make(), layers.Flatten(), layers.Dense(2)]
        model = tc.Sequential([tc.Input((6, 6, 1)), *stack])
        model.compile(tc.optimizers.SGD(0.1), "mse")
        return model

    x, y = rng.random((20, 6, 6, 1)), rng.random((20, 2))
    unbroken, first, second = network(), network(), network()
    for _ in range(5):
        unbroken.train_on_batch(x, y)
    for _ in range(2):
        first.train_on_batch(x, y)
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    for _ in range(3):
        second.train_on_batch(x, y)
    for one, other in zip(second.get_weights(), unbroken.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


@each_noise
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_two_shards_draw_what_the_whole_batch_does(make, backend, rng):
    """Also behind a layer that changes the size of a sample; both sizes are odd, so that no block ends with one."""
    tc.set_seed(5)
    model = tc.Sequential([tc.Input((7, 5, 3)), make(), layers.Conv2D(5, 3), make(), layers.Flatten()])
    x = rng.random((8, 7, 5, 3)) + 1
    with tc.backend(backend), tc.randomness.repeat_draws():
        whole = model(x, training=True).numpy()
        for first, end in ((0, 3), (3, 8), (7, 8)):
            with tc.randomness.first_sample(first):
                np.testing.assert_array_equal(model(x[first:end], training=True), whole[first:end])
        assert (model(x[3:], training=True).numpy() != whole[3:]).any()


def test_the_index_of_a_first_sample():
    for index in (-1, 0.5, None):
        with pytest.raises(ValueError, match="integer of at least 0, got"), tc.randomness.first_sample(index):
            pass


def test_noise_is_normal_and_its_size_is_stddev():
    layer = layers.GaussianNoise(0.25, seed=8, dtype="float64")
    z = layer(np.full((100, 40, 30), 3.0), training=True).numpy() - 3
    assert abs(z.mean()) < 5 * 0.25 / np.sqrt(z.size)
    assert stats.kstest(z.reshape(-1) / 0.25, "norm").pvalue > 1e-3
    np.testing.assert_array_equal(layers.GaussianNoise(0.0)(z, training=True).numpy(), z.astype(np.float32))


def test_noise_hands_gradients_on(rng):
    x = tc.Tensor(rng.random((3, 4)), requires_grad=True)
    dy = rng.standard_normal((3, 4))
    layers.GaussianNoise(0.5, dtype="float64")(x, training=True).backward(dy)
    np.testing.assert_array_equal(x.grad, dy)


def test_channels_fall_as_a_whole(rng):
    """The share that falls, that each image draws for itself, and what the others are scaled by."""
    x = rng.random((60, 3, 4, 50)) + 1
    y = layers.SpatialDropout2D(0.3, seed=2, dtype="float64")(x, training=True).numpy()
    kept = y[:, 0, 0] > 0
    np.testing.assert_allclose(y, np.where(kept[:, None, None], x / 0.7, 0), rtol=1e-12)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / kept.size)
    assert len(np.unique(kept, axis=0)) == 60


@pytest.mark.parametrize(("rate", "kept"), [(0, 1.0), (1, 0.0)])
def test_channels_of_which_none_falls_or_all(rate, kept, rng):
    x = rng.random((4, 5, 3, 2)) + 1
    np.testing.assert_array_equal(layers.SpatialDropout2D(rate, dtype="float64")(x, training=True).numpy(), kept * x)
    assert layers.SpatialDropout2D(0.5)(x[:0], training=True).shape == (0, 5, 3, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: tc.functions.spatial_dropout2d(x, 1.0, 3), r"spatial_dropout2d needs 0 ≤ rate < 1, got 1\.0"),
        (lambda x: tc.functions.gaussian_noise(x, -1.0, 3), r"gaussian_noise needs stddev ≥ 0, got -1\.0"),
        (lambda x: tc.functions.elu(x, -1.0), r"elu needs alpha ≥ 0, got -1\.0"),
        (lambda x: tc.functions.prelu(x, np.ones(3)), r"prelu of x \(2, 3, 3, 4\) needs alpha of shape \(3, 3, 4\)"),
        (lambda x: tc.functions.prelu(x, np.ones((3, 2, 4))), r"or 1 in places, got \(3, 2, 4\)"),
    ],
    ids=range(5),
)
def test_functions_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 3, 3, 4)))


def test_a_new_activation_joins_a_network(digits):
    """One of each in a network that learns, by name and as a layer, and its last activation is known."""
    x, y = digits
    model = tc.Sequential(
        [
            tc.Input((8, 8, 1)),
            layers.GaussianNoise(0.05),
            layers.Conv2D(4, 3, activation="swish"),
            layers.ReLU(6.0),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 2),
            layers.PReLU(shared_axes=[1, 2]),
            layers.SpatialDropout2D(0.1),
            layers.Permute((3, 1, 2)),
            layers.Flatten(),
            layers.Dense(12, activation="gelu"),
            layers.ELU(),
            layers.Dense(12, activation="selu"),
            layers.LeakyReLU(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(tc.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, batch_size=20, epochs=25, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    assert model.layers[1].get_config()["activation"] == "silu"


@pytest.mark.parametrize(
    "relu",
    [dict(max_value=0.5), dict(threshold=0.5), dict(negative_slope=0.5)],
    ids=lambda arguments: next(iter(arguments)),
)
def test_only_a_plain_relu_is_joined_with_a_convolution(relu, rng):
    x = rng.standard_normal((3, 6, 5, 2))
    model = tc.Sequential([tc.Input((6, 5, 2)), layers.Conv2D(4, 3), layers.ReLU(**relu), layers.MaxPooling2D()])
    one_by_one = tc.Tensor(x.astype(np.float32))
    for layer in model.layers:
        one_by_one = layer(one_by_one)
    np.testing.assert_array_equal(model(x).numpy(), one_by_one.numpy())
    assert (model(x).numpy() != layers.MaxPooling2D()(layers.ReLU()(model.layers[0](x))).numpy()).any()
