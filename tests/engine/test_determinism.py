"""The same seed gives the same bits; the two CPU namespaces, and any number of threads, give the same training."""

import os
import subprocess
import sys

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


def train(digits, network, dropout=0.4, seed=7, **settings):
    """Train afresh and return the weights and the history."""
    model = network(dropout)
    tc.set_seed(seed)
    history = model.fit(*digits, batch_size=16, epochs=2, verbose=0, **settings)
    return [array.tobytes() for array in model.get_weights()], history.history


def test_two_runs_with_one_seed_give_the_same_bits(digits, network):
    first = train(digits, network)
    assert train(digits, network) == first
    assert train(digits, network, seed=8) != first


SCRIPT = """
import hashlib, numpy as np, tinyconv as tc
tc.set_seed(5)
layers = tc.layers
model = tc.Sequential([tc.Input((14, 14, 1)),
                       layers.Conv2D(16, 3, activation="relu"),  # direct
                       layers.Conv2D(32, 3),  # Winograd's algorithm
                       layers.BatchNormalization(), layers.ReLU(),
                       layers.Conv2D(6, 3, strides=2),  # im2col
                       layers.BatchNormalization(), layers.LayerNormalization(),
                       layers.MaxPooling2D(), layers.AveragePooling2D(), layers.Dropout(0.3),
                       layers.Flatten(), layers.Dense(2, activation="softmax")])
x = np.linspace(-1, 1, 20 * 196).reshape(20, 14, 14, 1) ** 3
for optimizer in (tc.optimizers.Adam(), tc.optimizers.RMSprop(momentum=0.9, centered=True)):
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(x, np.arange(20) % 2, batch_size=8, epochs=2, verbose=0)
print(hashlib.sha256(b"".join(array.tobytes() for array in model.get_weights())).hexdigest())
"""


@pytest.mark.slow
def test_a_process_that_compiles_gives_the_bits_of_one_that_finds_compiled_kernels(tmp_path):
    runs = []
    for _ in range(2):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        runs.append(subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment))
    cold, warm = runs
    assert "compiling" in cold.stderr
    assert not warm.stderr
    assert cold.stdout == warm.stdout
    assert len(cold.stdout.strip()) == 64


def test_any_number_of_threads_gives_the_same_bits(digits, network):
    from numba.core import config

    if config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread is all there is")
    try:
        tc.set_threads(1)
        one = train(digits, network)
        tc.set_threads(2)
        two = train(digits, network)
    finally:
        tc.set_threads(config.NUMBA_NUM_THREADS)
    assert one == two


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reference_and_cpu_agree_on_a_training_step(dtype, rng):
    """Forward, loss, gradients and the weights after the step of a network with one of everything, dropout included."""
    x, y = rng.random((10, 13, 12, 2)), rng.integers(0, 3, 10)
    found = []
    for backend in ("reference", "cpu"):
        with tc.backend(backend):
            tc.set_seed(3)
            tc.set_floatx(dtype)
            model = tc.Sequential(
                [
                    layers.Conv2D(16, 3, activation="relu", input_shape=(13, 12, 2)),
                    layers.Conv2D(16, 3, padding="same", activation="relu"),  # served by Winograd's algorithm
                    layers.Conv2D(6, (3, 2), padding="same", groups=2, kernel_regularizer="l2"),
                    layers.ReLU(negative_slope=0.1),
                    layers.MaxPooling2D(),
                    layers.Dropout(0.3),
                    layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation="tanh"),
                    layers.AveragePooling2D(2, 1, "same"),
                    layers.Flatten(),
                    layers.Dense(7, activation="sigmoid", kernel_initializer="he_normal"),
                    layers.Dropout(0.5),
                    layers.Dense(3, activation="softmax"),
                ]
            )
            loss = tc.losses.SparseCategoricalCrossentropy()(y, model(x, training=True)) + model.losses[0]
            loss.backward()
            gradients = [weight.grad.copy() for weight in model.weights]
            for weight in model.weights:
                weight.grad = None
            for layer in model.layers:
                if isinstance(layer, layers.Dropout):
                    layer.seed_state = np.array([layer.stream.number, 0])
            model.compile(tc.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
            model.train_on_batch(x, y)
            found.append([np.array([loss.item()]), *gradients, *model.get_weights()])
    bound = 1e-5 if dtype == "float32" else 1e-12
    for reference, cpu in zip(*found, strict=True):
        assert np.linalg.norm(reference) > 0 or not cpu.any()
        assert np.linalg.norm(cpu - reference) <= bound * np.linalg.norm(reference)


def test_both_backends_draw_the_same_numbers():
    drawn = []
    for backend in ("reference", "cpu"):
        with tc.backend(backend):
            tc.set_seed(9)
            drawn.append((tc.initializers.GlorotUniform()((5, 6), "float32"), tc.randomness.permutation(50, 3)))
    for one, other in zip(*drawn, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_a_seed_runs_differ():
    script = "import tinyconv as tc; print(tc.randomness.seed())"
    runs = {subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout for _ in range(2)}
    assert len(runs) == 2


SEEDED = {
    "set_seed": tc.set_seed,
    "Dropout": lambda seed: layers.Dropout(0.5, seed=seed),
    "GaussianNoise": lambda seed: layers.GaussianNoise(0.5, seed=seed),
    "SpatialDropout2D": lambda seed: layers.SpatialDropout2D(0.5, seed=seed),
    "F.dropout": lambda seed: tc.functions.dropout(np.ones(3), 0.5, seed),
    "F.gaussian_noise": lambda seed: tc.functions.gaussian_noise(np.ones(3), 0.5, seed),
    "F.spatial_dropout2d": lambda seed: tc.functions.spatial_dropout2d(np.ones((1, 1, 1, 1)), 0.5, seed),
    **{
        name: lambda seed, name=name: getattr(tc.initializers, name)(seed=seed)
        for name in ("RandomUniform", "RandomNormal", "TruncatedNormal", "VarianceScaling", "GlorotUniform", "HeNormal")
    },
}


@pytest.mark.parametrize("call", SEEDED.values(), ids=SEEDED)
def test_seeds(call):
    """One rule for every seed, before anything is drawn, whichever backend would draw."""
    for seed in (-1, 2**64, 1.5, "a", True):
        with pytest.raises(ValueError, match=r"seed must be an integer in 0 … 2\*\*64 - 1, got"):
            call(seed)
    for seed in (0, 2**64 - 1, np.int64(5), np.uint64(2**63)):
        call(seed)


def test_the_largest_seed():
    tc.set_seed(2**64 - 1)
    assert tc.randomness.seed() == 2**64 - 1


def test_uniform_numbers_are_uniform():
    values = tc.randomness.uniform((40_000,), (1, 2, 3))
    assert 0 < values.min() < 1e-3
    assert 0.999 < values.max() < 1
    assert abs(values.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 40_000)
    counts, _ = np.histogram(values, 20, (0, 1))
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)


def test_permutations_are_permutations():
    orders = [tuple(tc.randomness.permutation(5, step)) for step in range(600)]
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3, 4)}
    assert len(set(orders)) > 110  # of 120
    firsts = np.bincount([order[0] for order in orders], minlength=5)
    assert abs(firsts - 120).max() < 5 * np.sqrt(120)
