"""Whole models on the GPU's kernels, against the same on the CPU's (without a GPU on the stand-in, see standin)."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers, optimizers, train
from tinyconv.kernels import DeviceError

pytestmark = pytest.mark.gpu

STEPS = 50


def network():
    """A network with one of everything, dropout included, and its data."""
    tc.clear_session()
    tc.set_seed(3)
    model = tc.Sequential(
        [
            tc.Input((11, 10, 2)),
            layers.Rescaling(0.5, [0.1, -0.1]),
            # No bias before a batch normalization: its gradient is 0 but for rounding, of which Adam makes whole steps.
            layers.Conv2D(6, 3, activation="relu", use_bias=False),
            layers.BatchNormalization(moving_variance="unbiased"),
            layers.Conv2D(4, 3, padding="same", groups=2, kernel_regularizer="l2", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.ReLU(),
            layers.Conv2D(4, 2, padding="same"),
            layers.ReLU(negative_slope=0.1),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.AveragePooling2D(2, 1, "same"),
            layers.Flatten(),
            layers.Dense(7, activation="tanh"),
            layers.LayerNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(5)
    return model, rng.standard_normal((40, 11, 10, 2), np.float32), rng.integers(0, 3, 40)


def curve(device, optimizer, steps=STEPS):
    """Losses of some training steps, and the model."""
    model, x, y = network()
    model.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.to(device)
    losses = []
    for step in range(steps):
        chosen = slice(step * 8 % 40, step * 8 % 40 + 8)
        losses.append(model.train_on_batch(x[chosen], y[chosen])[0])
    return losses, model


OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.05),
    "Nesterov": lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(0.002, momentum=0.5, centered=True),
    "Adam": optimizers.Adam,
    "Adagrad": lambda: optimizers.Adagrad(0.02),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_learns_as_on_the_cpu(cupy, optimizer):
    cpu, gpu = (curve(device, optimizer)[0] for device in ("cpu", "gpu"))
    assert cpu[-1] != cpu[0]
    np.testing.assert_allclose(gpu, cpu, rtol=1e-4)


def test_repeats_its_bits(cupy):
    runs = [curve("gpu", optimizers.Adam, 12) for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    weights = [[array.tobytes() for array in model.get_weights()] for _, model in runs]
    assert weights[0] == weights[1]


def test_moves_there_and_back_and_saves_the_same_file(cupy, tmp_path):
    _, model = curve("gpu", optimizers.Adam, 3)
    assert {weight.device for weight in model.weights} == {"gpu"}
    assert isinstance(model.optimizer.slots["momentum"][0], cupy.ndarray)
    model.save_weights(str(tmp_path / "gpu.weights.h5"))
    model.to("cpu").save_weights(str(tmp_path / "cpu.weights.h5"))
    assert (tmp_path / "gpu.weights.h5").read_bytes() == (tmp_path / "cpu.weights.h5").read_bytes()

    other, _, _ = network()
    other.compile("adam", "sparse_categorical_crossentropy")
    other.optimizer.build(other.trainable_weights)
    other.to("gpu").load_weights(str(tmp_path / "cpu.weights.h5"))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert other.weights[0].device == "gpu"


def test_fit_evaluate_and_predict(cupy):
    found = []
    for device in ("cpu", "gpu"):
        model, x, y = network()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.to(device)
        settings = {"batch_size": 16, "epochs": 2, "verbose": 0, "validation_split": 0.25}
        history = model.fit(x, y, sample_weight=np.linspace(0.5, 2, 40), **settings).history
        found.append([*history.values(), model.evaluate(x, y, verbose=0), model.predict(x)])
    for cpu, gpu in zip(*found, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-4, atol=1e-6)
    assert isinstance(found[1][-1], np.ndarray)


def test_a_training_step_waits_for_nothing(cupy, monkeypatch):
    """A number fetched from the GPU would make the CPU wait for it, and the GPU then for the CPU."""
    if cupy.__version__ != "0.0 (stand-in)":
        pytest.skip("seen on the stand-in, whose arrays can be watched")
    model, x, y = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.to("gpu")
    asked = []
    for name in ("get", "item", "tolist", "__float__", "__int__", "__bool__", "__index__"):
        original = getattr(cupy.ndarray, name)

        def spy(self, *given, name=name, original=original):
            asked.append(name)
            return original(self, *given)

        monkeypatch.setattr(cupy.ndarray, name, spy)

    class Watch(tc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs):
            assert asked == []

        def on_epoch_end(self, epoch, logs):
            assert asked  # to show them
            asked.clear()

    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[Watch()])


def test_arrays_on_different_devices_are_refused(cupy):
    model, x, _ = network()
    model.to("gpu")
    message = r'layer "conv2d" .*a tensor on the cpu, its weights are on the gpu: move one with .to\('
    with pytest.raises(ValueError, match=message):
        model(x)
    a = tc.Tensor(np.ones(3))
    with pytest.raises(TypeError, match=r"Add got arrays on different devices \(cpu, gpu\): move one"):
        a + a.to("gpu")
    assert (2 * a.to("gpu") + 1).to("cpu").numpy().tolist() == [3, 3, 3]
    with pytest.raises(ValueError, match='a device is "cpu" or "gpu", got \'tpu\''):
        model.to("tpu")


def test_wrong_labels_are_refused_before_they_leave(cupy):
    class Wrong(tc.data.Dataset):
        def __len__(self):
            return 1

        def epoch(self, number):
            yield np.zeros((2, 11, 10, 2), np.float32), np.array([0, 3])

    model, _, _ = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.to("gpu")
    with pytest.raises(ValueError, match=r"needs labels in 0 … 2, got 3"):
        model.fit(Wrong(), verbose=0)


def test_a_label_that_is_no_class_gives_nan(cupy):
    """The kernel can raise nothing, but must not read what is not there."""
    values, weights = np.random.default_rng(0).standard_normal((5, 3)), np.arange(1.0, 6)
    logits = tc.Tensor(values).to("gpu")
    logits.requires_grad = True
    loss = tc.functions.sparse_softmax_cross_entropy(logits, cupy.asarray(np.array([0, -1, 2, 3, 1])))
    assert np.isnan(loss.numpy()).tolist() == [False, True, False, True, False]
    loss.backward(cupy.asarray(weights))

    good = [0, 2, 4]
    same = tc.Tensor(values[good], requires_grad=True)
    tc.functions.sparse_softmax_cross_entropy(same, np.array([0, 2, 1])).backward(weights[good])
    np.testing.assert_allclose(cupy.asnumpy(logits.grad)[good], same.grad, rtol=1e-12)


def test_targets_follow_the_logits(cupy):
    rng = np.random.default_rng(1)
    values, targets = rng.standard_normal((4, 3)), rng.dirichlet(np.ones(3), 4)
    for function, given in [
        (tc.functions.softmax_cross_entropy, targets),
        (tc.functions.sparse_softmax_cross_entropy, targets.argmax(axis=-1)),
        (tc.functions.sigmoid_cross_entropy, tc.Tensor(targets)),
    ]:
        there = function(tc.Tensor(values).to("gpu"), given)
        assert there.device == "gpu"
        np.testing.assert_allclose(there.numpy(), function(tc.Tensor(values), given).numpy(), rtol=1e-12)


class Keeper(tc.callbacks.Callback):
    """Keeps what it was told after each batch."""

    def __init__(self):
        self.kept = []

    def on_train_batch_end(self, batch, logs):
        self.kept.append(logs)


def test_logs_of_a_batch_stay_what_they_were(cupy):
    found = []
    for device in ("cpu", "gpu"):
        model, x, y = network()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.to(device)
        keeper = Keeper()
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[keeper])
        found.append([list(dict(logs).values()) for logs in keeper.kept])
    assert found[0][0] != found[0][-1]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)


class Sure(tc.metrics.Metric):
    """How many predictions are above a half, each with its weight."""

    def __init__(self, name="sure"):
        super().__init__(name)
        self.found = self.add_weight(name="found")

    def update_state(self, y_true, y_pred, sample_weight=None):
        sure = (y_pred > 0.5).sum(axis=-1)
        self.found.assign_add((sure if sample_weight is None else sure * sample_weight.reshape(-1)).sum())

    def result(self):
        return self.found


def test_losses_and_metrics_of_ones_own(cupy):
    def squared(y_true, y_pred):
        return tc.functions.mean((y_true - y_pred) ** 2, axis=-1)

    found = []
    for device in ("cpu", "gpu"):
        model, x, y = network()
        model.compile("adam", squared, metrics=[Sure(), squared], weighted_metrics=[Sure("weighted"), "accuracy"])
        model.to(device)
        settings = {"batch_size": 16, "epochs": 2, "verbose": 0, "sample_weight": np.linspace(0.5, 2, 40)[:, None]}
        keeper = Keeper()
        history = model.fit(x, np.eye(3)[y], callbacks=keeper, **settings).history
        found.append([*history.values(), [list(logs.values()) for logs in keeper.kept]])
    for cpu, gpu in zip(*found, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-3, atol=1e-5)


def test_memory_that_runs_out(cupy, gpu, monkeypatch, tmp_path, capsys):
    def conv2d(x, *_):
        raise MemoryError("Out of memory allocating 9,999 bytes")

    monkeypatch.setattr(gpu, "conv2d", conv2d)
    model, x, y = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.to("gpu")
    message = r"a batch of 16 does not fit on the GPU \(Out of memory allocating 9,999 bytes\): try batch_size=8"
    for call in (lambda: model.fit(x, y, batch_size=16, verbose=0), lambda: model.predict(x, batch_size=16)):
        with pytest.raises(MemoryError, match=message):
            call()
    with pytest.raises(MemoryError, match=r"a batch of 1 .* the model needs a larger GPU, or the CPU"):
        model.evaluate(x, y, batch_size=1, verbose=0)
    options = ["--limit", "20", "--batch-size", "10", "--verbose", "0", "--backend", "gpu", "--output", str(tmp_path)]
    assert train.main(["mnist", *options]) == 2
    assert "out of memory: a batch of 10 does not fit on the GPU" in capsys.readouterr().err


@pytest.mark.slow
def test_command_line(cupy, tmp_path, capsys):
    arguments = ["mnist", "--limit", "20", "--batch-size", "10", "--verbose", "0", "--output", str(tmp_path)]
    assert train.main([*arguments, "--backend", "gpu", "--epochs", "1"]) == 0
    assert train.main(["mnist", "--resume", "--epochs", "2", "--verbose", "0", "--output", str(tmp_path)]) == 0
    assert "Resumed after epoch 1 of 2" in capsys.readouterr().out
    assert (tmp_path / "predictions.png").exists()


def test_no_gpu(cupy, monkeypatch):
    from tinyconv.kernels.gpu import device

    def none():
        raise cupy.cuda.runtime.CUDARuntimeError(100)

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", none)
    device.require.cache_clear()
    with pytest.raises(DeviceError, match=r"no GPU answers \(.*\): is there one"):
        network()[0].to("gpu")
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    with pytest.raises(DeviceError, match="there is no GPU on this machine"):
        network()[0].to("gpu")
