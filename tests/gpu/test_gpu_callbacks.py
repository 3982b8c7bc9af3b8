"""Generators, numbered batches, callbacks and the range test on a GPU: the same as on the CPU."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers


def trained(device, **settings):
    """Fit a small network with dropout on a device; return it and its history."""
    tc.clear_session()
    tc.set_seed(5)
    body = [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dropout(0.25)]
    model = tc.Sequential([tc.Input((6, 6, 1)), *body, layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.to(device)
    return model, model.fit(**settings, epochs=3, verbose=0).history


def batches(n=6):
    rng = np.random.default_rng(4)
    for _ in range(n):
        yield rng.random((5, 6, 6, 1)).astype(np.float32), rng.integers(0, 3, 5)


class Numbered(tc.utils.PyDataset):
    """The same batches by number."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.batches, self.heard = [*batches()], []

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_end(self):
        self.heard.append("end")


@pytest.mark.parametrize("given", ["generator", "numbered", "steps"])
def test_what_gives_batches(given, cupy):
    make = {
        "generator": lambda: dict(x=batches(), steps_per_epoch=2),
        "numbered": lambda: dict(x=Numbered(workers=2), validation_data=Numbered()),
        "steps": lambda: dict(x=Numbered(), steps_per_epoch=3, validation_data=batches(9), validation_steps=3),
    }[given]
    (cpu, history), (gpu, other) = (trained(device, **make()) for device in ("cpu", "gpu"))
    for name, values in history.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-4)
    for one, two in zip(cpu.get_weights(), gpu.get_weights(), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-5)


def test_callbacks(cupy, tmp_path):
    found = []
    for device in ("cpu", "gpu"):
        folder = tmp_path / device
        table = tc.callbacks.CSVLogger(folder / "log.csv")
        callbacks = [
            tc.callbacks.ModelCheckpoint(folder / "{epoch}.weights.h5", "loss", save_best_only=True),
            tc.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True),
            tc.callbacks.ReduceLROnPlateau("loss", mode="max", patience=1),
            tc.callbacks.TerminateOnNaN(),
            tc.callbacks.BackupAndRestore(folder / "backup"),
            table,
        ]
        model, history = trained(device, x=Numbered(), callbacks=callbacks)
        found.append((model.get_weights(), history, sorted(path.name for path in folder.iterdir())))
    assert found[0][2] == found[1][2]
    for name, values in found[0][1].items():
        np.testing.assert_allclose(found[1][1][name], values, rtol=1e-4)
    for one, two in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-5)


def test_the_range_test_leaves_no_trace(cupy):
    model, _ = trained("gpu", x=Numbered())
    before = model.get_weights(), [array.get().copy() for array in model.optimizer.slots["momentum"]]
    assert len(tc.lr_finder(model, Numbered(), steps=10, highest=0.1).rates) > 1
    for one, two in zip(before[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(before[1], model.optimizer.slots["momentum"], strict=True):
        np.testing.assert_array_equal(one, two.get())
