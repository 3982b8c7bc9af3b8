"""The recipes on arrays against their documents: networks, data, batches, losses."""

import csv

import numpy as np
import pytest
from run_checks import load_once

import tinyconv as tc
from tinyconv.recipes import BY_NAME, RECIPES, mnist_sgd
from tinyconv.recipes.config import fresh
from tinyconv.recipes.mnist_sgd import FirstLoss, InOrder

SHAPES = {
    "mnist": [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (9216, 128), (128,), (128, 10), (10,)],
    "mnist-cnn5": [(5, 5, 1, 64), (64,), (9216, 100), (100,), (100, 10), (10,)],
    "mnist-fc": [(784, 200), (200,), (200, 200), (200,), (200, 10), (10,)],
    "mnist-sgd": [(784, 1024), (1024,), (1024, 10), (10,)],
    "cifar10": [
        *[(3, 3, 3, 32), (32,), (3, 3, 32, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 64), (64,)],
        *[(1600, 256), (256,), (256, 10), (10,)],
    ],
}
PARAMETERS = {
    "mnist": 1_199_882,
    "mnist-cnn5": 924_374,
    "mnist-fc": 199_210,
    "mnist-sgd": 814_090,
    "cifar10": 477_994,
}
ON_ARRAYS = [recipe for recipe in RECIPES if not recipe.photographs]
ON_MNIST = [recipe for recipe in RECIPES if recipe.name.startswith("mnist")]


@pytest.fixture(autouse=True)
def unpacked_once(monkeypatch):
    monkeypatch.setattr(tc.datasets.mnist, "load_data", load_once)


def load(recipe, limit=None):
    return recipe.load(fresh(recipe, {"limit": limit}))


@pytest.mark.parametrize("recipe", ON_ARRAYS, ids=lambda recipe: recipe.name)
def test_networks(recipe):
    model = recipe.build()
    assert [weight.shape for weight in model.weights] == SHAPES[recipe.name]
    assert model.count_params() == recipe.parameters == PARAMETERS[recipe.name]
    assert all((weight.numpy() == 0).all() for weight in model.weights if weight.name == "bias")


def test_settings():
    settings = {recipe.name: (recipe.batch_size, recipe.epochs, recipe.learning_rate) for recipe in ON_ARRAYS}
    assert settings.pop("mnist-sgd") == (256, 13, 0.003)
    assert settings.pop("cifar10") == (128, 200, 0.001)
    assert {recipe.seed for recipe in RECIPES} == {0}
    assert set(settings.values()) == {(200, 10, 0.001)}
    assert {type(recipe.optimizer(0.1)).__name__ for recipe in RECIPES[:3]} == {"Adam"}
    assert isinstance(BY_NAME["mnist-sgd"].optimizer(0.1), tc.optimizers.SGD)
    assert BY_NAME["mnist-cnn"] is BY_NAME["mnist"]
    rates = {
        recipe.name: [layer.rate for layer in recipe.build().layers if isinstance(layer, tc.layers.Dropout)]
        for recipe in ON_ARRAYS
    }
    assert rates.pop("cifar10") == [0.25, 0.25, 0.5]
    assert rates == {"mnist": [0.25, 0.5], "mnist-cnn5": [], "mnist-fc": [0.15], "mnist-sgd": []}


def test_pixels_and_splits():
    (x, y), (x_test, y_test) = load_once()
    eye = np.eye(10)
    data = load(BY_NAME["mnist"])
    assert data.training[0].shape == (60_000, 28, 28, 1)
    np.testing.assert_array_equal(data.training[0][..., 0], x)
    np.testing.assert_array_equal(data.training[1], eye[y])
    assert data.validation is data.test
    np.testing.assert_array_equal(data.test[0][..., 0], x_test)

    for name in ("mnist-cnn5", "mnist-fc"):
        data = load(BY_NAME[name], 300)
        assert data.training[0].dtype == np.float32
        np.testing.assert_allclose(data.training[0][..., 0], x[:300] / 255, rtol=1e-7)
        assert [len(part) for part in (*data.training, *data.validation, *data.test)] == [300] * 6

    data = load(BY_NAME["mnist-sgd"])
    for (images, targets), pixels, labels in (
        (data.training, x[:50_000], y[:50_000]),
        (data.validation, x[50_000:], y[50_000:]),
        (data.test, x_test, y_test),
    ):
        np.testing.assert_array_equal(images, pixels.reshape(-1, 784))
        np.testing.assert_array_equal(targets, eye[labels])


def test_sgd_batches_come_in_the_documents_order():
    """offset = (step * 256) % (labels.shape[0] - 256), for the 6,001 steps of the document."""
    x = np.arange(50_000)[:, np.newaxis]
    batches = InOrder(x, x, 256)
    epochs = BY_NAME["mnist-sgd"].epochs
    assert sum(batches.steps(epoch) for epoch in range(epochs)) == 6_001
    step = 0
    for epoch in range(epochs):
        found = list(batches.epoch(epoch))
        assert len(found) == batches.steps(epoch)
        for rows, targets, weights, _ in found:
            offset = (step * 256) % (50_000 - 256)
            np.testing.assert_array_equal(rows[:, 0], range(offset, offset + 256))
            assert targets is not rows
            np.testing.assert_array_equal(targets, rows)
            assert weights is None
            step += 1
    assert step == 6_001


@pytest.mark.parametrize(("samples", "batch"), [(7, 3), (6, 5), (4, 4), (5, 1)])
def test_sgd_batches_of_few_samples_are_never_short(samples, batch):
    x = np.arange(samples)
    assert {len(each.x) for each in InOrder(x, x, batch).epoch(0)} == {batch}


def test_sgd_batches_go_on_after_the_documents_last_step():
    x = np.arange(50_000)
    batches = InOrder(x, x, 256)
    assert batches.steps(13) == 500
    first = next(batches.epoch(13)).x
    assert first[0] == 6_001 * 256 % (50_000 - 256)


def test_sgd_loss_is_the_documents():
    """Softmax cross-entropy of the logits + 0.05·½Σw² of either kernel, before the first update."""
    recipe = BY_NAME["mnist-sgd"]
    tc.set_seed(3)
    model = recipe.build()
    model.compile(recipe.optimizer(recipe.learning_rate), recipe.loss, metrics=["accuracy"])
    w1, b1, w2, b2 = (array.astype(np.float64) for array in model.get_weights())
    assert 0.875 < w1.std() < 0.885  # a standard normal cut at ±2
    assert np.abs(w1).max() <= 2
    x, y = load(recipe, 256).training
    logits = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    top = logits.max(axis=1)
    entropy = top + np.log(np.exp(logits - top[:, np.newaxis]).sum(axis=1)) - (logits * y).sum(axis=1)
    expected = entropy.mean() + 0.05 * (w1**2).sum() / 2 + 0.05 * (w2**2).sum() / 2

    class Watch(tc.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.logs = dict(logs)

    watch = Watch()
    model.fit(InOrder(x, y, 256), epochs=1, verbose=0, callbacks=[FirstLossOnly(), watch])
    np.testing.assert_allclose(watch.logs["first_loss"], expected, rtol=1e-5)
    assert abs(watch.logs["loss"] / expected - 1) > 0.1  # the mean of the epoch, another number


class FirstLossOnly(FirstLoss):
    """Stops the epoch early: its first losses are enough."""

    def on_train_batch_end(self, batch, logs):
        super().on_train_batch_end(batch, logs)
        self.model.stop_training = batch == 3


def test_sgd_run_keeps_and_shows_first_losses(command, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist_sgd, "STEPS", 3)
    done = command("mnist-sgd", "--limit", 300, "--epochs", 2, "--verbose", 0)
    assert done.code == 0
    rows = list(csv.DictReader((tmp_path / "runs/mnist-sgd/history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    first = [f"{float(row['first_loss']):,.0f}" for row in rows]
    shown = [line.split("│") for line in done.out.splitlines() if "loss at step" in line]
    assert [(cells[1].strip(), cells[3].strip()) for cells in shown] == [
        ("loss at step 0", "70,188"),
        ("loss at step 500", "13,980"),
        ("loss at step 2,500", "7,590"),
        ("loss at step 6,000", "2,655"),
    ]
    assert [cells[2].strip() for cells in shown] == [*first, "not reached", "not reached"]
    assert "Not the document's settings: --epochs 2, --limit 300" in done.out


@pytest.mark.parametrize("recipe", ON_MNIST, ids=lambda recipe: recipe.name)
def test_an_image_is_prepared_as_the_data_are(recipe):
    images = load_once()[1][0][:3, :, :, np.newaxis].astype("float32")
    prepared, loaded = recipe.prepare(images), load(recipe, 3).test[0]
    assert prepared.shape == loaded.shape
    np.testing.assert_array_equal(prepared, loaded)
    assert recipe.class_names == tuple("0123456789")
